"""Pictures in every form that a predictor takes: paths, bytes, PIL images, arrays, tensors."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from multimodal.data.examples import ImageFile
from multimodal.data.images import ImageError, ImageSource, load_image
from multimodal.data.transforms import EvalTransform
from multimodal.worlds.scenes import MAX_PIXELS, MIN_PIXELS, Scene, render_scene

IMAGE_NAME: Final = "a picture (a path, bytes, a PIL image, an array or a tensor)"

_LONGEST = 4.0  # square root of the proportions that are drawn at most

Picture: TypeAlias = ImageSource | Scene


@dataclass(frozen=True, slots=True, eq=False)
class ImageInput:
    """An image as a model receives it: small, so that a result can keep it.

    Args:
        pixels: The square that goes into the network.
        height: Height in pixels of the part of the picture that was resized to it.
        width: Width of that part.
    """

    pixels: UInt8[Tensor, "3 size size"]
    height: int
    width: int

    def upright(self) -> UInt8[Tensor, "3 rows columns"]:
        """Return the image in the picture's own proportions, with about as many pixels.

        Example:
            >>> ImageInput(torch.zeros(3, 60, 60, dtype=torch.uint8), 300, 400).upright().shape
            torch.Size([3, 52, 69])
        """
        side, stretch = self.pixels.shape[-1], math.sqrt(self.height / self.width)
        stretch = min(max(stretch, 1 / _LONGEST), _LONGEST)
        size = [max(1, round(side * stretch)), max(1, round(side / stretch))]
        if size == [side, side]:
            return self.pixels
        resized = F.interpolate(self.pixels[None].float(), size=size, mode="bilinear")
        return resized[0].round().to(torch.uint8)


def drawable(image: ImageInput | None) -> UInt8[Tensor, "3 rows columns"]:
    """Return the image that a result draws.

    Raises:
        ValueError: If there is none, because no predictor made the result.
    """
    if image is None:
        raise ValueError(
            "This result has no picture to draw. Those that a predictor returns have one."
        )
    return image.upright()


def is_one(pictures: object) -> bool:
    """Return whether this is a single picture; an array or a tensor with a batch axis is not.

    Example:
        >>> is_one("dog.jpg"), is_one(["dog.jpg"]), is_one(np.zeros((2, 8, 8, 3)))
        (True, False, False)
    """
    if isinstance(pictures, np.ndarray | Tensor):
        return pictures.ndim < 4
    return isinstance(pictures, str | Path | bytes | Image.Image | ImageFile | Scene)


def open_picture(picture: Picture, size: int) -> UInt8[Tensor, "3 height width"]:
    """Open a picture as RGB values, or draw it if it is a built-in scene.

    Args:
        picture: An input of `multimodal.data.images.load_image`, or a scene.
        size: Side of a scene in pixels, within the limits of `render_scene`.

    Raises:
        FileNotFoundError: If the file is not there.
        ImageError: If the picture cannot be used.
        TypeError: If it is not a picture.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> open_picture(sample_scene(0, 0, "test"), 64).shape
        torch.Size([3, 64, 64])
    """
    if isinstance(picture, Scene):
        drawn = render_scene(picture, min(max(size, MIN_PIXELS), MAX_PIXELS))
        return torch.from_numpy(drawn).permute(2, 0, 1)
    return load_image(picture)


def read_image(picture: Picture, transform: EvalTransform, number: int | None) -> ImageInput:
    """Open and resize a picture for a model; the result shares no memory with it.

    Args:
        picture: As for `open_picture`, which raises the errors.
        transform: The model's evaluation transform.
        number: Index of a picture without a name, for error messages; None if it is alone.

    Example:
        >>> from multimodal.data.transforms import TransformSettings
        >>> transform = EvalTransform(TransformSettings(size=8))
        >>> image = read_image(torch.zeros(3, 30, 40), transform, None)
        >>> image.pixels.shape, image.height, image.width
        (torch.Size([3, 8, 8]), 30, 40)
        >>> read_image(b"", transform, 2)
        Traceback (most recent call last):
        multimodal.data.images.ImageError: Picture 2 (counted from 0): the picture given as ...
    """
    try:
        whole = open_picture(picture, transform.settings.size)
    except ImageError as error:
        if number is None or isinstance(picture, str | Path | ImageFile):
            raise  # it names the picture already
        raise ImageError(f"Picture {number} (counted from 0): {error}") from error
    height, width = whole.shape[1:] if transform.settings.resize == "squash" else (1, 1)
    pixels = transform(whole).clone(memory_format=torch.contiguous_format)
    return ImageInput(pixels, height, width)


def view(picture: Picture, transform: EvalTransform) -> UInt8[Tensor, "3 height width"]:
    """Return the part of a picture that a model receives, at the picture's own resolution.

    It is the whole picture, or the square that is cut from it; attention maps lie over it.

    Example:
        >>> from multimodal.data.transforms import TransformSettings
        >>> wide = torch.zeros(3, 30, 40)
        >>> view(wide, EvalTransform(TransformSettings(size=8))).shape
        torch.Size([3, 30, 40])
        >>> view(wide, EvalTransform(TransformSettings(size=8, resize="crop"))).shape
        torch.Size([3, 8, 8])
    """
    whole = open_picture(picture, transform.settings.size)
    return whole if transform.settings.resize == "squash" else transform(whole)
