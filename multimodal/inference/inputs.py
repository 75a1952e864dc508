"""Pictures in every form in which they are handed to a predictor."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

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

_LONGEST = 4.0  # square root of the proportions that are drawn at most

Picture: TypeAlias = ImageSource | Scene
Unusable: TypeAlias = ImageError | FileNotFoundError


@dataclass(frozen=True, slots=True, eq=False)
class SeenPicture:
    """What a model saw of a picture: small, so that a result can keep it.

    Args:
        pixels: The square that went into the network.
        height: Height of what was squeezed into it, in pixels of the picture.
        width: Its width.
    """

    pixels: UInt8[Tensor, "3 size size"]
    height: int
    width: int

    def upright(self) -> UInt8[Tensor, "3 rows columns"]:
        """Return the pixels in the picture's own proportions, about as many of them.

        Example:
            >>> SeenPicture(torch.zeros(3, 60, 60, dtype=torch.uint8), 300, 400).upright().shape
            torch.Size([3, 52, 69])
        """
        side, stretch = self.pixels.shape[-1], math.sqrt(self.height / self.width)
        stretch = min(max(stretch, 1 / _LONGEST), _LONGEST)
        size = [max(1, round(side * stretch)), max(1, round(side / stretch))]
        if size == [side, side]:
            return self.pixels
        resized = F.interpolate(self.pixels[None].float(), size=size, mode="bilinear")
        return resized[0].round().to(torch.uint8)


def drawable(seen: SeenPicture | None) -> UInt8[Tensor, "3 rows columns"]:
    """Return what a result draws.

    Args:
        seen: What its model saw; None where no predictor made the result.

    Raises:
        ValueError: If there is nothing.
    """
    if seen is None:
        raise ValueError(
            "This result has no picture to draw. Those that a predictor returns have one."
        )
    return seen.upright()


def is_one(pictures: object) -> bool:
    """Tell one picture from many.

    Args:
        pictures: What a predictor was called with.

    Returns:
        Whether it is a single picture; an array or a tensor with a batch axis is not.

    Example:
        >>> is_one("dog.jpg"), is_one(["dog.jpg"]), is_one(np.zeros((2, 8, 8, 3)))
        (True, False, False)
    """
    if isinstance(pictures, np.ndarray | Tensor):
        return pictures.ndim < 4
    return isinstance(pictures, str | Path | bytes | Image.Image | ImageFile | Scene)


def open_picture(picture: Picture, size: int) -> UInt8[Tensor, "3 height width"]:
    """Open a picture, or draw it if it is a built-in scene.

    Args:
        picture: What `multimodal.data.images.load_image` takes, or a scene.
        size: Side of a scene in pixels, as far as scenes are drawn at it.

    Returns:
        RGB values.

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


def prepare_picture(
    picture: Picture, transform: EvalTransform, number: int | None
) -> UInt8[Tensor, "3 size size"] | Unusable:
    """Open and resize a picture for a model, or return what is wrong with it.

    Args:
        picture: What `open_picture` takes.
        transform: The transform that the model was evaluated with.
        number: Its number among many, by which one without a name is called; None if it is alone.

    Returns:
        The model's input, or the error that says why there is none.

    Raises:
        TypeError: If it is not a picture.

    Example:
        >>> from multimodal.data.transforms import TransformSettings
        >>> transform = EvalTransform(TransformSettings(size=8))
        >>> prepare_picture(torch.zeros(3, 30, 40), transform, None).shape
        torch.Size([3, 8, 8])
        >>> prepare_picture(b"", transform, 2)
        ImageError('Picture 2 (counted from 0): the picture given as bytes is empty ...')
    """
    seen = see_picture(picture, transform, number)
    return seen.pixels if isinstance(seen, SeenPicture) else seen


def see_picture(
    picture: Picture, transform: EvalTransform, number: int | None
) -> SeenPicture | Unusable:
    """Open and resize a picture for a model as `prepare_picture`, to be kept in its result.

    Args:
        picture: What `open_picture` takes.
        transform: The transform that the model was evaluated with.
        number: Its number among many, by which one without a name is called; None if it is alone.

    Returns:
        The model's input, which shares no memory with the picture, or the error that says why
        there is none.

    Raises:
        TypeError: If it is not a picture.

    Example:
        >>> from multimodal.data.transforms import TransformSettings
        >>> transform = EvalTransform(TransformSettings(size=8))
        >>> seen = see_picture(torch.zeros(3, 30, 40), transform, None)
        >>> seen.pixels.shape, seen.height, seen.width
        (torch.Size([3, 8, 8]), 30, 40)
    """
    try:
        whole = open_picture(picture, transform.settings.size)
    except FileNotFoundError as error:
        return error
    except ImageError as error:
        if number is None or isinstance(picture, str | Path | ImageFile):
            return error  # it has the picture's name already
        return ImageError(f"Picture {number} (counted from 0): {error}")
    height, width = whole.shape[1:] if transform.settings.resize == "squash" else (1, 1)
    pixels = transform(whole).clone(memory_format=torch.contiguous_format)
    return SeenPicture(pixels, height, width)


def seen_picture(picture: Picture, transform: EvalTransform) -> UInt8[Tensor, "3 height width"]:
    """Return what a model sees of a picture, which its attention maps lie over.

    Args:
        picture: What `open_picture` takes.
        transform: The transform that the model was evaluated with.

    Returns:
        The whole picture, or the square that was cut from it, if that is the model's way.

    Raises:
        FileNotFoundError: If the file is not there.
        ImageError: If the picture cannot be used.
        TypeError: If it is not a picture.

    Example:
        >>> from multimodal.data.transforms import TransformSettings
        >>> wide = torch.zeros(3, 30, 40)
        >>> seen_picture(wide, EvalTransform(TransformSettings(size=8))).shape
        torch.Size([3, 30, 40])
        >>> seen_picture(wide, EvalTransform(TransformSettings(size=8, resize="crop"))).shape
        torch.Size([3, 8, 8])
    """
    whole = open_picture(picture, transform.settings.size)
    return whole if transform.settings.resize == "squash" else transform(whole)
