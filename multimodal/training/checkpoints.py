"""Write checkpoints that always open, at moments from which a run can be repeated.

A checkpoint goes beside its target, is synced to the disk and renamed: a crash, a full disk or a
kill leaves the old one. Lightning also writes to a temporary file first, but does not sync it, and
puts it in the system's temporary folder, from where it is copied, not renamed, if that is another
disk.

A checkpoint written after the last batch before a validation makes Lightning 2.6 skip that
validation when it resumes: early stopping, plateau schedulers and the choice of the best weights
then differ from the unbroken run's. ``LastCheckpoint`` waits for the validation in that case.
"""

import re
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from typing_extensions import override

from multimodal.files import atomic_write


class AtomicCheckpointIO(TorchCheckpointIO):
    """Save by writing beside the target, syncing and renaming; load tensors and plain data only."""

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            OSError: If it cannot be written; what was at ``path`` is still there.
        """
        with atomic_write(Path(path)) as temporary:
            torch.save(checkpoint, temporary)

    @override
    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Load a checkpoint without executing anything in it, whatever `weights_only` is.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is a URL, damaged, or holds more than tensors and plain data.
        """
        if re.match(r"\w{2,}:/", str(path)):
            raise ValueError(
                f"{path} is not a file. Download the checkpoint first and give its path."
            )
        if not Path(path).is_file():
            raise FileNotFoundError(
                f"No checkpoint at {path}. Look in the run's checkpoint folder."
            )
        try:
            with warnings.catch_warnings(action="ignore"):  # the error below is clearer
                checkpoint = torch.load(path, map_location=map_location, weights_only=True)
        except Exception as error:
            raise ValueError(
                f"{path} is not a complete checkpoint of plain data, and nothing in it was run "
                f"({type(error).__name__}). Give another one, or copy it again."
            ) from error
        if not isinstance(checkpoint, dict) or "loops" not in checkpoint:
            raise ValueError(
                f"{path} holds no state of a training run, so it cannot be resumed. Give a .ckpt "
                "file that a run wrote."
            )
        return checkpoint


class AtomicCheckpoints(Callback):
    """Write and read the run's checkpoints by ``AtomicCheckpointIO``, unless it chose another."""

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = AtomicCheckpointIO()


class LastCheckpoint(ModelCheckpoint):
    """Keep ``last.ckpt``, the newest state from which the run can go on.

    Args:
        every_n_steps: Optimiser steps between two writings.
        dirpath: Folder of the checkpoints; by default the logger's or the run's.
    """

    def __init__(self, every_n_steps: int = 500, dirpath: str | None = None) -> None:
        super().__init__(
            dirpath=dirpath,
            save_top_k=0,
            save_last=True,
            every_n_train_steps=every_n_steps,
            enable_version_counter=False,
        )
        self.every_n_steps = every_n_steps

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._last_global_step_saved = trainer.global_step

    @override
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Save if a checkpoint is due, unless a validation or the end of the epoch is next."""
        if not precedes_validation(trainer):
            self._save_if(trainer, due=self._due(trainer))

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save_if(trainer, due=self._due(trainer))

    on_train_epoch_end = on_validation_end  # of an epoch without a validation

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save_if(trainer, due=True)

    def _due(self, trainer: Trainer) -> bool:
        return trainer.global_step - self._last_global_step_saved >= self.every_n_steps

    def _save_if(self, trainer: Trainer, *, due: bool) -> None:
        if due and not self._should_skip_saving_checkpoint(trainer):
            self._save_last_checkpoint(trainer, {})


def precedes_validation(trainer: Trainer) -> bool:
    """Return whether a validation or the end of the epoch follows the training batch that ends.

    Lightning skips both when it resumes from a checkpoint that is written at this moment.
    """
    loop = trainer.fit_loop.epoch_loop
    fetcher = trainer.fit_loop._data_fetcher
    assert fetcher is not None
    return loop._num_ready_batches_reached() or loop._should_check_val_fx(fetcher)


def checkpoint_folder(trainer: Trainer) -> Path:
    """Return the folder in which the run's first ModelCheckpoint writes, or one in its root."""
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.dirpath:
            return Path(callback.dirpath)
    return Path(trainer.default_root_dir) / "checkpoints"


def newest_checkpoint(trainer: Trainer) -> Path | None:
    """Return the newest checkpoint that this run wrote, or None if it wrote none yet."""
    written = [
        Path(name)
        for callback in trainer.checkpoint_callbacks
        if isinstance(callback, ModelCheckpoint)
        for name in (callback.last_model_path, callback.best_model_path)
        if name and Path(name).is_file()
    ]
    return max(written, key=lambda path: path.stat().st_mtime, default=None)
