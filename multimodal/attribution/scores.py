"""Scores: the functions that attribution methods explain.

A score gives each row of its inputs a number, independently of the other rows. It also gets the
index of the input that each row comes from, since a method may pass many changed copies of one
input in a batch, and an input may have parts that do not change: its mask, the label to explain.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

Score: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""``(inputs (rows, ...), index (rows,)) -> scores (rows,)``; ``index``: the input of each row."""


def log_odds(
    logits: Float[Tensor, "batch classes"], classes: Int[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Return the log-odds ``log(p / (1 - p))`` of one class of each row.

    This is its logit minus the log-sum-exp of the others, which is exact even if ``p`` rounds to 1.

    Example:
        >>> log_odds(torch.tensor([[0.0, 2.0]]), torch.tensor([1])).item()
        2.0
    """
    chosen = classes.unsqueeze(1)
    others = logits.scatter(1, chosen, -torch.inf).logsumexp(dim=1)
    return logits.gather(1, chosen).squeeze(1) - others


def scores_of(
    score: Score, inputs: Shaped[Tensor, "rows *shape"], index: Int[Tensor, " rows"]
) -> Float[Tensor, " rows"]:
    """Score rows; raise `ValueError` if the score is not one number for each row."""
    scores = score(inputs, index)
    if scores.shape != index.shape:
        raise ValueError(
            f"The score must be one number for each of {len(index)} rows, got "
            f"{tuple(scores.shape)}."
        )
    return scores


def gradients_of(
    score: Score, inputs: Float[Tensor, "rows *shape"], index: Int[Tensor, " rows"]
) -> Float[Tensor, "rows *shape"]:
    """Return the gradient of each row's score with respect to that row, detached.

    Example:
        >>> def squares(rows, index):
        ...     return rows.pow(2).sum(dim=1)
        >>> gradients_of(squares, torch.ones(1, 2), torch.arange(1))
        tensor([[2., 2.]])
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        points = inputs.detach().clone().requires_grad_()
        (gradients,) = torch.autograd.grad(scores_of(score, points, index).sum(), points)
    return gradients


def batched_gradients(
    score: Score, inputs: Float[Tensor, "batch *shape"], batch_size: int
) -> Float[Tensor, "batch *shape"]:
    """Return the gradient of each input's score, computed in batches."""
    check_positive(batch_size=batch_size)
    batches = torch.arange(len(inputs), device=inputs.device).split(batch_size)
    return torch.cat([gradients_of(score, inputs[index], index) for index in batches])


def check_positive(**numbers: int) -> None:
    """Raise `ValueError` if one of these arguments, given by name, is below 1."""
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"`{name}` must be 1 or more, got {number}.")
