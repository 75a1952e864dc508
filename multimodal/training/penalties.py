"""Penalties added to the loss: on large or jumping outputs of a language model, and on weights.

References:
    Merity, McCann and Socher 2017, "Revisiting activation regularization for language RNNs",
    equations 1 and 2 (AR, TAR), in the form in which the released AWD-LSTM adds them to its loss;
    Tibshirani 1996, "Regression shrinkage and selection via the lasso" (L1); Krogh and Hertz 1992,
    "A simple weight decay can improve generalization" (L2).
"""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def activation_penalty(
    outputs: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Average the squares of the outputs over real words and features (AR).

    Args:
        outputs: The last layer's, after dropout.
        mask: True where a word is real; at least one is.
    """
    return outputs[mask].float().square().mean()


def change_penalty(
    outputs: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Average the squares of the outputs' changes from word to word (TAR).

    Args:
        outputs: The last layer's, before dropout.
        mask: True where a word is real.

    Returns:
        The mean over pairs of neighbouring real words and features; 0 if there are none.
    """
    both = mask[:, 1:] & mask[:, :-1]
    changes = (outputs[:, 1:] - outputs[:, :-1])[both].float().square()
    return changes.sum() / max(1, changes.numel())


def weight_penalty(
    parameters: Iterable[Tensor], *, l1: float = 0.0, l2: float = 0.0
) -> Float[Tensor, ""]:
    """Add up the L1 and L2 penalties of the matrices that are trained.

    With AdamW and Muon, `weight_decay` shrinks all weights at the same pace; the gradient of an L2
    penalty is scaled by these optimisers as any other.

    Args:
        l1: Factor of the sum of absolute values; it draws weights to exactly 0.
        l2: Factor of half the sum of squares.

    Example:
        >>> weights = torch.tensor([[3.0, -4.0]], requires_grad=True)
        >>> weight_penalty([weights], l1=0.5).item(), weight_penalty([weights], l2=0.5).item()
        (3.5, 6.25)
    """
    weights = [each for each in parameters if each.requires_grad and each.ndim > 1]
    total = torch.zeros((), device=weights[0].device if weights else None)
    for weight in weights:
        if l1:
            total = total + l1 * weight.abs().sum()
        if l2:
            total = total + l2 / 2 * weight.square().sum()
    return total
