"""RandAugment: a few random operations on each picture, all of one strength.

The operations and their strengths are those of torchvision's `RandAugment`. Each operation runs
once on all pictures of a batch that drew it.

References:
    Cubuk, Zoph, Shlens and Le 2020, "RandAugment: Practical automated data augmentation with a
    reduced search space".
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from multimodal.data.augmentation import colour
from multimodal.data.augmentation.draws import Draws
from multimodal.data.augmentation.geometry import transform

MAX_STRENGTH = 30

Images = UInt8[Tensor, "batch channels size size"]
Signed = Float[Tensor, " batch"]


def rand_augment(images: Images, draws: Draws, *, operations: int, strength: int) -> Images:
    """Apply random operations to each picture, and return new pictures.

    Args:
        images: The pictures.
        draws: The random numbers of each picture.
        operations: The number of operations on each picture.
        strength: The strength of all operations, 0 to 30; 9 is usual.

    Raises:
        ValueError: If the strength is out of range.

    Example:
        >>> images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
        >>> rand_augment(images, Draws(0, [(0, 0), (0, 1)]), operations=2, strength=9).shape
        torch.Size([2, 3, 8, 8])
    """
    if not 0 <= strength <= MAX_STRENGTH:
        raise ValueError(f"`strength` must be from 0 to {MAX_STRENGTH}, got {strength}.")
    fraction = strength / MAX_STRENGTH
    for _ in range(operations):
        chosen = draws.below(len(OPERATIONS))
        signed = fraction * draws.sign()
        images = images.clone()
        for number, operation in enumerate(OPERATIONS.values()):
            rows = (chosen == number).nonzero().squeeze(1)
            if len(rows):
                images[rows] = operation(images[rows], signed[rows])
    return images


def _moved(name: str, most: float) -> Callable[[Images, Signed], Images]:
    def move(images: Images, signed: Signed) -> Images:
        amounts = {each: torch.zeros(len(images)) for each in _MOVES}
        amounts[name] = most * signed
        return transform(images, zoom=torch.ones(len(images)), **amounts)

    return move


_MOVES = ("degrees", "shear_x", "shear_y", "right", "down")


def _factor(change: Callable[[Images, Signed], Images]) -> Callable[[Images, Signed], Images]:
    return lambda images, signed: change(images, 1 + 0.9 * signed)


# Each takes pictures, and for each picture a strength from -1 to 1.
OPERATIONS: dict[str, Callable[[Images, Signed], Images]] = {
    "identity": lambda images, signed: images,  # noqa: ARG005 (all have the same arguments)
    "shear_x": _moved("shear_x", 0.3),
    "shear_y": _moved("shear_y", 0.3),
    "right": _moved("right", 150 / 331),
    "down": _moved("down", 150 / 331),
    "rotate": _moved("degrees", 30.0),
    "brightness": _factor(colour.adjust_brightness),
    "saturation": _factor(colour.adjust_saturation),
    "contrast": _factor(colour.adjust_contrast),
    "sharpness": _factor(colour.adjust_sharpness),
    "posterize": lambda images, signed: colour.posterize(
        images, 8 - (4 * signed.abs()).round().long()
    ),
    "solarize": lambda images, signed: colour.solarize(images, 255 * (1 - signed.abs())),
    "autocontrast": lambda images, signed: colour.autocontrast(images),  # noqa: ARG005 (as above)
    "equalize": lambda images, signed: colour.equalize(images),  # noqa: ARG005 (as above)
}
