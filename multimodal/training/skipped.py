"""Count the images that could not be read and were left out, and say so."""

import logging
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

_LOGGER = logging.getLogger(__name__)
_NAMED = 5
_MOST = 0.05  # of the images: beyond it the data set is not what its owner thinks


class SkippedImages(Callback):
    """Report what ``on_bad_image: skip`` left out, once a stage, and stop if it is too much.

    It reads the batch's ``skipped`` (a line for each image) and ``indices``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._skipped: dict[str, None] = {}
        self._read = 0

    @override
    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count the batch."""
        self._count(batch)

    @override
    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the batch."""
        self._count(batch)

    @override
    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the batch."""
        self._count(batch)

    @override
    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the batch."""
        self._count(batch)

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the epoch."""
        self._report()

    @override
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the test."""
        self._report()

    @override
    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the prediction."""
        self._report()

    def _count(self, batch: Any) -> None:
        self._read += len(batch.indices)
        self._skipped.update(dict.fromkeys(batch.skipped))

    def _report(self) -> None:
        """Log a summary and begin anew.

        Raises:
            ValueError: If more than a twentieth of the images could not be read.
        """
        read, skipped = self._read, list(self._skipped)
        self._read, self._skipped = 0, {}
        if not skipped:
            return
        named = "\n".join(skipped[:_NAMED])
        more = f"\nand {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
        text = f"{len(skipped)} images could not be read and were left out:\n{named}{more}"
        if len(skipped) > _MOST * (read + len(skipped)):
            raise ValueError(f"{text}\nMore than a twentieth of all: mend the data set.")
        _LOGGER.warning(text)
