"""Pictures in every form in which they are handed to a predictor."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from multimodal.data.examples import ImageFile
from multimodal.data.images import ImageSource, load_image
from multimodal.data.scenes import MAX_PIXELS, MIN_PIXELS, Scene, render_scene

Picture: TypeAlias = ImageSource | Scene


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
