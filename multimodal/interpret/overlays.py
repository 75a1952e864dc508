"""Attention on a picture: a warm light falls where a model looked, and the rest is dimmed.

Each map is scaled by its own largest weight, so that a map without dark places says that the model
looked everywhere.

References:
    Xu et al. 2015, Show, Attend and Tell, section 5.4 and figure 2: weights spread over the picture
    as light.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

_DARKEST = 0.5  # brightness where nobody looked
_GLOW, _GLOW_SHARE = (255.0, 196.0, 64.0), 0.5  # colour of the light, and how much of it at most


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
