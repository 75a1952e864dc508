"""Average the weights of the last steps, and validate and save the average.

Lightning's own moving average starts with the first step's weights at full weight, and goes
through the tensors one by one. Here the decay rises with the number of steps, so that the
beginning is forgotten, and all tensors are averaged in one call.

References:
    Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging".
    Tan and Le 2019, "EfficientNet", section 5 (a moving average of the weights); the rising decay
    is that of TensorFlow's ExponentialMovingAverage.
"""

from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from typing_extensions import override


class MovingAverage(WeightAveraging):
    """Keep an exponential moving average of the weights, and validate and save that.

    Args:
        decay: Share of the average that stays at each step; 0.997 averages about 300 steps.

    Raises:
        ValueError: If the decay is not between 0 and 1.
    """

    def __init__(self, decay: float = 0.997) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"`decay` must be more than 0 and less than 1, got {decay}.")
        self.decay = decay
        self._exchanged = False
        super().__init__(use_buffers=True, multi_avg_fn=self.average)

    @override
    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_epoch_start(trainer, pl_module)
        self._exchanged = True

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_epoch_end(trainer, pl_module)
        self._exchanged = False

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Load weights and average when a run is resumed, and the average alone otherwise.

        Lightning's own callback restores the weights that were not averaged whenever the same
        trainer has trained before; a test of the best checkpoint would then test other weights.
        """
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save the average as the weights, and the weights beside it, also during a validation."""
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        if self._exchanged:  # by a validation that was interrupted
            weights, average = checkpoint["state_dict"], checkpoint["current_model_state"]
            checkpoint["state_dict"], checkpoint["current_model_state"] = average, weights

    def average(
        self, averages: Sequence[Tensor], currents: Sequence[Tensor], steps: Tensor | int
    ) -> None:
        """Move the averages towards the current weights, in place."""
        decay = min(self.decay, (1 + int(steps)) / (10 + int(steps)))
        pairs = list(zip(averages, currents, strict=True))
        numbers = [pair for pair in pairs if pair[0].is_floating_point()]
        if numbers:
            old, new = zip(*numbers, strict=True)
            torch._foreach_lerp_(old, new, 1 - decay)
        for average, current in pairs:
            if not average.is_floating_point():  # counters, such as BatchNorm's of batches
                average.copy_(current)
