"""The data module of every task: splits, holdout, loaders, and what the task must know of the data.

A task's data module defines in its ``data.py`` the formats it reads (`source`), how examples
become batches (`dataset`), and what the task is built from (`linked`). All else is here: the
holdout is cut off once, training batches are shuffled by a function of (seed, epoch), evaluation
keeps the order, and every loader can resume at any step.

Data flows one way. The command line builds the data module, lets it `adopt` what a checkpoint
holds, and passes `linked` to the task as plain data. No data module looks at the task.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from lightning.pytorch import LightningDataModule
from typing_extensions import override

from multimodal.data.buckets import BucketSampler
from multimodal.data.examples import CaptionExample, ImageExample, QuestionExample, TextExample
from multimodal.data.loaders import BatchDataset, ResumableLoader
from multimodal.data.readers import holdout as hold_out
from multimodal.data.source import Source
from multimodal.text import SPECIALS, Vocabulary

if TYPE_CHECKING:
    # Images load torchvision, which texts do not need.
    from multimodal.data.image_source import Images
    from multimodal.nn.encoder import ImageEncoder
    from multimodal.saving.checkpoint import SavedModel

Example = TypeVar("Example", CaptionExample, QuestionExample, TextExample, ImageExample)
Batch = TypeVar("Batch")
TestSplit = Literal["test", "val"]


class DataModule(LightningDataModule, ABC, Generic[Example, Batch]):
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
    built_in: ClassVar[str] = "scenes"
    """The format whose words and labels are known without reading it."""

    source: Source[Example]
    images: "Images | None" = None
    """How images are opened, where features may be cached."""

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
    def dataset(self, split: str, *, training: bool) -> BatchDataset[Batch]:
        """Build the data set of a split; for training, images are augmented and texts drawn."""

    @abstractmethod
    def linked(self) -> dict[str, Any]:
        """Return the constructor arguments that the task takes from its data, as plain data."""

    @abstractmethod
    def adopt(self, saved: "SavedModel") -> None:
        """Use the vocabulary, labels and transform of a checkpoint instead of this data's own."""

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary of the training texts, or an adopted one."""
        raise AttributeError(f"{type(self).__name__} has no texts, and so no words.")

    @property
    def vocabulary(self) -> list[str]:
        """All words as plain data, the four special tokens first."""
        return self.words.to_list()

    @property
    def is_built_in(self) -> bool:
        """Whether all words of the data set are known without reading it."""
        return self.source.format == self.built_in

    def read(self, split: str) -> list[Example]:
        """Read ``train``, ``val`` or ``test`` as the data set has it."""
        return self.source.read(split)

    def use_encoder(
        self, encoder: "ImageEncoder", *, trained_from_epoch: int, trainable_stages: int
    ) -> None:
        """Cache the features of this encoder, where a cache is named.

        Args:
            encoder: The task's encoder.
            trained_from_epoch: Epoch from which it is trained; -1 is never.
            trainable_stages: Stages of it that are trained from the start.

        Raises:
            ValueError: The run trains the encoder from its start, and a cache is named.
        """
        if self.images is not None:
            is_fit = self.trainer is not None and self.trainer.state.fn == "fit"
            self.images.use_encoder(
                encoder, trained_from_epoch, trainable_stages=trainable_stages if is_fit else 0
            )

    def resume(self, saved: "SavedModel") -> None:
        """Keep the words of a resumed run on a built-in world.

        Such a run may have begun with the words of its training examples alone. Of other data the
        words must be the same, which the task checks.
        """
        lists = {"vocabulary": saved.vocabulary, **saved.extra}
        if self.is_built_in and all(
            set(lists.get(name) or ()) <= set(known)
            for name, known in self.linked().items()
            if name in ("vocabulary", "answers", "labels")
        ):
            self.adopt(saved)

    def lengths(self, dataset: Any, *, training: bool) -> Sequence[int] | None:  # noqa: ARG002 (for tasks of texts)
        """Return the lengths by which batches of a data set are bucketed; None for no buckets."""
        return None

    def examples(self, split: str) -> list[Example]:
        """Return the examples of ``train``, ``val`` or ``test``, read once."""
        if split not in self._examples:
            if self.holdout and split in ("train", "val"):
                self.split_training(self.read("train"), self.holdout)
            else:
                self._examples[split] = self.read(split)
        return self._examples[split]

    def split_training(self, examples: list[Example], share: float) -> None:
        """Hold a share of the training examples out for validation."""
        train, val = hold_out(examples, share, self.seed, stratify=self.stratify)
        self._examples.update(train=train, val=val)

    @override
    def train_dataloader(self) -> ResumableLoader[Batch]:
        return self.loader("train", training=True)

    @override
    def val_dataloader(self) -> ResumableLoader[Batch]:
        return self.loader("val")

    @override
    def test_dataloader(self) -> ResumableLoader[Batch]:
        return self.loader(self.test_split)

    @override
    def predict_dataloader(self) -> ResumableLoader[Batch]:
        return self.in_order(self.test_split)

    def in_order(self, split: str) -> ResumableLoader[Batch]:
        """Return a split's batches in the order of the examples, without augmentation."""
        return self.loader(split, bucketed=False)

    def loader(
        self, split: str, *, training: bool = False, bucketed: bool = True
    ) -> ResumableLoader[Batch]:
        """Return the batches of a split; their ``indices`` are those of the examples.

        Args:
            split: ``train``, ``val`` or ``test``.
            training: Whether they are shuffled, and their images augmented.
            bucketed: Whether examples of similar length share a batch.
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


def build_vocabulary(
    texts: Callable[[], Iterable[Sequence[str]]],
    known: Sequence[str],
    *,
    min_count: int = 1,
    max_vocabulary: int = 0,
) -> Vocabulary:
    """Build the vocabulary of the training texts, or of all known words of a built-in world.

    Args:
        texts: Returns the words of each training text. It is not called for a built-in world
            without limits, so that none of it is sampled.
        known: All words of a built-in world; none of other data.
        min_count: Rarer words become ``<unk>``.
        max_vocabulary: Most words, with the four special tokens; 0 is no limit.

    Example:
        >>> build_vocabulary(lambda: [["a", "dog"]], []).to_list()
        ['<pad>', '<bos>', '<eos>', '<unk>', 'a', 'dog']
    """
    if known and min_count <= 1 and not max_vocabulary:
        return Vocabulary([*SPECIALS, *known])
    return Vocabulary.build(texts(), min_count=min_count, max_size=max_vocabulary or None)
