"""The data module of every task: splits, holdout, loaders, and what the task must know of the data.

A task's data module says in its ``data.py`` how a split is read (`read`), how it becomes batches
(`dataset`), and what the task is built from (`linked`). All else is here: the split for validation
is cut off once, training batches are shuffled by a function of (seed, epoch), evaluation keeps the
order, and every loader can resume at any step.

Data flows one way. The command line builds the data module, lets it `adopt` what a checkpoint
holds, and passes `linked` to the task as plain data. No data module looks at the task.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from lightning.pytorch import LightningDataModule

from multimodal.data.buckets import BucketSampler
from multimodal.data.examples import CaptionExample, ImageExample, QuestionExample, TextExample
from multimodal.data.loaders import BatchDataset, ResumableLoader
from multimodal.data.readers import holdout as hold_out

if TYPE_CHECKING:
    from multimodal.saving.checkpoint import SavedModel

Example = TypeVar("Example", CaptionExample, QuestionExample, TextExample, ImageExample)
Batch = TypeVar("Batch")
TestSplit = Literal["test", "val"]


class DataModule(LightningDataModule, Generic[Example, Batch]):
    """Examples of three splits, and loaders of their batches.

    Args:
        holdout: Share of the training examples used for validation in place of the data set's own
            validation split; 0 uses that.
        test_split: Split that ``test`` and ``predict`` read.
        batch_size: Size of a training batch.
        eval_batch_size: Size of an evaluation batch.
        workers: Processes that make batches; 0 makes them in the main one.
        seed: Seed of holdout and order.
    """

    stratify: ClassVar[bool] = False
    """Whether the holdout has the same share of each class."""

    def __init__(
        self,
        *,
        holdout: float,
        test_split: TestSplit,
        batch_size: int,
        eval_batch_size: int,
        workers: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.holdout = holdout
        self.test_split = test_split
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.workers = workers
        self.seed = seed
        self._examples: dict[str, list[Example]] = {}

    @abstractmethod
    def read(self, split: str) -> list[Example]:
        """Read a split as the data set has it.

        Args:
            split: ``train``, ``val`` or ``test``.
        """

    @abstractmethod
    def dataset(self, split: str, *, training: bool) -> BatchDataset[Batch]:
        """Build the data set of a split.

        Args:
            split: ``train``, ``val`` or ``test``.
            training: Whether images are augmented and captions or questions are drawn.
        """

    @abstractmethod
    def linked(self) -> dict[str, Any]:
        """Return the constructor arguments that the task takes from its data, as plain data."""

    @abstractmethod
    def adopt(self, saved: "SavedModel") -> None:
        """Use the vocabulary, labels and transform of a checkpoint instead of this data's own.

        Args:
            saved: The checkpoint that is evaluated.
        """

    @property
    def is_built_in(self) -> bool:
        """Whether all words of the data set are known without reading it."""
        return False

    def resume(self, saved: "SavedModel") -> None:
        """Keep the words of a run of a built-in world that goes on.

        Such a run may have begun with the words of its training examples alone. Of other data the
        words must be the same, which the task checks.

        Args:
            saved: The checkpoint from which the run goes on.
        """
        lists = {"vocabulary": saved.vocabulary, **saved.extra}
        if self.is_built_in and all(
            set(lists.get(name) or ()) <= set(known)
            for name, known in self.linked().items()
            if name in ("vocabulary", "answers", "labels")
        ):
            self.adopt(saved)

    def lengths(self, dataset: Any, *, training: bool) -> Sequence[int] | None:  # noqa: ARG002 (for tasks of texts)
        """Return the lengths by which batches are bucketed; None for no buckets.

        Args:
            dataset: What `dataset` returned.
            training: Whether the batches are for training.
        """
        return None

    def examples(self, split: str) -> list[Example]:
        """Return the examples of a split, read once.

        Args:
            split: ``train``, ``val`` or ``test``.
        """
        if split not in self._examples:
            if self.holdout and split in ("train", "val"):
                self.split_training(self.read("train"), self.holdout)
            else:
                self._examples[split] = self.read(split)
        return self._examples[split]

    def split_training(self, examples: list[Example], share: float) -> None:
        """Hold a share of the training examples out for validation.

        Args:
            examples: All training examples.
            share: The share.
        """
        train, val = hold_out(examples, share, self.seed, stratify=self.stratify)
        self._examples.update(train=train, val=val)

    def train_dataloader(self) -> ResumableLoader[Batch]:
        """Return shuffled batches."""
        return self.loader("train", training=True)

    def val_dataloader(self) -> ResumableLoader[Batch]:
        """Return the validation batches."""
        return self.loader("val")

    def test_dataloader(self) -> ResumableLoader[Batch]:
        """Return the test batches."""
        return self.loader(self.test_split)

    def predict_dataloader(self) -> ResumableLoader[Batch]:
        """Return the test batches in the order of the examples."""
        return self.in_order(self.test_split)

    def in_order(self, split: str) -> ResumableLoader[Batch]:
        """Return a split's batches in the order of the examples, as evaluation sees them.

        Args:
            split: ``train``, ``val`` or ``test``; training images are not augmented.
        """
        return self.loader(split, bucketed=False)

    def loader(
        self, split: str, *, training: bool = False, bucketed: bool = True
    ) -> ResumableLoader[Batch]:
        """Return the batches of a split; their ``indices`` are those of the examples.

        Args:
            split: ``train``, ``val`` or ``test``.
            training: Whether they are shuffled, and their images augmented.
            bucketed: Whether examples of similar length may share a batch.
        """
        dataset = self.dataset(split, training=training)
        lengths = self.lengths(dataset, training=training) if bucketed else None
        sampler = BucketSampler(
            len(dataset) if lengths is None else lengths,
            batch_size=self.batch_size if training else self.eval_batch_size,
            seed=self.seed,
            shuffle=training,
            rank=self.rank,
            world_size=self.world_size,
        )
        return ResumableLoader(dataset, sampler, workers=self.workers)

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        return self.trainer.global_rank if self.trainer else 0

    @property
    def world_size(self) -> int:
        """Number of processes."""
        return self.trainer.world_size if self.trainer else 1
