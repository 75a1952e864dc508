"""The formats of labelled images: the table of readers, and the sets that lie in memory."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from multimodal.data.examples import ImageExample, PixelImage
from multimodal.data.pixels import PixelSet
from multimodal.data.readers import (
    holdout,
    read_cifar10,
    read_cifar100,
    read_digits,
    read_fashion_mnist,
    read_image_folder,
    read_image_table,
    read_mnist,
)
from multimodal.data.readers.scenes import read_scene_labels
from multimodal.data.source import Reader

_TESTED = 0.25  # of the digits, which have no split of their own

SIZES: Final = {
    "digits": 8,
    "mnist": 28,
    "fashion_mnist": 28,
    "cifar10": 32,
    "cifar100": 32,
    "scenes": 64,
}
"""Side of the pictures, of the formats that have one."""

PIXELS: Final = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100")
GREY: Final = ("digits", "mnist", "fashion_mnist")

PixelSets = dict[str, PixelSet]


def _read_digits(
    root: Path,  # noqa: ARG001 (every reader takes one)
    split: str,
    *,
    sets: PixelSets,
    seed: int,
) -> list[ImageExample]:
    """Read scikit-learn's digits: three quarters train and one quarter test, of each digit."""
    everything = _list_pixels(read_digits(), sets)
    if split == "all":
        return everything
    train, test = holdout(everything, _TESTED, seed, stratify=True)
    return {"train": train, "val": [], "test": test}[split]


def _pixel_reader(read: Callable[[Path, str], PixelSet]) -> Reader[ImageExample]:
    """Make a reader of a set in memory, which has no validation split."""

    def read_pixels(root: Path, split: str, *, sets: PixelSets) -> list[ImageExample]:
        return [] if split == "val" else _list_pixels(read(root, split), sets)

    return read_pixels


def _read_cifar100(
    root: Path, split: str, *, coarse: bool = False, sets: PixelSets
) -> list[ImageExample]:
    """Read CIFAR-100 with its 100 classes, or its 20 superclasses (``coarse``)."""
    return [] if split == "val" else _list_pixels(read_cifar100(root, split, coarse=coarse), sets)


def _list_pixels(pixels: PixelSet, sets: PixelSets) -> list[ImageExample]:
    sets[pixels.name] = pixels
    return [
        ImageExample(PixelImage(pixels.name, index), pixels.classes[label], index)
        for index, label in enumerate(pixels.labels.tolist())
    ]


READERS: Final[Mapping[str, Reader[ImageExample]]] = {
    "digits": _read_digits,
    "mnist": _pixel_reader(read_mnist),
    "fashion_mnist": _pixel_reader(read_fashion_mnist),
    "cifar10": _pixel_reader(read_cifar10),
    "cifar100": _read_cifar100,
    "folder": read_image_folder,
    "table": read_image_table,
    "scenes": read_scene_labels,
}
