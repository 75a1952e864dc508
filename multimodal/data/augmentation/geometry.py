"""Geometric changes of a batch of uint8 pictures, with an amount for each picture.

Pixels from outside are the picture's mirror image; in grey pictures, such as digits, they are black
like the background.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

Images = UInt8[Tensor, "batch channels size size"]
Amounts = Float[Tensor, " batch"]


def mirror(images: Images, chosen: Bool[Tensor, " batch"]) -> Images:
    """Swap left and right of the chosen pictures.

    Example:
        >>> images = torch.arange(8, dtype=torch.uint8).view(2, 1, 2, 2)
        >>> mirror(images, torch.tensor([False, True])).flatten().tolist()
        [0, 1, 2, 3, 5, 4, 7, 6]
    """
    out = images.clone()
    # numpy reverses bytes ten times as fast as torch.
    array, rows = out.numpy(), chosen.numpy()
    array[rows] = array[rows][..., ::-1]
    return out


def shift(images: Images, down: Int[Tensor, " batch"], right: Int[Tensor, " batch"]) -> Images:
    """Move pictures down and right by whole pixels, fewer than their side.

    Negative numbers move them up and left. This is a random crop of a picture with a border.

    Example:
        >>> images = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8).view(1, 1, 2, 2)
        >>> shift(images, torch.tensor([1]), torch.tensor([0])).flatten().tolist()
        [0, 0, 1, 2]
    """
    reach = max(1, int(down.abs().max()), int(right.abs().max()))
    mode = "constant" if images.shape[1] == 1 else "reflect"
    bordered = F.pad(images, (reach,) * 4, mode=mode)
    side = images.shape[-1]
    # All possible crops, as a view: choosing one of each picture copies only these.
    crops = bordered.unfold(2, side, 1).unfold(3, side, 1)
    return crops[torch.arange(len(images)), :, reach - down, reach - right].contiguous()


def transform(
    images: Images,
    *,
    degrees: Amounts,
    zoom: Amounts,
    shear_x: Amounts,
    shear_y: Amounts,
    right: Amounts,
    down: Amounts,
) -> Images:
    """Rotate, zoom, shear and move pictures about their centres, with bilinear interpolation.

    Args:
        images: The pictures.
        degrees: Clockwise rotation.
        zoom: Above 1 enlarges.
        shear_x: Pixels to the right for each pixel below the centre.
        shear_y: Pixels down for each pixel right of the centre.
        right: Fraction of the side to the right.
        down: Fraction of the side down.

    Example:
        >>> images = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8).view(1, 1, 2, 2)
        >>> still = {name: torch.zeros(1) for name in ("shear_x", "shear_y", "right", "down")}
        >>> turned = transform(
        ...     images, degrees=torch.tensor([90.0]), zoom=torch.ones(1), **still
        ... )
        >>> turned.flatten().tolist()
        [3, 1, 4, 2]
    """
    angle = degrees * (math.pi / 180)
    cos, sin = angle.cos(), angle.sin()
    # Shear, then rotate and zoom. `affine_grid` takes the inverse, from the result's pixels.
    forward = torch.stack(
        [cos - sin * shear_y, cos * shear_x - sin, sin + cos * shear_y, sin * shear_x + cos], dim=1
    ).view(-1, 2, 2) * zoom.view(-1, 1, 1)
    back = torch.linalg.inv(forward)
    moved = 2 * torch.stack([right, down], dim=1)  # (batch, 2): the picture is 2 wide
    theta = torch.cat([back, -back @ moved[:, :, None]], dim=2)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    edges = "zeros" if images.shape[1] == 1 else "reflection"
    sampled = F.grid_sample(images.float(), grid, padding_mode=edges, align_corners=False)
    return sampled.round().clamp(0, 255).to(torch.uint8)


def erase(
    images: Images, top: Int[Tensor, " batch"], left: Int[Tensor, " batch"], side: int
) -> Images:
    """Paint a square grey (black in grey pictures), so that no part of a picture is sufficient.

    Args:
        images: The pictures.
        top: First row of each square; it may be outside.
        left: First column of each square; it may be outside.
        side: Side of the squares.

    Example:
        >>> images = torch.full((1, 1, 2, 2), 9, dtype=torch.uint8)
        >>> erase(images, torch.tensor([1]), torch.tensor([-1]), 2).flatten().tolist()
        [9, 9, 0, 9]
    """
    indices = torch.arange(images.shape[-1])
    rows = (indices >= top[:, None]) & (indices < top[:, None] + side)
    columns = (indices >= left[:, None]) & (indices < left[:, None] + side)
    square = rows[:, None, :, None] & columns[:, None, None, :]
    return images.masked_fill(square, 0 if images.shape[1] == 1 else 128)
