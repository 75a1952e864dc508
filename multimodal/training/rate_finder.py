"""Find a learning rate in a short run whose rate rises from tiny to too large.

While the rate is too small the loss hardly changes, then it falls, and at last it diverges. A good
peak is where the loss falls fastest, well below the rate at which it stops falling.

References:
    Smith 2017, "Cyclical learning rates for training neural networks", section 3.3 (the range
    test); Howard and Gugger 2020, "Fastai: a layered API for deep learning" (an exponential rise, a
    smoothed loss, the steepest descent).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from multimodal.files import atomic_write

_SMOOTHING = 0.9  # share of the last mean that stays
_DIVERGED = 4.0  # times the lowest loss
_LEFT_OUT = 0.1  # share of steps at the start, where the mean is of few losses


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The suggested learning rates.

    Attributes:
        steepest: The rate at which the loss fell fastest: a good peak.
        lowest: The rate at which it was lowest; a peak should be at most a third of it.
    """

    steepest: float
    lowest: float


class RateFinder(Callback):
    """Raise the learning rate from step to step and keep the losses.

    The rates of parts of a network keep their proportions; schedulers have no effect.

    Args:
        smallest: First rate of the part that learns fastest.
        largest: Last rate.
        steps: Steps in all.

    Attributes:
        rates: The rate of each step.
        losses: The smoothed loss of each step.
    """

    def __init__(self, smallest: float = 1e-6, largest: float = 1.0, steps: int = 100) -> None:
        super().__init__()
        if not (0 < smallest < largest and steps >= 10):
            raise ValueError(
                "The rates must rise from above 0 to more, in 10 steps at least; got "
                f"{smallest} to {largest} in {steps}."
            )
        self.smallest = smallest
        self.largest = largest
        self.steps = steps
        self.rates: list[float] = []
        self.losses: list[float] = []
        self._mean = 0.0

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        done = len(self.rates) / (self.steps - 1)
        rate = self.smallest * (self.largest / self.smallest) ** done
        for optimizer in trainer.optimizers:
            groups = optimizer.param_groups
            for group in groups:
                group.setdefault("initial_lr", group["lr"])
            fastest = max(group["initial_lr"] for group in groups)
            for group in groups:
                group["lr"] = rate * group["initial_lr"] / fastest
        self.rates.append(rate)

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Keep the step's loss, and stop after the last step or when the loss has diverged."""
        loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
        loss = float(torch.as_tensor(loss)) * trainer.accumulate_grad_batches
        self._mean = _SMOOTHING * self._mean + (1 - _SMOOTHING) * loss
        smoothed = self._mean / (1 - _SMOOTHING ** len(self.rates))
        self.losses.append(smoothed)
        started = len(self.losses) > _LEFT_OUT * self.steps
        diverged = not math.isfinite(loss) or smoothed > _DIVERGED * min(self.losses)
        if len(self.losses) >= self.steps or (started and diverged):
            trainer.should_stop = True


def suggest(rates: Sequence[float], losses: Sequence[float]) -> Suggestion:
    """Choose a good rate from the losses of a trial.

    Args:
        rates: Rising, by equal factors.
        losses: The smoothed loss at each.

    Returns:
        Where the loss fell fastest, before it was lowest, and where it was lowest.

    Raises:
        ValueError: If the loss never fell.
    """
    finite = [loss if math.isfinite(loss) else math.inf for loss in losses]
    first = max(1, round(_LEFT_OUT * len(finite)))
    rest = range(first, len(finite))
    lowest = min(rest, key=lambda step: finite[step], default=0)
    falls = {
        step: finite[step - 1] - finite[step + 1]
        for step in range(first, lowest)
        if math.isfinite(finite[step - 1] - finite[step + 1])
    }
    if not falls or max(falls.values()) <= 0:
        raise ValueError(
            "The loss fell at no learning rate that was tried. Try smaller ones, or more steps; if "
            "it never falls, look at the data and the loss."
        )
    steepest = max(falls, key=lambda step: falls[step])
    return Suggestion(rates[steepest], rates[lowest])


def draw_rates(
    rates: Sequence[float], losses: Sequence[float], suggestion: Suggestion, path: Path
) -> None:
    """Draw the loss over the rate as a PNG file, with the suggested rates."""
    from matplotlib.figure import Figure  # slow to import

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(rates, losses, color="tab:blue")
    marks = (
        ("steepest", suggestion.steepest, "tab:green"),
        ("lowest", suggestion.lowest, "tab:grey"),
    )
    for name, rate, colour in marks:
        axes.axvline(rate, color=colour, linestyle="--", label=f"{name}: {rate:.2g}")
    finite = [loss for loss in losses if math.isfinite(loss)]
    low, high = min(finite), max(finite[: max(2, len(finite) // 4)])
    axes.set_ylim(low - 0.1 * (high - low) - 1e-6, high + 0.4 * (high - low) + 1e-6)
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss (smoothed)")
    axes.legend()
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
