"""Count and report the images that could not be read and were left out."""

import logging
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from typing_extensions import override

from multimodal.training.report import gather

_LOGGER = logging.getLogger(__name__)
_NAMED = 5
_MOST = 0.05  # of the images: with more, something is wrong with the data set


class SkippedImages(Callback):
    """Report the images left out by ``on_bad_image: skip``, once a stage; stop if they are many.

    It reads the batch's ``skipped`` (a line for each image) and ``indices``, and counts over all
    processes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._skipped: dict[str, None] = {}
        self._read = 0

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
        self._read += len(batch.indices)
        self._skipped.update(dict.fromkeys(batch.skipped))

    on_train_batch_end = on_validation_batch_end
    on_test_batch_end = on_validation_batch_end
    on_predict_batch_end = on_validation_batch_end

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the images left out since the last report.

        Raises:
            ValueError: If more than a twentieth of the images could not be read.
        """
        read = sum(gather({trainer.global_rank: self._read}).values())
        skipped = list(gather(self._skipped))
        self._read, self._skipped = 0, {}
        if not skipped:
            return
        total = read + len(skipped)
        if len(skipped) > _MOST * total:
            raise ValueError(
                f"{len(skipped):,} of {total:,} images could not be read, more than a twentieth: "
                f"mend the data set. The first: {skipped[0]}"
            )
        more = [f"and {len(skipped) - _NAMED:,} more"] if len(skipped) > _NAMED else []
        text = f"{len(skipped):,} images could not be read and were left out:"
        if trainer.is_global_zero:
            _LOGGER.warning("%s", "\n".join([text, *skipped[:_NAMED], *more]))

    on_test_end = on_train_epoch_end
    on_predict_end = on_train_epoch_end

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report a validation; one within a training is reported with its epoch."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self.on_train_epoch_end(trainer, pl_module)
