"""Where labelled images come from: the formats that a data module of them accepts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

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
    read_scenes,
    take_fold,
)
from multimodal.data.readers.scene_labels import SceneLabel
from multimodal.data.readers.table import ImageColumns, ImageTarget
from multimodal.data.readers.table_files import find_table
from multimodal.data.split_images import SceneCounts

ImageFormat = Literal[
    "digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "folder", "table", "scenes"
]

SIZES: Final = {"digits": 8, "mnist": 28, "fashion_mnist": 28, "cifar10": 32, "cifar100": 32}
"""The side of the pictures of each set that lies in memory."""

GREY: Final = ("digits", "mnist", "fashion_mnist")
_TESTED = 0.25  # of the digits, which have no split of their own
_READERS = {"mnist": read_mnist, "fashion_mnist": read_fashion_mnist, "cifar10": read_cifar10}


@dataclass
class LabelledImages:
    """A set of labelled images.

    Args:
        format: Its layout; the formats of `ClassificationData`.
        root: Folder, archive or table; not used by digits and scenes.
        file: The table inside ``root``, where it has not the usual name.
        images: Folder or archive of a table's pictures inside ``root``.
        columns: Columns of a table.
        target: ``label`` for one class each, ``labels`` for any number of them, ``number``.
        coarse: Whether CIFAR-100's 20 superclasses are the classes.
        scenes: Numbers of the built-in scenes.
        scene_label: What is told of them.
        folds: Parts of a cross-validation, of which ``fold`` is tested on; 0 is none.
        fold: Which one, from 0.
        skip_missing: Whether a table's pictures that are not there are left out.
        seed: Seed of scenes, folds and of the digits' split.
        sets: What lies in memory, by name; filled by reading.
    """

    format: ImageFormat
    root: str = ""
    file: str = ""
    images: str = ""
    columns: ImageColumns = field(default_factory=ImageColumns)
    target: ImageTarget = "label"
    coarse: bool = False
    scenes: SceneCounts = field(default_factory=SceneCounts)
    scene_label: SceneLabel = "shape"
    folds: int = 0
    fold: int = 0
    skip_missing: bool = False
    seed: int = 0
    sets: dict[str, PixelSet] = field(default_factory=dict)

    def read(self, split: str) -> list[ImageExample]:
        """Read the images of a split.

        With folds, test is the fold, and train is what else may be learned from: all of the digits,
        otherwise the parts train and val.

        Args:
            split: ``train``, ``val`` or ``test``.

        Returns:
            The images; none where the set has no such part.

        Raises:
            FileNotFoundError: The set is not there.
            ValueError: A file is wrong; the message names it.

        Example:
            >>> source = LabelledImages("digits", folds=3)
            >>> [len(source.read(split)) for split in ("train", "val", "test")]
            [1198, 0, 599]
        """
        if not self.folds:
            return self._read(split)
        if split == "val":
            return []
        others, tested = take_fold(self._learnable(), self.folds, self.fold, self.seed)
        return tested if split == "test" else others

    @property
    def classes(self) -> list[str]:
        """The classes of a set that lies in memory, in its own order; none of others."""
        return list(next((pixels.classes for pixels in self.sets.values()), ()))

    def _read(self, split: str) -> list[ImageExample]:
        root = Path(self.root)
        match self.format:
            case "digits":
                train, test = holdout(
                    self._listed(read_digits()), _TESTED, self.seed, stratify=True
                )
                return {"train": train, "val": [], "test": test}[split]
            case "mnist" | "fashion_mnist" | "cifar10" | "cifar100":
                return [] if split == "val" else self._listed(self._pixels(root, split))
            case "folder":
                return read_image_folder(root, split)
            case "table":
                return read_image_table(
                    root,
                    split,
                    file=self.file,
                    images=self.images,
                    columns=self.columns,
                    target=self.target,
                    skip_missing=self.skip_missing,
                )
            case "scenes":
                return read_scenes(
                    self.scenes.world(split),
                    self.scenes.number(split),
                    label=self.scene_label,
                    target=self.target,
                    seed=self.seed,
                )
        formats = ", ".join(get_args(ImageFormat))
        raise ValueError(f"`format` must be one of {formats}, got {self.format!r}.")

    def _learnable(self) -> list[ImageExample]:
        if self.format == "digits":
            return self._listed(read_digits())
        if self.format == "table":
            table = find_table(Path(self.root), "train", "labels", file=self.file)
            if table.split:  # a file for each split: there may be none for val
                return self._read("train")
        return [*self._read("train"), *self._read("val")]

    def _pixels(self, root: Path, split: str) -> PixelSet:
        if self.format == "cifar100":
            return read_cifar100(root, split, coarse=self.coarse)
        return _READERS[self.format](root, split)

    def _listed(self, pixels: PixelSet) -> list[ImageExample]:
        self.sets[pixels.name] = pixels
        return [
            ImageExample(PixelImage(pixels.name, index), pixels.classes[label], index)
            for index, label in enumerate(pixels.labels.tolist())
        ]
