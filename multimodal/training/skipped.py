"""Count and report the images that could not be read and were left out."""

import logging
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from typing_extensions import override

from multimodal.training.report import gather

_LOGGER = logging.getLogger(__name__)
_NAMED = 5
_MOST = 0.05  # of the images: beyond it the data set is not what its owner thinks


class SkippedImages(Callback):
    """Report what ``on_bad_image: skip`` left out, once a stage, and stop if it is too much.

    It reads the batch's ``skipped`` (a line for each image) and ``indices``. Where several
    processes share the work, they count together, and stop together.
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
        """Count the batch."""
        self._read += len(batch.indices)
        self._skipped.update(dict.fromkeys(batch.skipped))

    on_train_batch_end = on_validation_batch_end
    on_test_batch_end = on_validation_batch_end
    on_predict_batch_end = on_validation_batch_end

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report what was left out since the last time, and begin anew.

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
        """Report a validation of its own; one within a training is reported with the epoch."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self.on_train_epoch_end(trainer, pl_module)
