"""Open a picture from any source as one uint8 tensor of RGB values.

Training, evaluation and every predictor open pictures here, so that a model gets the same pixels
everywhere: upright (by the camera's EXIF orientation), three channels (grey is repeated, CMYK and
palettes are converted, transparency is put on white), the first frame of an animation, and 16-bit
values scaled to 8 bits. Pillow alone leaves pictures on their side and saturates nearly every pixel
of a 16-bit picture to white.

A picture's size is read from its header and bounded before anything is decoded: a PNG of 100
kilobytes can claim 900 million pixels. Only common formats are tried, since some of Pillow's
readers start other programs. Zeros inside a JPEG's data cannot be detected: they decode to a grey
patch.
"""

import io
import stat
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from multimodal.data.archives import read_member
from multimodal.data.examples import ImageFile

MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000

ImageSource: TypeAlias = ImageFile | str | Path | bytes | Image.Image | NDArray[Any] | Tensor


class ImageError(ValueError):
    """An unusable picture; the message names it and how to fix it."""


def load_image(
    source: ImageSource, *, max_pixels: int = MAX_PIXELS
) -> UInt8[Tensor, "3 height width"]:
    """Open a picture as RGB values from 0 to 255.

    Args:
        source: A path, an `ImageFile` (which may be in a zip archive), the bytes of a file, a PIL
            image, an array ``(height, width)`` or ``(height, width, 3 or 4)``, or a tensor
            ``(3, height, width)``. Arrays and tensors hold uint8, or floats from 0 to 1.
        max_pixels: The largest picture that is decoded, in pixels.

    Returns:
        A copy with channels-last strides, which are the fastest to resize.

    Raises:
        FileNotFoundError: The file, the archive or its member is missing.
        ImageError: The picture is empty, damaged, too large, or not a picture.
        TypeError: The source is none of the above.

    Example:
        >>> load_image(Image.new("L", (4, 2), 7)).shape
        torch.Size([3, 2, 4])
        >>> load_image(np.ones((1, 1, 3), np.float32)).flatten().tolist()
        [255, 255, 255]
    """
    if isinstance(source, Tensor):
        return _from_tensor(source, max_pixels)
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        name = str(getattr(source, "filename", "") or f"the {source.mode} PIL image")
        return _from_pil(source, name, max_pixels)
    if isinstance(source, bytes):
        return _decode(source, "the picture given as bytes", max_pixels)
    if isinstance(source, ImageFile | str | Path):
        return _decode(_read(source), str(source), max_pixels)
    raise TypeError(
        "load_image takes a path, an ImageFile, bytes, a PIL image, an array or a tensor, "
        f"got {type(source).__name__}."
    )


# Pillow's names, most frequent first. EPS is left out because it would start Ghostscript.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")

_FOREIGN = (  # beginnings of files that are often found under a picture's name
    (b"<", "is a web page, XML or SVG, not a picture; download the picture itself."),
    (b"version https://git-lfs", "is a Git LFS pointer, not a picture; run `git lfs pull`."),
)

# EXIF tag 0x0112: the turn that makes the stored picture upright (EXIF 2.32, section 4.6.4).
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _read(source: ImageFile | str | Path) -> bytes:
    if not isinstance(source, ImageFile):
        return _read_file(Path(source))
    if source.member is None:
        return _read_file(source.path)
    try:
        return read_member(source.path, source.member, max_bytes=MAX_BYTES)
    except ValueError as error:
        raise ImageError(str(error)) from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ImageError(f"{source} cannot be read: {error}.") from error


def _read_file(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES:
            return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"No picture {path}. Check the path.") from None
    except (OSError, ValueError) as error:  # a name with a NUL byte is a ValueError
        raise ImageError(f"{str(path)[:200]!r} cannot be read: {error}.") from error
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(f"{path} is a folder, not a picture; name the pictures in it.")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{path} is not a regular file; name a picture.")
    raise ImageError(
        f"{path} is {status.st_size:,} bytes large, the limit is {MAX_BYTES:,}; save it smaller."
    )


def _decode(data: bytes, name: str, max_pixels: int) -> Tensor:
    if not data:
        raise ImageError(f"{name} is empty (0 bytes); copy or download it again.")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise ImageError(_not_a_picture(data, name)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{name} has more pixels than can be opened safely; save it with at most "
            f"{max_pixels:,}."
        ) from error
    except Exception as error:  # decoders raise whatever they meet in a broken header
        raise _damaged(name, error) from error
    return _from_pil(image, name, max_pixels)


def _not_a_picture(data: bytes, name: str) -> str:
    start = data[:200].lstrip()
    for prefix, reason in _FOREIGN:
        if start.startswith(prefix):
            return f"{name} {reason}"
    return (
        f"{name} is not a picture in a format read here (JPEG, PNG, WebP, GIF, BMP, TIFF, PPM); "
        "convert it, for example to JPEG."
    )


def _damaged(name: str, error: Exception) -> ImageError:
    reason = str(error).rstrip(".") or type(error).__name__
    return ImageError(f"{name} is damaged or cut short ({reason}); copy or download it again.")


def _check_size(name: str, height: int, width: int, max_pixels: int) -> None:
    if height < 1 or width < 1:
        raise ImageError(f"{name} has no pixels ({width} x {height}).")
    if height * width > max_pixels:
        raise ImageError(
            f"{name} has {width} x {height} pixels, the limit is {max_pixels:,}; save it smaller."
        )


def _from_pil(image: Image.Image, name: str, max_pixels: int) -> Tensor:
    _check_size(name, image.height, image.width, max_pixels)
    try:
        image.load()
        pixels = _rgb(_upright(image), name)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever they meet in broken data
        raise _damaged(name, error) from error
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a broken EXIF block must not hide a good picture
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image, name: str) -> NDArray[np.uint8]:
    if image.mode == "F" or image.mode.startswith("I"):
        grey = np.asarray(image)
        grey = _unit_to_uint8(grey, name) if image.mode == "F" else _16_to_8_bits(grey, name)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def _16_to_8_bits(grey: NDArray[Any], name: str) -> NDArray[np.uint8]:
    values = grey.astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(
            f"{name} has values from {values.min():,} to {values.max():,}, "
            "expected 16 bits (0 to 65,535); save it with 8 or 16 bits."
        )
    return ((values + 128) // 257).astype(np.uint8)  # 65535 = 255 * 257


def _unit_to_uint8(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    low, high = float(values.min()), float(values.max())
    if not (low >= 0.0 and high <= 1.0):  # also refuses NaN
        raise ImageError(
            f"{name} has float values from {low:g} to {high:g}, expected 0 to 1; "
            "divide by 255 or use uint8."
        )
    return np.rint(values.astype(np.float32) * 255).astype(np.uint8)


def _from_tensor(tensor: Tensor, max_pixels: int) -> Tensor:
    if tensor.ndim != 3 or tensor.shape[0] not in (1, 3, 4):
        raise ImageError(
            f"An image tensor must be (3, height, width), got {tuple(tensor.shape)}. Give one "
            "picture at a time, channels first: image.permute(2, 0, 1)."
        )
    values = tensor.detach().cpu().permute(1, 2, 0)
    if values.is_floating_point():
        values = values.float()  # numpy knows no bfloat16
    return _from_channels_last(values.numpy(), "the tensor", max_pixels)


def _from_array(array: NDArray[Any], max_pixels: int) -> Tensor:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise ImageError(
            f"An image array must be (height, width) or (height, width, 3), got {array.shape}. "
            "Give one picture at a time, channels last: image.transpose(1, 2, 0)."
        )
    return _from_channels_last(array, "the array", max_pixels)


def _from_channels_last(array: NDArray[Any], name: str, max_pixels: int) -> Tensor:
    height, width, channels = array.shape
    _check_size(name, height, width, max_pixels)
    if np.issubdtype(array.dtype, np.floating):
        array = _unit_to_uint8(array, name)
    if array.dtype != np.uint8:
        raise ImageError(
            f"{name} has {array.dtype} values, expected uint8 (0 to 255) or float (0 to 1)."
        )
    if channels == 4:
        return _from_pil(Image.fromarray(np.ascontiguousarray(array), "RGBA"), name, max_pixels)
    if channels == 1:
        array = np.repeat(array, 3, axis=2)
    return torch.from_numpy(np.array(array, order="C")).permute(2, 0, 1)
