"""Make a resumed run repeat the run without a break to the bit.

Lightning's checkpoint holds weights, optimiser, schedulers and counters. Four things are missing:
the order of the data and the augmentation (restored by ``data.buckets`` and ``data.loaders``), the
random numbers of dropout, gradients accumulated over batches but not yet used, and the last
metrics, which early stopping and plateau schedulers need. The callback restores the last three.

Random numbers are not saved but computed: every batch starts from a seed that is a function of the
run's seed, the process, the epoch and the batch's number.
"""

import logging
import os
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import LRSchedulerConfig
from torch import Tensor
from typing_extensions import override

from multimodal.data.buckets import seed_for

_KEY = "exact_resume"
_LOGGER = logging.getLogger(__name__)


class ExactResume(Callback):
    """Seed each training batch, and restore what Lightning's checkpoints leave out.

    Args:
        seed: Seed of the run; by default the one given to Lightning's ``seed_everything``, or 0.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        self.seed = int(os.environ.get("PL_GLOBAL_SEED", 0)) if seed is None else seed
        self._metrics: dict[str, Tensor] = {}
        self._gradients: dict[str, Tensor] = {}

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed torch's generators for this batch, on the CPU and on every GPU."""
        seed = seed_for(self.seed, trainer.global_rank, trainer.current_epoch, batch_idx)
        torch.manual_seed(seed)

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the seed, the latest metrics, and gradients that wait for further batches."""
        metrics = dict(trainer.callback_metrics)
        gradients = {}
        if trainer.fit_loop._should_accumulate():
            gradients = {
                name: parameter.grad
                for name, parameter in pl_module.named_parameters()
                if parameter.grad is not None
            }
        checkpoint[_KEY] = {"seed": self.seed, "metrics": metrics, "gradients": gradients}

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep metrics and gradients until training starts."""
        saved = checkpoint.get(_KEY)
        if saved is None or trainer.state.fn != TrainerFn.FITTING:
            return
        if saved["seed"] != self.seed:
            _LOGGER.warning(
                "The checkpoint's run had seed %d, this one has %d: it goes on, but not with the "
                "random numbers of that run.",
                saved["seed"],
                self.seed,
            )
        self._metrics = dict(saved["metrics"])
        self._gradients = dict(saved["gradients"])

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the loader's position, the metrics and the accumulated gradients."""
        # A scheduler that reads `trainer.estimated_stepping_batches` makes the loaders before the
        # checkpoint is read, and Lightning 2.6 then does not restore their position.
        trainer.fit_loop._load_combined_loader_states()
        trainer.callback_metrics.update(self._metrics)
        for name, parameter in pl_module.named_parameters():
            if name in self._gradients:
                parameter.grad = self._gradients[name].to(parameter)
        self._metrics, self._gradients = {}, {}

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Step plateau schedulers, which Lightning skips in a resumed epoch."""
        if not trainer.fit_loop.restarting:
            return
        metrics = trainer.callback_metrics
        for config in trainer.lr_scheduler_configs:
            if _waits_for_metric(config, trainer.current_epoch) and config.monitor in metrics:
                config.scheduler.step(metrics[config.monitor])  # type: ignore[arg-type]


def _waits_for_metric(config: LRSchedulerConfig, epoch: int) -> bool:
    due = (epoch + 1) % config.frequency == 0
    return config.reduce_on_plateau and config.interval == "epoch" and due
