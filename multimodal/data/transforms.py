"""Transform a picture of any size to the network's square input, at random for training.

`EvalTransform` (validation, test and every predictor) and `TrainTransform` (the same square, varied
at random) are built from the same settings. Both take and return uint8, so that resizing runs on
bytes and batches stay small; encoders normalise by themselves.

"squash" resizes both sides to the square, and changes proportions alone. "crop" keeps them and cuts
a square from the centre. Either is one antialiased bilinear step: cutting before resizing costs
less than the usual resizing of what is cut away.

Variation is off by default, and so is mirroring, because captions name left and right. Hue cannot
be varied, because captions name colours. All randomness comes from one `torch.Generator`, and every
call draws equally many numbers, so that one kind of variation does not change another's draws.

References:
    Szegedy et al., "Going Deeper with Convolutions", 2015, section 6: crops of random area and
    aspect ratio.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor


@dataclass(frozen=True)
class TransformSettings:
    """The settings of both transforms; plain data that a checkpoint holds.

    Args:
        size: Width and height of the result in pixels.
        resize: "squash" fits the whole picture into the square; "crop" cuts a centred square.
        crop_fraction: The part of the shorter side that "crop" keeps; 0.875 is ImageNet's 224 of
            256.
        min_area: Training crops keep a random part of the area, at least this; 1 keeps all of it.
        max_stretch: Training crops are stretched in width or height by at most this factor.
        shift: Training pictures move by at most this part of their size, edges repeated.
        flip: Probability of mirroring left and right; keep 0 where captions say left and right.
        brightness: Training brightness varies by at most this part, 0 to 1.
        contrast: Training contrast varies by at most this part, 0 to 1.
        saturation: Training saturation varies by at most this part, 0 to 1.

    Example:
        >>> from dataclasses import asdict
        >>> settings = TransformSettings(size=64, min_area=0.8)
        >>> TransformSettings(**asdict(settings)) == settings
        True
    """

    size: int = 224
    resize: Literal["squash", "crop"] = "squash"
    crop_fraction: float = 1.0
    min_area: float = 1.0
    max_stretch: float = 1.0
    shift: float = 0.0
    flip: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"Transform `size` must be at least 1 pixel, got {self.size}.")
        if self.resize not in ("squash", "crop"):
            raise ValueError(f"Transform `resize` must be 'squash' or 'crop', got {self.resize!r}.")
        for name in ("crop_fraction", "min_area"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(
                    f"Transform `{name}` must be above 0 and at most 1, got {getattr(self, name)}."
                )
        for name in ("shift", "flip", "brightness", "contrast", "saturation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"Transform `{name}` must be from 0 to 1, got {getattr(self, name)}."
                )
        if not 1 <= self.max_stretch < math.inf:
            raise ValueError(
                f"Transform `max_stretch` must be 1 (none) or more, got {self.max_stretch}."
            )


class EvalTransform:
    """The deterministic transform of evaluation and inference.

    Args:
        settings: Transform settings; only `size`, `resize` and `crop_fraction` are used.

    Example:
        >>> transform = EvalTransform(TransformSettings(size=2))
        >>> transform(torch.full((3, 40, 30), 9, dtype=torch.uint8)).tolist()
        [[[9, 9], [9, 9]], [[9, 9], [9, 9]], [[9, 9], [9, 9]]]
    """

    def __init__(self, settings: TransformSettings) -> None:
        self.settings = settings

    def __call__(self, image: UInt8[Tensor, "3 height width"]) -> UInt8[Tensor, "3 size size"]:
        """Resize a picture to the square; one of that size is returned as it is."""
        height, width = _base(image, self.settings)
        top, left = (image.shape[1] - height) // 2, (image.shape[2] - width) // 2
        return _resized(image[:, top : top + height, left : left + width], self.settings.size)


class TrainTransform:
    """The random transform of training; with everything off it equals `EvalTransform`.

    Args:
        settings: The kinds of variation, and their strengths.

    Example:
        >>> transform = TrainTransform(TransformSettings(size=32, min_area=0.7, brightness=0.2))
        >>> image = torch.zeros(3, 48, 64, dtype=torch.uint8)
        >>> transform(image, torch.Generator().manual_seed(1)).shape
        torch.Size([3, 32, 32])
    """

    def __init__(self, settings: TransformSettings) -> None:
        self.settings = settings

    def __call__(
        self, image: UInt8[Tensor, "3 height width"], generator: torch.Generator
    ) -> UInt8[Tensor, "3 size size"]:
        """Cut, resize, shift, mirror and colour a picture by the generator's random numbers."""
        settings = self.settings
        area, stretch, top, left, down, right, mirror, *colours = torch.rand(
            10, generator=generator, dtype=torch.float64
        ).tolist()
        height, width = _crop_size(_base(image, settings), settings, area, stretch)
        if settings.min_area == 1.0 and settings.max_stretch == 1.0:
            top = left = 0.5  # nothing was cut at random, so the cut stays centred
        top = math.floor(top * (image.shape[1] - height))
        left = math.floor(left * (image.shape[2] - width))
        image = _resized(image[:, top : top + height, left : left + width], settings.size)
        if settings.shift:
            image = _shifted(image, settings.shift, down, right)
        if mirror < settings.flip:
            image = image.flip(-1)
        return _coloured(image, settings, colours)


def shrink(
    image: UInt8[Tensor, "3 height width"], side: int
) -> UInt8[Tensor, "3 new_height new_width"]:
    """Resize a picture, with its proportions, if its shorter side is longer than `side`.

    Example:
        >>> shrink(torch.zeros(3, 40, 60, dtype=torch.uint8), 20).shape
        torch.Size([3, 20, 30])
    """
    height, width = image.shape[1:]
    if min(height, width) <= side:
        return image
    scale = side / min(height, width)
    size = (round(height * scale), round(width * scale))
    return F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]


def _base(image: Tensor, settings: TransformSettings) -> tuple[int, int]:
    """Return the height and width of the part that evaluation keeps."""
    height, width = image.shape[1:]
    if settings.resize == "squash":
        return height, width
    side = max(1, round(min(height, width) * settings.crop_fraction))
    return side, side


def _crop_size(
    base: tuple[int, int], settings: TransformSettings, area: float, stretch: float
) -> tuple[int, int]:
    kept = math.sqrt(settings.min_area + area * (1 - settings.min_area))
    # The logarithm of the aspect ratio is uniform, so wide and tall are equally frequent.
    ratio = math.exp((stretch - 0.5) * math.log(settings.max_stretch))
    height = min(base[0], max(1, round(base[0] * kept / ratio)))
    width = min(base[1], max(1, round(base[1] * kept * ratio)))
    return height, width


def _resized(image: Tensor, size: int) -> Tensor:
    """Compute torchvision's v2 `resize` without the seconds of importing it."""
    if image.shape[1:] == (size, size):
        return image
    return F.interpolate(image[None], (size, size), mode="bilinear", antialias=True)[0]


def _shifted(image: Tensor, shift: float, down: float, right: float) -> Tensor:
    reach = round(shift * image.shape[-1])
    for dim, draw in ((1, down), (2, right)):
        by = math.floor(draw * (2 * reach + 1)) - reach
        image = _moved(image, dim, by)
    return image


def _moved(image: Tensor, dim: int, by: int) -> Tensor:
    """Move along an axis; the edge is repeated."""
    size = image.shape[dim]
    kept = image.narrow(dim, max(-by, 0), size - abs(by))
    if by > 0:
        return torch.cat([image.narrow(dim, 0, 1)] * by + [kept], dim)
    return torch.cat([kept] + [image.narrow(dim, size - 1, 1)] * -by, dim)


def _coloured(image: Tensor, settings: TransformSettings, draws: list[float]) -> Tensor:
    strengths = (settings.brightness, settings.contrast, settings.saturation)
    if not any(strengths):
        return image
    # Importing torchvision takes as long as importing torch; only varying colours needs it.
    from torchvision.transforms.v2 import functional as adjust

    image = image.contiguous()  # twice as fast here as channels last
    steps = (adjust.adjust_brightness, adjust.adjust_contrast, adjust.adjust_saturation)
    for step, strength, draw in zip(steps, strengths, draws, strict=True):
        if strength:
            image = step(image, 1 + strength * (2 * draw - 1))
    return image
