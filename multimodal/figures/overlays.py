"""Maps on a picture: a warm light where a model looked, or colours for and against.

Each map is scaled by its own largest weight, so that a map without dark places says that the model
looked everywhere.

References:
    Xu et al. 2015, Show, Attend and Tell, section 5.4 and figure 2: weights spread over the picture
    as light.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

_DARKEST = 0.5  # brightness where nobody looked
_GLOW, _GLOW_SHARE = (255.0, 196.0, 64.0), 0.5  # colour of the light, and how much of it at most
_FOR, _AGAINST = (31.0, 111.0, 180.0), (207.0, 106.0, 18.0)  # as those of words
_PALE = 0.55  # how much of a picture is left under colours
_STRONGEST = 0.85  # how much of the largest weight's colour covers the picture

Shade: TypeAlias = Callable[[Tensor, Tensor, tuple[int, int]], Tensor]
"""``(image, weights (regions,), grid) -> image``: `light` or `tint`."""


def aspect(image: UInt8[Tensor, "3 height width"]) -> float:
    """Return height by width, within what a page can hold.

    Example:
        >>> aspect(torch.zeros(3, 30, 40, dtype=torch.uint8))
        0.75
    """
    return min(max(image.shape[1] / image.shape[2], 0.4), 1.8)


def light(
    image: UInt8[Tensor, "3 height width"],
    weights: Float[Tensor, " regions"],
    grid: tuple[int, int],
) -> UInt8[Tensor, "3 height width"]:
    """Dim a picture where weights are small, and light it where they are large.

    Args:
        image: The picture.
        weights: How much was looked at each region, row by row from the upper left.
        grid: Rows and columns of the regions.

    Returns:
        The picture under its light.

    Example:
        >>> image = torch.full((3, 64, 64), 100, dtype=torch.uint8)
        >>> lit = light(image, torch.tensor([1.0, 0.0, 0.0, 0.0]), (2, 2))
        >>> lit[:, 0, 0].tolist(), lit[:, 63, 63].tolist()
        ([178, 148, 82], [50, 50, 50])
    """
    spread = weights.detach().float().cpu().view(1, 1, *grid)
    spread = F.interpolate(spread, size=image.shape[1:], mode="bilinear", align_corners=False)
    spread = (spread[0] / spread.amax().clamp(min=1e-12)).clamp(0, 1)  # (1, height, width)
    dimmed = image.float() * (_DARKEST + (1 - _DARKEST) * spread)
    lit = torch.lerp(dimmed, torch.tensor(_GLOW).view(3, 1, 1), _GLOW_SHARE * spread)
    return lit.round().to(torch.uint8)


def tint(
    image: UInt8[Tensor, "3 height width"],
    weights: Float[Tensor, " regions"],
    grid: tuple[int, int],
) -> UInt8[Tensor, "3 height width"]:
    """Colour a pale picture: blue where weights are positive, orange where they are negative.

    Args:
        image: The picture.
        weights: What each region speaks for, or against if negative, row by row from the upper
            left.
        grid: Rows and columns of the regions.

    Returns:
        The picture in pale grey under its colours, strongest at the largest weight of either sign.

    Example:
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> shown = tint(image, torch.tensor([2.0, 0.0, 0.0, -2.0]), (2, 2))
        >>> shown[:, 0, 0].tolist(), shown[:, 0, 63].tolist(), shown[:, 63, 63].tolist()
        ([44, 112, 170], [115, 115, 115], [193, 107, 33])
    """
    spread = weights.detach().float().cpu().view(1, 1, *grid)
    spread = F.interpolate(spread, size=image.shape[1:], mode="bilinear", align_corners=False)
    spread = spread[0] / spread.abs().amax().clamp(min=1e-12)  # (1, height, width)
    grey = image.float().mean(dim=0, keepdim=True)
    pale = (255 - _PALE * (255 - grey)).expand(3, -1, -1)
    colours = torch.where(
        spread > 0, torch.tensor(_FOR).view(3, 1, 1), torch.tensor(_AGAINST).view(3, 1, 1)
    )
    return torch.lerp(pale, colours, _STRONGEST * spread.abs()).round().to(torch.uint8)
