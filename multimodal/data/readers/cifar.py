"""Read CIFAR-10 and CIFAR-100, in the binary and in the python version, unpacked or as a tar file.

The binary version is records of one label (CIFAR-100: a coarse one before it) and 3,072 bytes: red,
green and blue planes of 32 x 32 pixels. The python version is pickles of the same, which are opened
by `array_pickle` alone. An archive `cifar-10-python.tar.gz` is read as it is, in one pass.

References:
    Krizhevsky 2009, "Learning multiple layers of features from tiny images", chapter 3.
"""

import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multimodal.data.pixels import PixelSet, join
from multimodal.data.readers.array_pickle import load_arrays
from multimodal.data.readers.file_search import some
from multimodal.data.readers.splits import train_or_test

MAX_BYTES = 1 << 30
_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE


@dataclass(frozen=True)
class _Version:
    """The layout of one version of a set."""

    folder: str  # in the archive
    archive: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    names: str  # the file of the classes' names
    # Python version: the keys of the labels and of their names; binary version: the number of
    # labels of a record, and the index of the one to use.
    labels: tuple[str, str] | tuple[int, int]


_FIVE = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEN = (
    _Version(
        "cifar-10-batches-py",
        "cifar-10-python.tar.gz",
        _FIVE,
        ("test_batch",),
        "batches.meta",
        ("labels", "label_names"),
    ),
    _Version(
        "cifar-10-batches-bin",
        "cifar-10-binary.tar.gz",
        tuple(f"{name}.bin" for name in _FIVE),
        ("test_batch.bin",),
        "batches.meta.txt",
        (1, 0),
    ),
)


def _hundred(kind: str, index: int) -> tuple[_Version, ...]:
    return (
        _Version(
            "cifar-100-python",
            "cifar-100-python.tar.gz",
            ("train",),
            ("test",),
            "meta",
            (f"{kind}_labels", f"{kind}_label_names"),
        ),
        _Version(
            "cifar-100-binary",
            "cifar-100-binary.tar.gz",
            ("train.bin",),
            ("test.bin",),
            f"{kind}_label_names.txt",
            (2, index),
        ),
    )


def read_cifar10(root: Path, split: str) -> PixelSet:
    """Read CIFAR-10's train (50,000) or test (10,000) photographs of 32 pixels in 10 classes.

    Args:
        root: The folder of the batches, the one above it, one with the archive, or the archive.

    Example:
        >>> read_cifar10(Path("data/samples/cifar10"), "test")
        PixelSet(cifar-10-batches-bin/test: 4 images of 3 x 32 x 32, 10 classes)
    """
    return _read(root, split, _TEN)


def read_cifar100(root: Path, split: str, *, coarse: bool = False) -> PixelSet:
    """Read CIFAR-100's train (50,000) or test (10,000) photographs of 32 pixels in 100 classes.

    Args:
        root: The folder of the files, the one above it, one with the archive, or the archive.
        coarse: Whether to use the 20 superclasses as classes.

    Example:
        >>> read_cifar100(Path("data/samples/cifar100"), "test", coarse=True).classes[:2]
        ('kind 0', 'kind 1')
    """
    return _read(root, split, _hundred("coarse" if coarse else "fine", 0 if coarse else 1))


def _read(root: Path, split: str, versions: Sequence[_Version]) -> PixelSet:
    split = train_or_test(split, root, "CIFAR")
    for version in versions:
        names = version.train if split == "train" else version.test
        files = _load(root, version, [version.names, *names])
        if files is None:
            continue
        classes = _class_names(files[version.names], version)
        batches = [_batch(name, files[name], version, classes) for name in names]
        return join(batches, f"{version.folder}/{split}")
    folders = " or ".join(version.folder for version in versions)
    archives = " or ".join(version.archive for version in versions)
    raise FileNotFoundError(
        f"No CIFAR batches in {root}. Put the folder {folders} there, or the archive {archives}."
    )


def _load(root: Path, version: _Version, names: Sequence[str]) -> dict[str, bytes] | None:
    """Load the files of a version; None if the first one does not exist."""
    for folder in (root / version.folder, root):
        if (folder / names[0]).is_file():
            missing = [name for name in names if not (folder / name).is_file()]
            if missing:
                raise FileNotFoundError(f"No file {some(missing)} in {folder}; unpack it again.")
            return {name: (folder / name).read_bytes() for name in names}
    archive = root if root.name == version.archive else root / version.archive
    return _load_tar(archive, version, names) if archive.is_file() else None


def _load_tar(archive: Path, version: _Version, names: Sequence[str]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r|*") as tar:
            for member in tar:
                name = member.name.removeprefix("./").removeprefix(f"{version.folder}/")
                stream = tar.extractfile(member) if name in names and member.isreg() else None
                if stream is not None:
                    files[name] = _bounded(stream.read(MAX_BYTES + 1), f"{archive}/{member.name}")
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{archive} cannot be unpacked ({error}); copy or download it again."
        ) from error
    missing = [name for name in names if name not in files]
    if missing:
        raise FileNotFoundError(f"No file {some(missing)} in {archive}; download it again.")
    return files


def _bounded(data: bytes, name: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise ValueError(f"{name} is larger than {MAX_BYTES:,} bytes: it is not a part of CIFAR.")
    return data


def _class_names(data: bytes, version: _Version) -> tuple[str, ...]:
    key = version.labels[1]
    if isinstance(key, int):
        return tuple(line.strip() for line in data.decode("latin-1").split("\n") if line.strip())
    names = load_arrays(data, version.names).get(key)
    if not isinstance(names, list) or not all(isinstance(name, bytes | str) for name in names):
        raise ValueError(f"{version.names} must hold a list '{key}' of the classes' names.")
    return tuple(name.decode("latin-1") if isinstance(name, bytes) else name for name in names)


def _batch(name: str, data: bytes, version: _Version, classes: tuple[str, ...]) -> PixelSet:
    first, index = version.labels
    if isinstance(first, int) and isinstance(index, int):
        pixels, labels = _from_records(name, data, first, index)
    else:
        pixels, labels = _from_pickle(name, load_arrays(data, name), str(first))
    return PixelSet(name, pixels.reshape(-1, 3, _SIDE, _SIDE), labels, classes)


def _from_records(
    name: str, data: bytes, number: int, index: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    record = number + _PIXELS
    if not data or len(data) % record:
        raise ValueError(
            f"{name} must hold records of {record:,} bytes, got {len(data):,} bytes; copy or "
            "download it again."
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, record)
    return records[:, number:], records[:, index].astype(np.int64)


def _from_pickle(
    name: str, batch: dict[str, Any], key: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pixels, labels = batch.get("data"), batch.get(key)
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != _PIXELS:
        raise ValueError(f"{name} must hold an array 'data' of {_PIXELS:,} bytes a row.")
    if not isinstance(labels, list) or not all(
        type(label) is int and 0 <= label < 256 for label in labels
    ):
        raise ValueError(f"{name} must hold a list '{key}' of whole numbers from 0 to 255.")
    return pixels, np.array(labels, np.int64)
