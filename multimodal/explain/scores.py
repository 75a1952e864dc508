"""What is explained: a function that gives every row of its inputs a number.

All methods of this package explain such a score and know nothing of the network behind it. A score
judges each row by itself. It is told which input each row comes from, since a method may hand it
many changed copies of one input together, and an input may have what does not change: its mask, the
label that is asked about.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

Score: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""``(inputs (rows, ...), which (rows,)) -> scores (rows,)``: ``which`` says whose each row is."""


def scores_of(
    score: Score, inputs: Shaped[Tensor, "rows *shape"], which: Int[Tensor, " rows"]
) -> Float[Tensor, " rows"]:
    """Score rows, and see that each has one number.

    Args:
        score: What is explained.
        inputs: The rows.
        which: The number of the input that each row comes from.

    Returns:
        The scores.

    Raises:
        ValueError: If the score is not one number for each row.

    Example:
        >>> scores_of(lambda rows, which: rows.sum(dim=1), torch.ones(2, 3), torch.arange(2))
        tensor([3., 3.])
    """
    scores = score(inputs, which)
    if scores.shape != which.shape:
        raise ValueError(
            f"The score must be one number for each of {len(which)} rows, got "
            f"{tuple(scores.shape)}."
        )
    return scores


def slopes_of(
    score: Score, inputs: Float[Tensor, "rows *shape"], which: Int[Tensor, " rows"]
) -> Float[Tensor, "rows *shape"]:
    """Return the gradient of each row's score at that row.

    Args:
        score: What is explained.
        inputs: The rows.
        which: The number of the input that each row comes from.

    Returns:
        By how much the score would rise with each number of the row; without gradients of its own.

    Raises:
        ValueError: If the score is not one number for each row.

    Example:
        >>> slopes_of(lambda rows, which: rows.pow(2).sum(dim=1), torch.ones(1, 2), torch.arange(1))
        tensor([[2., 2.]])
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        points = inputs.detach().clone().requires_grad_()
        (slopes,) = torch.autograd.grad(scores_of(score, points, which).sum(), points)
    return slopes


def check_least(**numbers: int) -> None:
    """Refuse numbers of things to compute that are below 1.

    Args:
        numbers: The numbers, by the names of the arguments.

    Raises:
        ValueError: If one is below 1.

    Example:
        >>> check_least(steps=16, together=1)
    """
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"`{name}` must be 1 or more, got {number}.")
