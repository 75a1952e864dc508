"""Penalties on what a language model's last layer says: not too loud, not too jumpy.

References:
    Merity, McCann and Socher 2017, "Revisiting activation regularization for language RNNs",
    equations 1 and 2 (AR, TAR), in the form in which the released AWD-LSTM adds them to its loss.
"""

from jaxtyping import Bool, Float
from torch import Tensor


def activation_penalty(
    outputs: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Average the squares of the outputs (AR).

    Args:
        outputs: The last layer's, after dropout, ``(batch, time, feature)``.
        mask: True where a word is real; one or more are.

    Returns:
        The mean over real words and features.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[True, True, False]])
        >>> activation_penalty(torch.tensor([[[1.0], [3.0], [9.0]]]), mask).item()
        5.0
    """
    return outputs[mask].float().square().mean()


def change_penalty(
    outputs: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Average the squares of the outputs' changes from word to word (TAR).

    Args:
        outputs: The last layer's, before dropout, ``(batch, time, feature)``.
        mask: True where a word is real.

    Returns:
        The mean over pairs of neighbouring real words and features; 0 if there are none.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[True, True, False]])
        >>> change_penalty(torch.tensor([[[1.0], [3.0], [9.0]]]), mask).item()
        4.0
    """
    both = mask[:, 1:] & mask[:, :-1]
    changes = (outputs[:, 1:] - outputs[:, :-1])[both].float().square()
    return changes.sum() / max(1, changes.numel())
