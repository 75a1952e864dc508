"""Give a task and its data what each needs of the other.

Everything that shapes a network, such as the vocabulary, is linked into the task as plain data when
it is built. Two things cannot be: the task needs the training data when it starts (numbers are
scaled by them, classes weighed, baselines fitted), and data that cache the features of a frozen
encoder need that encoder. Neither side looks the other up; this is the only file that knows both.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from typing_extensions import override

from multimodal.nn.encoder import ImageEncoder


@runtime_checkable
class UsesTrainingData(Protocol):
    """A task that reads the training data before its first step."""

    def use_training_data(
        self, examples: Callable[[], Sequence[Any]], batches: Callable[[], Iterable[Any]]
    ) -> None:
        """Take functions that return the training examples and batches."""


@runtime_checkable
class HasExamples(Protocol):
    """Data that can list the examples of a split."""

    def examples(self, split: str) -> Sequence[Any]:
        """Return the examples of a split."""


@runtime_checkable
class UsesEncoder(Protocol):
    """Data that can cache the features of an image encoder."""

    def use_encoder(
        self, encoder: ImageEncoder, *, trained_from_epoch: int, trainable_stages: int
    ) -> None:
        """Take the encoder, and when it is trained."""


class Connection(Callback):
    """Connect the task and the data module of a trainer before anything runs."""

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        data = data_of(trainer)
        if data is not None:
            connect(pl_module, data)


def data_of(trainer: Trainer) -> LightningDataModule | None:
    """Return the trainer's data module; None if it was given loaders or nothing."""
    return getattr(trainer, "datamodule", None)


def connect(task: LightningModule, data: LightningDataModule) -> None:
    """Give a task the training data, and its data the image encoder.

    Tasks and data modules without the methods are left alone. A second call for the same two does
    no harm.
    """
    if isinstance(task, UsesTrainingData) and isinstance(data, HasExamples):
        # Lambdas, because copies of the task, as of its moving average, must not copy the data.
        task.use_training_data(lambda: data.examples("train"), lambda: data.train_dataloader())
    encoder = getattr(getattr(task, "model", None), "encoder", None)
    if isinstance(data, UsesEncoder) and isinstance(encoder, ImageEncoder):
        data.use_encoder(
            encoder,
            trained_from_epoch=int(getattr(task, "unfreeze_epoch", -1)),
            trainable_stages=encoder.trainable_stages,
        )
