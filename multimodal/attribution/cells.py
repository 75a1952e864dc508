"""Cells: maps of pixels pooled to at most 32 rows, which is as fine as a drawing shows."""

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_CELLS = 32  # along a side of a map, at most


def pool_cells(
    maps: Float[Tensor, "outputs height width"], reduce: Literal["mean", "sum"]
) -> Float[Tensor, "outputs rows columns"]:
    """Pool maps of pixels to square cells; those at the right and lower edge may be smaller.

    Use ``sum`` if the values of pixels add up to a score, otherwise ``mean``.

    Example:
        >>> import torch
        >>> pool_cells(torch.ones(1, 64, 64), "sum").shape
        torch.Size([1, 32, 32])
        >>> pool_cells(torch.ones(1, 64, 64), "sum")[0, 0, 0].item()
        4.0
    """
    side = -(-max(maps.shape[1:]) // _CELLS)
    divisor = 1 if reduce == "sum" else None
    pooled = F.avg_pool2d(maps.unsqueeze(1), side, ceil_mode=True, divisor_override=divisor)
    return pooled.squeeze(1)
