"""The data module of classification: readers, labels of the training images, augmented batches.

Pictures are opened once and kept where they fit, and whole batches of them are augmented by a named
preset. The order is a function of (seed, epoch), the augmentation of (seed, epoch, index).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import override

from multimodal.classification.dataset import ClassificationDataset, PixelSource, Source
from multimodal.classification.readers import GREY, PIXELS, READERS, SIZES, PixelSets
from multimodal.data.augmentation import Augmentation, PresetName
from multimodal.data.batches import ClassificationBatch
from multimodal.data.examples import ImageExample, PixelImage
from multimodal.data.image_source import ImageSource, OnBadImage
from multimodal.data.module import DataModule, TestSplit
from multimodal.data.readers import take_fold
from multimodal.data.readers.table import ImageTarget
from multimodal.data.readers.table_files import find_table
from multimodal.data.source import open_source
from multimodal.data.transforms import EvalTransform, TrainTransform, TransformSettings
from multimodal.saving.checkpoint import SavedModel
from multimodal.worlds.scenes import COLOURS, SHAPES

_HOLDOUT = 0.1
_MEASURED = 5_000  # images: their mean is that of all to a thousandth
_BLOCK = 10_000  # pictures of a set in memory that are resized together

# All labels of the built-in scenes, so that none of them is sampled to know these.
_SCENE_LABELS: Final = {"shape": SHAPES, "shapes": SHAPES, "colour": COLOURS, "colours": COLOURS}


@dataclass(frozen=True)
class ImageSettings:
    """Settings of making batches of images.

    Args:
        size: Side of the images in pixels; 0 takes that of the digits, MNIST and CIFAR, and 64 for
            scenes.
        resize: Method of making pictures square: ``squash`` both sides, or ``crop`` a square
            from the centre.
        crop_fraction: Part of the shorter side that ``crop`` keeps.
        augmentation: Augmentation of training images: ``none``, ``flip_crop``, ``standard`` or
            ``strong``.
        mirrored: Whether augmentation may swap left and right; by default not for digits and MNIST.
        compute_mean: Whether the mean of the channels is computed from the training images, for an
            encoder that learns from nothing.
        memory: Gigabytes for opened pictures, of training and of evaluation each: those that fit
            are opened once only.
    """

    size: int = 0
    resize: Literal["squash", "crop"] = "squash"
    crop_fraction: float = 1.0
    augmentation: PresetName = "flip_crop"
    mirrored: bool | None = None
    compute_mean: bool = False
    memory: float = 1.0


class ClassificationData(DataModule[ImageExample, ClassificationBatch]):
    """Images with classes, with several each, or with numbers, in any accepted format.

    Args:
        format: ``digits`` (comes with scikit-learn), ``mnist``, ``fashion_mnist``, ``cifar10``,
            ``cifar100``, ``folder`` (a folder for each class, or a zip archive of them), ``table``
            (a CSV, TSV or JSONL file), ``scenes`` (built in), or the import path of a
            reader of your own.
        root: Folder, archive or table of the data set; not used by digits and scenes.
        options: Keywords of the format's reader, such as ``label`` of ``scenes``; see
            data/README.md.
        target: ``label`` for one class each, ``labels`` for any number of classes each, ``number``
            for a number, such as a count.
        transform: Size and augmentation of the images.
        holdout: Share of the training images used for validation in place of the data set's own
            validation split; 0 uses that, and a tenth where there is none.
        folds: Parts of a cross-validation; 0 is none, and uses the data set's splits.
        fold: The tested part, from 0; the model is trained on the others.
        test_split: Split that ``test`` and ``predict`` read; ``val`` where there is no test part.
        batch_size: Images in a training batch.
        eval_batch_size: Images in an evaluation batch.
        on_bad_image: ``stop`` with the name of an image that is missing or cannot be read, or
            ``skip``, count and report such.
        workers: Processes that open and augment images; 0 does it in the main one.
        seed: Seed of scenes, splits, folds, holdout, order and augmentation.
    """

    stratify = True

    def __init__(
        self,
        *,
        format: str = "digits",  # noqa: A002 - the word a user would look for
        root: str = "",
        options: dict[str, Any] | None = None,
        target: ImageTarget = "label",
        transform: ImageSettings | None = None,
        holdout: float = 0.0,
        folds: int = 0,
        fold: int = 0,
        test_split: TestSplit = "test",
        batch_size: int = 64,
        eval_batch_size: int = 250,
        on_bad_image: OnBadImage = "stop",
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            holdout=holdout,
            test_split=test_split,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            workers=workers,
            seed=seed,
        )
        self.target: ImageTarget = target
        self.transform = transform or ImageSettings()
        self.settings = _square(format, self.transform)
        self.augmentation = Augmentation(
            self.transform.augmentation,
            self.settings.size,
            mirrored=format not in ("digits", "mnist")
            if self.transform.mirrored is None
            else self.transform.mirrored,
        )
        self.folds = folds
        self.fold = fold
        self.on_bad_image = on_bad_image
        self.keep_bytes = int(self.transform.memory * (1 << 30)) // max(1, workers)
        self.sets: PixelSets = {}
        self.source = open_source(
            READERS,
            ImageExample,
            format=format,
            root=root,
            options=options,
            shared={
                "seed": seed,
                "skip_missing": on_bad_image == "skip",
                "target": target,
                "sets": self.sets,
            },
        )
        self._resized_sets: dict[str, Tensor] = {}

    @property
    def channels(self) -> int:
        """Channels of the images: 1 for digits, MNIST and Fashion-MNIST, else 3."""
        return 1 if self.source.format in GREY else 3

    @cached_property
    def labels(self) -> list[str]:
        """The labels of the training images, or adopted ones; none where the target is a number.

        The classes of a set in memory keep its own order; others are sorted.
        """
        if self.target == "number":
            return []
        if self.is_built_in:
            known = _SCENE_LABELS.get(self.source.options.get("label", "shape"))
            if known:
                return sorted(known)
        counts = self._count()
        names = next((list(each.classes) for each in self.sets.values()), None)
        names = names or sorted(counts, key=_order)
        if len(names) < (1 if self.target == "labels" else 2):
            only = f"the label {names[0]!r}" if names else "no label"
            raise ValueError(
                f"All {len(self.examples('train')):,} training images of {self.source.name} have "
                f"{only}, so that there is nothing to tell apart. Add images with another one."
            )
        return names

    @cached_property
    def counts(self) -> list[int]:
        """Training images of each label, from which class weights are computed."""
        counts = self._count() if self.target != "number" else Counter()
        return [counts[label] for label in self.labels]

    @cached_property
    def mean(self) -> list[float]:
        """The mean of each channel, from 0 to 1; empty if it is neither computed nor adopted."""
        return self._measure() if self.transform.compute_mean else []

    @property
    def eval_transform(self) -> dict[str, Any]:
        """The settings of the evaluation transform as plain data."""
        return asdict(self.settings)

    @override
    def linked(self) -> dict[str, Any]:
        return {
            "labels": self.labels,
            "transform": self.eval_transform,
            "target": self.target,
            "mean": self.mean,
            "channels": self.channels,
        }

    @override
    def adopt(self, saved: SavedModel) -> None:
        self.labels = list(saved.extra["labels"])
        self.mean = list(saved.extra.get("mean") or [])
        self.settings = TransformSettings(**saved.transform)
        self.augmentation.size = self.settings.size

    def read(self, split: str) -> list[ImageExample]:
        """Read a split as the data set has it, or as the folds have it.

        With folds, test is the fold, and train is the rest of the digits, or of train and val.
        """
        if not self.folds:
            return self.source.read(split)
        if split == "val":
            return []
        others, tested = take_fold(self._learnable(), self.folds, self.fold, self.seed)
        return tested if split == "test" else others

    def examples(self, split: str) -> list[ImageExample]:
        """Return the images of a split, read once; for val a tenth of train if there is none."""
        if split in ("train", "val") and split not in self._examples:
            self._read_training()
        return super().examples(split)

    @override
    def dataset(self, split: str, *, training: bool) -> ClassificationDataset:
        examples = self._present(split)
        return ClassificationDataset(
            examples,
            self._open(examples, augmented=training),
            self.labels,
            self.target,
            augmentation=self.augmentation if training else None,
            seed=self.seed,
        )

    def _read_training(self) -> None:
        train = self.read("train")
        val = [] if self.holdout else self.read("val")
        if len(train) == 1 and not val:
            raise ValueError(
                f"{self.source.name} has one training image, and one must be trained on and "
                "another validated on. Add more."
            )
        if train and not val:
            self.split_training(train, self.holdout or _HOLDOUT)
        else:
            self._examples.update(train=train, val=val)

    def _learnable(self) -> list[ImageExample]:
        if self.source.format == "digits":
            return self.source.read("all")
        if self.source.format == "table":
            file = self.source.options.get("file", "")
            if find_table(Path(self.source.root), "train", "labels", file=file).split:
                return self.source.read("train")  # a file for each split: there may be no val
        return [*self.source.read("train"), *self.source.read("val")]

    def _present(self, split: str) -> list[ImageExample]:
        examples = self.examples(split)
        if not examples:
            hint = "Set `test_split` to val." if split == "test" else "Check the folder's name."
            raise ValueError(f"{self.source.name} has no images in the split {split}. {hint}")
        return examples

    def _open(self, examples: Sequence[ImageExample], *, augmented: bool) -> Source:
        pixels = [e.image for e in examples if isinstance(e.image, PixelImage)]
        if pixels:
            # All images of a split come from one set.
            return PixelSource(self._resized(pixels[0].source), [image.index for image in pixels])
        return ImageSource(
            [example.image for example in examples if not isinstance(example.image, PixelImage)],
            transform=TrainTransform(self.augmentation.opening(self.settings))
            if augmented and self.augmentation.preset.min_area < 1
            else EvalTransform(self.settings),
            image_size=self.settings.size,
            skip_bad_images=self.on_bad_image == "skip",
            seed=self.seed,
            keep_bytes=self.keep_bytes,
        )

    def _resized(self, name: str) -> Tensor:
        """Return a set that lies in memory, resized."""
        if name not in self._resized_sets:
            images = torch.tensor(self.sets[name].images)
            size = self.settings.size
            if images.shape[-1] != size:
                blocks = [
                    F.interpolate(block, (size, size), mode="bilinear", antialias=True)
                    for block in images.split(_BLOCK)
                ]
                images = torch.cat(blocks)
            self._resized_sets[name] = images
        return self._resized_sets[name]

    def _measure(self) -> list[float]:
        """Measure the mean of the channels of the training images, as evaluation sees them."""
        examples = self._present("train")
        chosen = examples[:: -(-len(examples) // _MEASURED)]
        source = self._open(chosen, augmented=False)
        count = 0
        total = torch.zeros(self.channels, dtype=torch.float64)
        for start in range(0, len(chosen), self.eval_batch_size):
            stop = min(start + self.eval_batch_size, len(chosen))
            images = source.read([(0, index) for index in range(start, stop)]).images
            if images is not None:
                values = images.double() / 255
                count += values[:, 0].numel()
                total = total + values.sum(dim=(0, 2, 3))
        return (total / count).tolist()

    def _count(self) -> Counter[str]:
        labels = (example.label for example in self.examples("train"))
        several = (label if isinstance(label, tuple) else (label,) for label in labels)
        return Counter(name for name in chain.from_iterable(several) if isinstance(name, str))


def _square(format_: str, image: ImageSettings) -> TransformSettings:
    if format_ in PIXELS and (image.resize != "squash" or image.crop_fraction != 1):
        raise ValueError(
            f"The images of {format_} are square; leave `transform.resize` at squash and "
            "`transform.crop_fraction` at 1, which are for pictures of any size."
        )
    size = image.size or SIZES.get(format_, 0)
    if not size:
        raise ValueError(
            "Pictures of a folder or a table may have any size; set `transform.size`, such as 128."
        )
    return TransformSettings(size=size, resize=image.resize, crop_fraction=image.crop_fraction)


def _order(label: str) -> tuple[int, int, str]:
    """Numbers by size, others by the alphabet."""
    return (0, int(label), label) if label.isdecimal() else (1, 0, label)
