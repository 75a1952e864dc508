"""Pictures in every form in which they are handed to a predictor."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from multimodal.data.examples import ImageFile
from multimodal.data.images import ImageError, ImageSource, load_image
from multimodal.data.scenes import MAX_PIXELS, MIN_PIXELS, Scene, render_scene
from multimodal.data.transforms import EvalTransform

Picture: TypeAlias = ImageSource | Scene
Unusable: TypeAlias = ImageError | FileNotFoundError


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
        >>> from multimodal.data.scenes import sample_scene
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
    try:
        return transform(open_picture(picture, transform.settings.size))
    except FileNotFoundError as error:
        return error
    except ImageError as error:
        if number is None or isinstance(picture, str | Path | ImageFile):
            return error  # it has the picture's name already
        return ImageError(f"Picture {number} (counted from 0): {error}")


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
