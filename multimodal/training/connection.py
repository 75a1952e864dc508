"""Give a task and its data what each needs of the other.

Everything that shapes a network, such as the vocabulary, is linked into the task as plain data when
it is built. Two things cannot be: the task needs the training examples when it starts (numbers are
scaled by them, classes weighed, baselines fitted), and data that cache the features of a frozen
encoder need that encoder. Neither side looks the other up; this is the only place that knows both.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from typing_extensions import override

from multimodal.nn.encoder import ImageEncoder


@runtime_checkable
class UsesTrainingExamples(Protocol):
    """A task that learns something from the training examples beside their batches."""

    def use_training_examples(self, read: Callable[[], Sequence[Any]]) -> None:
        """Take a function that returns the training examples."""


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
    """Connect the task and the data module that a trainer was given."""

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Connect before anything runs."""
        data = getattr(trainer, "datamodule", None)
        if data is not None:
            connect(pl_module, data)


def connect(task: LightningModule, data: LightningDataModule) -> None:
    """Give a task the training examples, and its data the image encoder.

    May be called again for the same two. Tasks and data modules of one's own are left alone where
    they lack the methods.

    Args:
        task: Has ``use_training_examples``, if it needs them.
        data: Has ``examples`` and, if it can cache features, ``use_encoder``.
    """
    if isinstance(task, UsesTrainingExamples) and isinstance(data, HasExamples):
        # A function, because copies of the task, as of its moving average, share it.
        task.use_training_examples(lambda: data.examples("train"))
    encoder = getattr(getattr(task, "model", None), "encoder", None)
    if isinstance(data, UsesEncoder) and isinstance(encoder, ImageEncoder):
        data.use_encoder(
            encoder,
            trained_from_epoch=int(getattr(task, "unfreeze_epoch", -1)),
            trainable_stages=encoder.trainable_stages,
        )
