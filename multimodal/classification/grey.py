"""Grey images for models of one channel.

References:
    ITU-R BT.601 (the grey of a colour).
"""

import torch
from jaxtyping import Num, UInt8
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)


def luma(images: Num[Tensor, "batch 3 height width"]) -> Num[Tensor, "batch 1 height width"]:
    """Return the brightness of RGB images; grey ones of three channels keep their values.

    Example:
        >>> round(luma(torch.full((1, 3, 1, 1), 0.5)).item(), 4)
        0.5
    """
    weights = torch.tensor(_LUMA, device=images.device).view(3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def to_grey(
    images: UInt8[Tensor, "batch 3 height width"],
) -> UInt8[Tensor, "batch 1 height width"]:
    """Turn RGB images into grey ones.

    Example:
        >>> to_grey(torch.full((1, 3, 1, 1), 77, dtype=torch.uint8)).item()
        77
    """
    return luma(images).round().to(torch.uint8)
