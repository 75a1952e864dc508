"""The default optimiser of every task: AdamW with a warm-up and a cosine, a rate for each part.

References:
    Loshchilov and Hutter 2019, "Decoupled weight decay regularization" (AdamW; matrices only are
    decayed, as is usual); Howard and Ruder 2018, "Universal language model fine-tuning for text
    classification", section 3.2 (a pretrained part learns more slowly than a new one, and a lower
    layer than a higher one; their slanted triangle is a warm-up and a fall, too).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from multimodal.training.optimisers.row_adam import RowAdamW
from multimodal.training.optimisers.schedules import warmup_cosine


@dataclass(frozen=True)
class Rates:
    """Learning rates and weight decay of a run.

    Args:
        peak: Highest learning rate.
        encoder: Factor on it for the encoder; below 1 for a pretrained one.
        warmup: Share of the steps in which the rate rises; it falls as a cosine afterwards.
        weight_decay: AdamW's, on matrices only.
    """

    peak: float = 1e-3
    encoder: float = 1.0
    warmup: float = 0.05
    weight_decay: float = 0.01


def adamw(
    model: nn.Module, encoder: nn.Module | None, rates: Rates, estimated_steps: int | float
) -> OptimizerLRScheduler:
    """Build AdamW and its schedule for the run that a trainer is about to start.

    Args:
        model: The network, with the layers that are frozen now and opened later.
        encoder: Its part that learns at the encoder's rate, if any.
    """
    inside = {id(parameter) for parameter in encoder.parameters()} if encoder else set()
    parameters = list(model.parameters())
    parts = [int(id(parameter) in inside) for parameter in parameters]
    return _adamw(parameters, parts, [1.0, rates.encoder], rates, estimated_steps)


def adamw_by_depth(
    groups: Sequence[Sequence[nn.Parameter]],
    rates: Rates,
    estimated_steps: int | float,
    *,
    depth_factor: float = 2.6,
) -> OptimizerLRScheduler:
    """Build AdamW and its schedule for layers of which lower ones learn more slowly.

    Args:
        groups: Parameters from bottom to top, as a model's ``parameters_by_depth`` lists it.
        rates: Learning rates of the top; ``encoder`` is a factor on all that is below it.
        depth_factor: Ratio of the learning rates of a group and the one below; 1 for equal rates.

    Example:
        >>> layers = [list(nn.Linear(2, 2, bias=False).parameters()) for _ in range(3)]
        >>> found = adamw_by_depth(layers, Rates(peak=1.0), 10, depth_factor=2.0)
        >>> [group["initial_lr"] for group in found["optimizer"].param_groups]
        [0.25, 0.5, 1.0]
    """
    if depth_factor < 1:
        raise ValueError(
            f"`depth_factor` must be 1 or more, got {depth_factor}: lower layers learn more slowly."
        )
    top = len(groups) - 1
    factors = [rates.encoder * depth_factor ** (depth - top) for depth in range(top)] + [1.0]
    parameters = [parameter for group in groups for parameter in group]
    depths = [depth for depth, group in enumerate(groups) for _ in group]
    return _adamw(parameters, depths, factors, rates, estimated_steps)


def with_schedule(
    optimizer: torch.optim.Optimizer, rates: Rates, estimated_steps: int | float
) -> OptimizerLRScheduler:
    """Add the warm-up and the cosine to an optimiser."""
    steps = total_steps(estimated_steps)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, warmup_cosine(max(1, round(rates.warmup * steps)), steps)
    )
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def total_steps(estimated: int | float) -> int:
    """Return the optimiser's steps of the whole run.

    Raises:
        ValueError: If the run has no end.
    """
    if math.isinf(estimated):
        raise ValueError(
            "The learning rate falls over the whole run, so the run needs an end: set "
            "--trainer.max_epochs or --trainer.max_steps."
        )
    return max(1, int(estimated))


def _adamw(
    parameters: Sequence[Tensor],
    parts: Sequence[int],
    factors: Sequence[float],
    rates: Rates,
    estimated_steps: int | float,
) -> OptimizerLRScheduler:
    """Build the optimiser of parameters whose part of the network learns at a factor of the peak.

    Saved states number the parameters group by group, so the groups' order must not change.
    """
    groups: dict[tuple[int, bool], list[Tensor]] = {}
    for parameter, part in zip(parameters, parts, strict=True):
        groups.setdefault((part, parameter.ndim > 1), []).append(parameter)
    optimizer = RowAdamW(
        [
            {
                "params": group,
                "lr": rates.peak * factors[part],
                "weight_decay": rates.weight_decay if is_matrix else 0.0,
            }
            for (part, is_matrix), group in groups.items()
        ],
        lr=rates.peak,
        betas=(0.9, 0.98),
    )
    return with_schedule(optimizer, rates, estimated_steps)
