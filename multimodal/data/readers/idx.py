"""Read idx files, the format of MNIST and of sets in its layout, gzipped or not.

An idx file is a header of big-endian numbers and then bytes: two zeros, the type (8 for bytes), the
number of axes, the length of each axis. The size in the header is compared with that of the data,
and of a gzipped file no more is unpacked than its header claims.

References:
    LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
    recognition" (MNIST); Xiao, Rasul and Vollgraf 2017, "Fashion-MNIST".
"""

import gzip
import math
import struct
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multimodal.data.pixels import PixelSet
from multimodal.data.readers.file_search import require_folder
from multimodal.data.readers.splits import train_or_test

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
MAX_BYTES = 1 << 31
_CONTENT = (
    "Put the four files of the set there: train-images-idx3-ubyte, train-labels-idx1-ubyte, "
    "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, gzipped (.gz) or not."
)
_BYTES = 8  # the type's code of unsigned bytes; the only one that these sets use


def read_mnist(root: Path, split: str) -> PixelSet:
    """Read MNIST's train (60,000) or test (10,000) images of handwritten digits, 28 pixels wide.

    Args:
        root: The folder of the four idx files; they may be gzipped.

    Example:
        >>> read_mnist(Path("data/samples/mnist"), "train")
        PixelSet(train-images-idx3-ubyte.gz: 20 images of 1 x 28 x 28, 10 classes)
    """
    return _read_set(root, split, DIGITS)


def read_fashion_mnist(root: Path, split: str) -> PixelSet:
    """Read Fashion-MNIST's train (60,000) or test (10,000) images of clothes, 28 pixels wide.

    Args:
        root: The folder of the four idx files; they may be gzipped.

    Example:
        >>> read_fashion_mnist(Path("data/samples/mnist"), "test").label(0)
        'T-shirt/top'
    """
    return _read_set(root, split, CLOTHES)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an idx file of bytes, in the shape of its header; one that ends in .gz is unpacked.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: It is no idx file, or its header does not fit its size.

    Example:
        >>> read_idx(Path("data/samples/mnist/t10k-labels-idx1-ubyte")).tolist()
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    try:
        with path.open("rb") as file:
            return _read(gzip.open(file) if path.suffix == ".gz" else file, path)
    except (FileNotFoundError, IsADirectoryError):
        raise FileNotFoundError(f"No file {path}. Check the path.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be unpacked ({error}); copy or download it again."
        ) from error


def _read_set(root: Path, split: str, classes: tuple[str, ...]) -> PixelSet:
    split = train_or_test(split, root, "the set")
    part = {"train": "train", "test": "t10k"}[split]
    file = _find(root, f"{part}-images", "idx3-ubyte")
    images, labels = read_idx(file), read_idx(_find(root, f"{part}-labels", "idx1-ubyte"))
    if images.ndim != 3 or labels.ndim != 1:
        raise ValueError(
            f"{file} must hold images, with three axes, and its labels one, got {images.ndim} and "
            f"{labels.ndim}; is a file called like another?"
        )
    return PixelSet(file.name, images[:, None], labels.astype(np.int64), classes)


def _find(root: Path, stem: str, kind: str) -> Path:
    require_folder(root, _CONTENT)
    # Some tools replace the second hyphen by a dot when they unpack the files.
    names = [f"{stem}{mark}{kind}{end}" for mark in "-." for end in ("", ".gz")]
    for folder in (root, root / "raw"):
        for name in names:
            if (folder / name).is_file():
                return folder / name
    raise FileNotFoundError(f"No file {names[0]} or {names[1]} in {root}. {_CONTENT}")


def _read(file: BufferedIOBase, path: Path) -> NDArray[np.uint8]:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or not 1 <= start[3] <= 4:
        raise ValueError(f"{path} is no idx file: it begins with {start!r}.")
    if start[2] != _BYTES:
        raise ValueError(f"{path} must hold bytes (type 8), got type {start[2]}.")
    header = file.read(4 * start[3])
    if len(header) < 4 * start[3]:
        raise ValueError(f"{path} ends within its header; copy or download it again.")
    shape = struct.unpack(f">{start[3]}I", header)
    size = math.prod(shape)
    claimed = " x ".join(f"{length:,}" for length in shape)
    if size > MAX_BYTES:
        raise ValueError(
            f"{path} claims {claimed} = {size:,} bytes, the limit is {MAX_BYTES:,}: its header is "
            "damaged."
        )
    # Reading one byte more than claimed reveals a file that is too long without unpacking it all.
    data = file.read(size + 1)
    if len(data) != size:
        actual = f"only {len(data):,}" if len(data) < size else "more"
        raise ValueError(
            f"{path} claims {claimed} = {size:,} bytes and has {actual}; copy or download it again."
        )
    return np.frombuffer(data, np.uint8).reshape(shape)
