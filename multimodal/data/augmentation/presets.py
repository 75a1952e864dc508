"""Presets of augmentation: the kinds and strengths of random variation of training pictures.

Large pictures are cropped at random when they are opened, from all of their pixels. The rest is
done on whole batches of bytes. Everything is a function of (seed, epoch, index), so that a resumed
run, or one with more worker processes, gets the same pictures.

References:
    Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural
    networks", section 4.1 (crops, mirroring, colour); Szegedy et al. 2015, "Going deeper with
    convolutions", section 6 (crops of random area); DeVries and Taylor 2017, "Improved
    regularization of convolutional neural networks with cutout".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from jaxtyping import UInt8
from torch import Tensor

from multimodal.data.augmentation.colour import relight
from multimodal.data.augmentation.draws import Draws
from multimodal.data.augmentation.geometry import erase, mirror, shift, transform
from multimodal.data.augmentation.rand_augment import rand_augment
from multimodal.data.buckets import Request
from multimodal.data.transforms import TransformSettings

PresetName = Literal["none", "flip_crop", "standard", "strong"]

SMALL: Final = 64
"""Up to this side pictures are shifted; larger ones are cropped when they are opened."""


@dataclass(frozen=True)
class Preset:
    """The kinds of variation and their largest strengths.

    Args:
        mirror: Probability of swapping left and right.
        shift: Shift of small pictures in both directions, as a fraction of their side.
        min_area: Least area of a random crop of large pictures.
        max_stretch: Stretch of such a crop in width or height, as a factor.
        degrees: Rotation in both directions.
        zoom: Growth or shrinkage, as a fraction.
        shear: Shear in pixels per pixel.
        light: Change of brightness, contrast and saturation, as a fraction.
        operations: Number of operations of RandAugment.
        strength: Their strength, 0 to 30.
        erased: Side of a square that is painted over, as a fraction of the picture's.
    """

    mirror: float = 0.0
    shift: float = 0.0
    min_area: float = 1.0
    max_stretch: float = 1.0
    degrees: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    light: float = 0.0
    operations: int = 0
    strength: int = 9
    erased: float = 0.0


PRESETS: Final[dict[str, Preset]] = {
    "none": Preset(),
    "flip_crop": Preset(mirror=0.5, shift=1 / 8, min_area=0.5, max_stretch=4 / 3),
    "standard": Preset(
        mirror=0.5,
        shift=1 / 8,
        min_area=0.35,
        max_stretch=4 / 3,
        degrees=10.0,
        zoom=0.1,
        shear=0.1,
        light=0.2,
    ),
    "strong": Preset(
        mirror=0.5, shift=1 / 8, min_area=0.25, max_stretch=4 / 3, operations=2, erased=1 / 4
    ),
}


class Augmentation:
    """Random variation of training pictures by a preset.

    Args:
        name: ``none``; ``flip_crop``: mirrored and shifted or cropped; ``standard``: also rotated,
            zoomed, sheared and changed in light a little; ``strong``: mirrored, shifted or cropped,
            two operations of RandAugment, and a square painted over.
        size: Side of the pictures.
        mirrored: False where left and right matter, as for digits.

    Raises:
        ValueError: If there is no such name.

    Example:
        >>> import torch
        >>> augmentation = Augmentation("flip_crop", 32)
        >>> images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
        >>> varied = augmentation(images, 0, [(1, 7), (1, 8)])
        >>> again = augmentation(images[1:], 0, [(1, 8)])
        >>> varied.dtype, bool((varied[1] == again[0]).all())
        (torch.uint8, True)
    """

    def __init__(self, name: str, size: int, *, mirrored: bool = True) -> None:
        if name not in PRESETS:
            names = ", ".join(get_args(PresetName))
            raise ValueError(f"`augmentation` must be one of {names}, got {name!r}.")
        preset = PRESETS[name]
        small = size <= SMALL
        self.size = size
        self.preset = replace(
            preset,
            mirror=preset.mirror if mirrored else 0.0,
            shift=preset.shift if small else 0.0,
            min_area=1.0 if small else preset.min_area,
            max_stretch=1.0 if small else preset.max_stretch,
        )

    def opening(self, settings: TransformSettings) -> TransformSettings:
        """Return the settings of evaluation with the preset's random crop of large pictures."""
        return replace(settings, min_area=self.preset.min_area, max_stretch=self.preset.max_stretch)

    def __call__(
        self,
        images: UInt8[Tensor, "batch channels size size"],
        seed: int,
        requests: Sequence[Request],
    ) -> UInt8[Tensor, "batch channels size size"]:
        """Return a varied copy of a batch.

        Args:
            images: The pictures.
            seed: Seed of the run.
            requests: (epoch, index) of each picture.
        """
        preset, draws = self.preset, Draws(seed, requests)
        if preset.mirror:
            images = mirror(images, draws.chance(preset.mirror))
        if reach := round(preset.shift * self.size):
            down, right = (draws.below(2 * reach + 1) - reach for _ in range(2))
            images = shift(images, down, right)
        if preset.degrees or preset.zoom or preset.shear:
            images = _moved(images, preset, draws)
        if preset.light:
            images = _lit(images, preset, draws)
        if preset.operations:
            images = rand_augment(
                images, draws, operations=preset.operations, strength=preset.strength
            )
        if side := round(preset.erased * self.size):
            top, left = (draws.below(self.size) - side // 2 for _ in range(2))
            images = erase(images, top, left, side)
        return images


def _moved(images: Tensor, preset: Preset, draws: Draws) -> Tensor:
    return transform(
        images,
        degrees=draws.uniform(-preset.degrees, preset.degrees),
        zoom=1 + draws.uniform(-preset.zoom, preset.zoom),
        shear_x=draws.uniform(-preset.shear, preset.shear),
        shear_y=0 * draws.uniform(),
        right=0 * draws.uniform(),
        down=0 * draws.uniform(),
    )


def _lit(images: Tensor, preset: Preset, draws: Draws) -> Tensor:
    return relight(images, *(1 + draws.uniform(-preset.light, preset.light) for _ in range(3)))
