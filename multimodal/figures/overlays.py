"""Overlays: maps drawn over a picture, as warm light or in blue and orange.

Each map is scaled by its own largest weight, so a map that is bright everywhere means that the
model attended everywhere.

References:
    Xu et al. 2015, Show, Attend and Tell, section 5.4 and figure 2: attention weights as light.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

_DARKEST = 0.5  # brightness where the weight is 0
_GLOW, _GLOW_SHARE = (255.0, 196.0, 64.0), 0.5  # colour of the light, and its largest share
_POSITIVE, _NEGATIVE = (31.0, 111.0, 180.0), (207.0, 106.0, 18.0)  # the colours of words, too
_PALE = 0.55  # contrast of the picture under colours
_STRONGEST = 0.85  # opacity of the colour at the largest weight

Shade: TypeAlias = Callable[[Tensor, Tensor, tuple[int, int]], Tensor]
"""``(image, weights (regions,), grid) -> image``: `light` or `tint`."""


def light(
    image: UInt8[Tensor, "3 height width"],
    weights: Float[Tensor, " regions"],
    grid: tuple[int, int],
) -> UInt8[Tensor, "3 height width"]:
    """Dim a picture where weights are small, and light it where they are large.

    Args:
        weights: Weights of 0 or more, row by row from the upper left.

    Example:
        >>> image = torch.full((3, 64, 64), 100, dtype=torch.uint8)
        >>> lit = light(image, torch.tensor([1.0, 0.0, 0.0, 0.0]), (2, 2))
        >>> lit[:, 0, 0].tolist(), lit[:, 63, 63].tolist()
        ([178, 148, 82], [50, 50, 50])
    """
    strength = _resize(weights, grid, image).clamp(min=0)
    dimmed = image.float() * (_DARKEST + (1 - _DARKEST) * strength)
    lit = torch.lerp(dimmed, torch.tensor(_GLOW).view(3, 1, 1), _GLOW_SHARE * strength)
    return lit.round().to(torch.uint8)


def tint(
    image: UInt8[Tensor, "3 height width"],
    weights: Float[Tensor, " regions"],
    grid: tuple[int, int],
) -> UInt8[Tensor, "3 height width"]:
    """Colour a pale grey picture: blue where weights are positive, orange where negative.

    Args:
        weights: Weights of either sign, row by row from the upper left.

    Example:
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> tinted = tint(image, torch.tensor([2.0, 0.0, 0.0, -2.0]), (2, 2))
        >>> tinted[:, 0, 0].tolist(), tinted[:, 0, 63].tolist(), tinted[:, 63, 63].tolist()
        ([44, 112, 170], [115, 115, 115], [193, 107, 33])
    """
    strength = _resize(weights, grid, image)
    grey = image.float().mean(dim=0, keepdim=True)
    pale = (255 - _PALE * (255 - grey)).expand(3, -1, -1)
    blue, orange = (torch.tensor(colour).view(3, 1, 1) for colour in (_POSITIVE, _NEGATIVE))
    colours = torch.where(strength > 0, blue, orange)
    return torch.lerp(pale, colours, _STRONGEST * strength.abs()).round().to(torch.uint8)


def _resize(weights: Tensor, grid: tuple[int, int], image: Tensor) -> Tensor:
    """Interpolate weights over the picture and divide by the largest of either sign."""
    maps = weights.detach().float().cpu().view(1, 1, *grid)
    maps = F.interpolate(maps, size=image.shape[1:], mode="bilinear", align_corners=False)
    return maps[0] / maps.abs().amax().clamp(min=1e-12)  # (1, height, width)
