"""Boolean masks over padded batches; True marks a real token.

Padding is written once, here, so that every module reads it the same way.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def lengths_to_mask(lengths: Int[Tensor, " batch"], time: int) -> Bool[Tensor, "batch time"]:
    """Mark the first ``lengths[i]`` of ``time`` positions as real.

    Args:
        lengths: Number of real tokens of each row.
        time: Width of the padded batch.

    Returns:
        Mask ``(batch, time)``, True = real.

    Example:
        >>> lengths_to_mask(torch.tensor([1, 3]), 3).tolist()
        [[True, False, False], [True, True, True]]
    """
    return torch.arange(time, device=lengths.device) < lengths.unsqueeze(1)  # (batch, time)


def masked_mean(
    values: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch feature"]:
    """Average the real positions of each row; a row without any gives zeros.

    Args:
        values: Padded values ``(batch, time, feature)``.
        mask: True where a value is real.

    Returns:
        Means ``(batch, feature)``.

    Example:
        >>> values = torch.tensor([[[2.0], [4.0], [9.0]]])
        >>> masked_mean(values, torch.tensor([[True, True, False]])).item()
        3.0
    """
    weights = mask.unsqueeze(-1).to(values.dtype)  # (batch, time, 1)
    count = weights.sum(dim=1).clamp(min=1)  # (batch, 1)
    # `where` and not a product: padding may hold inf or NaN, and 0 * inf is NaN.
    return torch.where(mask.unsqueeze(-1), values, 0).sum(dim=1) / count
