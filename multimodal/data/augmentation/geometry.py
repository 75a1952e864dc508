"""Changes of place on a batch of uint8 pictures, each by an amount of its own.

What moves in at an edge is the picture's mirror image; in grey pictures, such as digits, it is
black, which is what they are drawn on.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

Images = UInt8[Tensor, "batch channels size size"]
Amounts = Float[Tensor, " batch"]


def mirror(images: Images, chosen: Bool[Tensor, " batch"]) -> Images:
    """Swap left and right.

    Args:
        images: The pictures.
        chosen: Which are swapped.

    Example:
        >>> images = torch.arange(8, dtype=torch.uint8).view(2, 1, 2, 2)
        >>> mirror(images, torch.tensor([False, True])).flatten().tolist()
        [0, 1, 2, 3, 5, 4, 7, 6]
    """
    out = images.clone()
    # numpy turns bytes round ten times as fast as torch does.
    array, rows = out.numpy(), chosen.numpy()
    array[rows] = array[rows][..., ::-1]
    return out


def shift(images: Images, down: Int[Tensor, " batch"], right: Int[Tensor, " batch"]) -> Images:
    """Move pictures by whole pixels: a random crop of a picture with a border.

    Args:
        images: The pictures.
        down: Pixels, negative ones go up; less than the side.
        right: Pixels, negative ones go left; less than the side.

    Example:
        >>> images = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8).view(1, 1, 2, 2)
        >>> shift(images, torch.tensor([1]), torch.tensor([0])).flatten().tolist()
        [0, 0, 1, 2]
    """
    reach = max(1, int(down.abs().max()), int(right.abs().max()))
    mode = "constant" if images.shape[1] == 1 else "reflect"
    bordered = F.pad(images, (reach,) * 4, mode=mode)
    side = images.shape[-1]
    # All crops there are, as a view: choosing one of each picture then copies only these.
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
    """Turn, zoom, shear and move pictures about their centres, bilinearly.

    Args:
        images: The pictures.
        degrees: Clockwise turn.
        zoom: Above 1 enlarges.
        shear_x: Pixels that a row moves to the right for each pixel that it lies below the centre.
        shear_y: Pixels that a column moves down for each pixel that it lies right of the centre.
        right: Part of the side that pictures move to the right.
        down: Part of the side that pictures move down.

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
    # Forwards: turn and zoom what was sheared. `affine_grid` wants the way back from each pixel.
    there = torch.stack(
        [cos - sin * shear_y, cos * shear_x - sin, sin + cos * shear_y, sin * shear_x + cos], dim=1
    ).view(-1, 2, 2) * zoom.view(-1, 1, 1)
    back = torch.linalg.inv(there)
    moved = 2 * torch.stack([right, down], dim=1)  # (batch, 2): the picture is 2 wide
    theta = torch.cat([back, -back @ moved[:, :, None]], dim=2)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    edges = "zeros" if images.shape[1] == 1 else "reflection"
    sampled = F.grid_sample(images.float(), grid, padding_mode=edges, align_corners=False)
    return sampled.round().clamp(0, 255).to(torch.uint8)


def erase(
    images: Images, top: Int[Tensor, " batch"], left: Int[Tensor, " batch"], side: int
) -> Images:
    """Paint a square grey (black in grey pictures), so that no one part is all there is to see.

    Args:
        images: The pictures.
        top: First row of each square; it may lie outside.
        left: First column of each square.
        side: Of the squares.

    Example:
        >>> images = torch.full((1, 1, 2, 2), 9, dtype=torch.uint8)
        >>> erase(images, torch.tensor([1]), torch.tensor([-1]), 2).flatten().tolist()
        [9, 9, 0, 9]
    """
    places = torch.arange(images.shape[-1])
    rows = (places >= top[:, None]) & (places < top[:, None] + side)
    columns = (places >= left[:, None]) & (places < left[:, None] + side)
    square = rows[:, None, :, None] & columns[:, None, None, :]
    return images.masked_fill(square, 0 if images.shape[1] == 1 else 128)
