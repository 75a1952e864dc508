"""The default optimiser of every task: AdamW with a warm-up and a cosine, the encoder at its rate.

References:
    Loshchilov and Hutter 2019, "Decoupled weight decay regularization" (AdamW; matrices only are
    decayed, as is usual); Howard and Ruder 2018, "Universal language model fine-tuning for text
    classification", section 3.2 (a pretrained part learns more slowly than a new one).
"""

import math
from dataclasses import dataclass

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from multimodal.training.schedules import warmup_cosine


@dataclass(frozen=True)
class Rates:
    """How fast a run learns.

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
        model: What is trained; also what is frozen now and opened later.
        encoder: Its part that learns at the encoder's rate, if any.
        rates: How fast.
        estimated_steps: The trainer's ``estimated_stepping_batches``.

    Returns:
        What ``configure_optimizers`` returns.

    Raises:
        ValueError: If the run has no end.
    """
    optimizer = torch.optim.AdamW(
        _groups(model, encoder, rates), lr=rates.peak, betas=(0.9, 0.98), fused=True
    )
    steps = total_steps(estimated_steps)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, warmup_cosine(max(1, round(rates.warmup * steps)), steps)
    )
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
    }


def total_steps(estimated: int | float) -> int:
    """Return the optimiser's steps of the whole run.

    Args:
        estimated: The trainer's ``estimated_stepping_batches``, infinite where a run has no end.

    Raises:
        ValueError: If the run has no end.

    Example:
        >>> total_steps(120.0)
        120
    """
    if math.isinf(estimated):
        raise ValueError(
            "The learning rate falls over the whole run, so the run needs an end: set "
            "--trainer.max_epochs or --trainer.max_steps."
        )
    return max(1, int(estimated))


def _groups(
    model: nn.Module, encoder: nn.Module | None, rates: Rates
) -> list[dict[str, list[Tensor] | float]]:
    inside = {id(parameter) for parameter in encoder.parameters()} if encoder else set()
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for parameter in model.parameters():
        key = (id(parameter) in inside, parameter.ndim > 1)
        groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": rates.peak * (rates.encoder if in_encoder else 1.0),
            "weight_decay": rates.weight_decay if matrix else 0.0,
        }
        for (in_encoder, matrix), parameters in groups.items()
    ]
