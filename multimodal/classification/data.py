"""The data module of classification: from a folder, or from nothing, to batches of images.

It names a data set by its format, splits it or deals it to the folds of a cross-validation,
collects the labels of the training images alone, opens pictures once and keeps them where they fit,
and varies whole batches of them by a named preset. The order is a function of (seed, epoch), the
variation of (seed, epoch, index).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from itertools import chain
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningDataModule
from torch import Tensor

from multimodal.classification.dataset import ClassificationDataset, PixelSource, Source
from multimodal.data.augmentation import Augmentation, PresetName
from multimodal.data.batches import ClassificationBatch
from multimodal.data.buckets import BucketSampler
from multimodal.data.examples import ImageExample, PixelImage
from multimodal.data.image_formats import GREY, SIZES, ImageFormat, LabelledImages
from multimodal.data.loaders import ResumableLoader
from multimodal.data.readers import holdout
from multimodal.data.readers.scene_labels import SceneLabel
from multimodal.data.readers.table import ImageColumns, ImageTarget
from multimodal.data.sources import ImageSource
from multimodal.data.split_images import SceneCounts
from multimodal.data.transforms import EvalTransform, TrainTransform, TransformSettings

_HOLDOUT = 0.1
_SCENE_SIZE = 64
_MEASURED = 5_000  # images: their mean is that of all to a thousandth
_BLOCK = 10_000  # pictures of a set in memory that are resized together


class PixelStatistics(NamedTuple):
    """Mean and standard deviation of each channel, of values from 0 to 1."""

    mean: list[float]
    std: list[float]


class ClassificationData(LightningDataModule):
    """Images with classes, with several each, or with numbers, in any accepted format.

    Args:
        format: ``digits`` (comes with scikit-learn), ``mnist``, ``fashion_mnist``, ``cifar10``,
            ``cifar100``, ``folder`` (a folder for each class, or a zip archive of them), ``table``
            (a CSV, TSV or JSONL file of one's own) or ``scenes`` (built in).
        root: Folder, archive or table of the data set; not used by digits and scenes.
        file: The table inside ``root``, where it has not the usual name.
        images: Folder or archive of a table's pictures inside ``root``, where it is not the usual.
        columns: Columns of a table.
        target: ``label`` for one class each, ``labels`` for any number of classes each, ``number``
            for a number, as a count is.
        coarse: Whether CIFAR-100's 20 superclasses are the classes.
        scenes: Numbers of the built-in scenes.
        scene_label: What is told of them: the ``shape`` or ``colour`` of the largest object, the
            ``count`` of objects, which ``shapes`` or ``colours`` there are, how much ``light``.
        holdout: Share of the training images put aside and used for validation in place of the
            data set's own validation split; 0 uses that, and a tenth where there is none.
        folds: Parts of a cross-validation; 0 is none, and uses the data set's splits.
        fold: The part that is tested on, from 0; the model is trained on the others.
        test_split: Split that ``test`` and ``predict`` read; ``val`` where there is no test part.
        batch_size: Images in a training batch.
        eval_batch_size: Images in an evaluation batch.
        image_size: Side of the images in pixels; 0 takes that of the digits, MNIST and CIFAR, and
            64 for scenes.
        resize: How pictures of a folder or a table become square: ``squash`` both sides, or
            ``crop`` a square from the centre.
        crop_fraction: Part of the shorter side that ``crop`` keeps.
        augmentation: How training images are varied: ``none``, ``flip_crop``, ``standard`` or
            ``strong``.
        mirrored: Whether variation may swap left and right; by default not for digits and MNIST.
        compute_mean: Whether ``mean`` and ``std`` of the channels are computed from the training
            images, for an encoder that learns from nothing.
        known_labels: Labels to use, in this order, instead of collecting them; the command line
            puts a checkpoint's here when it evaluates one.
        known_mean: Means to use instead of computing them; put here in the same way.
        known_std: Standard deviations, in the same way.
        on_bad_image: ``stop`` with the name of an image that is missing or cannot be read, or
            ``skip``, count and report such.
        memory: Gigabytes for opened pictures, of training and of evaluation each: those that fit
            are opened once only.
        workers: Processes that open and vary images; 0 does it in the main one.
        seed: Seed of scenes, splits, folds, holdout, order and augmentation.
    """

    def __init__(
        self,
        *,
        format: ImageFormat = "digits",  # noqa: A002 - the word a user would look for
        root: str = "",
        file: str = "",
        images: str = "",
        columns: ImageColumns | None = None,
        target: ImageTarget = "label",
        coarse: bool = False,
        scenes: SceneCounts | None = None,
        scene_label: SceneLabel = "shape",
        holdout: float = 0.0,
        folds: int = 0,
        fold: int = 0,
        test_split: Literal["test", "val"] = "test",
        batch_size: int = 64,
        eval_batch_size: int = 250,
        image_size: int = 0,
        resize: Literal["squash", "crop"] = "squash",
        crop_fraction: float = 1.0,
        augmentation: PresetName = "flip_crop",
        mirrored: bool | None = None,
        compute_mean: bool = False,
        known_labels: list[str] | None = None,
        known_mean: list[float] | None = None,
        known_std: list[float] | None = None,
        on_bad_image: Literal["stop", "skip"] = "stop",
        memory: float = 1.0,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.source = LabelledImages(
            format=format,
            root=root,
            file=file,
            images=images,
            columns=columns or ImageColumns(),
            target=target,
            coarse=coarse,
            scenes=scenes or SceneCounts(),
            scene_label=scene_label,
            folds=folds,
            fold=fold,
            skip_missing=on_bad_image == "skip",
            seed=seed,
        )
        self.holdout = holdout
        self.test_split = test_split
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.settings = _settings(format, image_size, resize, crop_fraction)
        self.augmentation = Augmentation(
            augmentation,
            self.settings.size,
            mirrored=format not in ("digits", "mnist") if mirrored is None else mirrored,
        )
        self.compute_mean = compute_mean
        self.known_labels = known_labels
        self.known_mean = known_mean
        self.known_std = known_std
        self.on_bad_image = on_bad_image
        self.keep_bytes = int(memory * (1 << 30)) // max(1, workers)
        self.workers = workers
        self.seed = seed
        self._examples: dict[str, list[ImageExample]] = {}
        self._images: dict[str, Tensor] = {}

    @property
    def target(self) -> ImageTarget:
        """What is to be told of an image: ``label``, ``labels`` or ``number``."""
        return self.source.target

    @property
    def channels(self) -> int:
        """How many channels the images have: 1 for digits, MNIST and Fashion-MNIST, else 3."""
        return 1 if self.source.format in GREY else 3

    @cached_property
    def labels(self) -> list[str]:
        """The labels of the training images, or those given; none where the target is a number.

        What is linked into the task.
        """
        if self.target == "number":
            return []
        if self.known_labels:
            return _different(self.known_labels, self.target)
        counts = self._counted()
        names = self.source.classes or sorted(counts, key=_order)
        if len(names) < (1 if self.target == "labels" else 2):
            only = f"the label {names[0]!r}" if names else "no label"
            raise ValueError(
                f"All {len(self.examples('train')):,} training images of {self._named()} have "
                f"{only}, so that there is nothing to tell apart. Add images with another one."
            )
        return names

    @cached_property
    def counts(self) -> list[int]:
        """How many training images have each label: what class weights are made of.

        What is linked into the task.
        """
        counts = self._counted() if self.target != "number" else Counter()
        return [counts[label] for label in self.labels]

    @property
    def mean(self) -> list[float]:
        """The mean of each channel, from 0 to 1, if it was asked for; what is linked."""
        return self.known_mean or (self._statistics.mean if self.compute_mean else [])

    @property
    def std(self) -> list[float]:
        """The standard deviation of each channel, if it was asked for; what is linked."""
        return self.known_std or (self._statistics.std if self.compute_mean else [])

    @property
    def eval_transform(self) -> dict[str, Any]:
        """The transform's settings as plain data: what is linked into the task."""
        return asdict(self.settings)

    def examples(self, split: str) -> list[ImageExample]:
        """Return the images of a split, read once.

        Args:
            split: ``train``, ``val`` or ``test``.
        """
        if split not in self._examples:
            if split in ("train", "val"):
                self._split_training()
            else:
                self._examples[split] = self.source.read(split)
        return self._examples[split]

    def train_dataloader(self) -> ResumableLoader[ClassificationBatch]:
        """Return shuffled batches of varied images."""
        return self._loader("train", self.batch_size, shuffle=True)

    def val_dataloader(self) -> ResumableLoader[ClassificationBatch]:
        """Return the validation batches in order."""
        return self.in_order("val")

    def test_dataloader(self) -> ResumableLoader[ClassificationBatch]:
        """Return the test batches in order."""
        return self.in_order(self.test_split)

    def predict_dataloader(self) -> ResumableLoader[ClassificationBatch]:
        """Return the test batches in order."""
        return self.in_order(self.test_split)

    def in_order(self, split: str) -> ResumableLoader[ClassificationBatch]:
        """Return a split's batches in order, as evaluation sees them.

        Args:
            split: ``train``, ``val`` or ``test``; the training images are not varied.
        """
        return self._loader(split, self.eval_batch_size, shuffle=False)

    def _split_training(self) -> None:
        train = self.source.read("train")
        val = [] if self.holdout else self.source.read("val")
        if len(train) == 1 and not val:
            raise ValueError(
                f"{self._named()} has one training image, and one must be trained on and another "
                "validated on. Add more."
            )
        if train and not val:
            train, val = holdout(train, self.holdout or _HOLDOUT, self.seed, stratify=True)
        self._examples.update(train=train, val=val)

    def _loader(
        self, split: str, batch_size: int, *, shuffle: bool
    ) -> ResumableLoader[ClassificationBatch]:
        sampler = BucketSampler(
            len(self._present(split)),
            batch_size=batch_size,
            seed=self.seed,
            shuffle=shuffle,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )
        dataset = ClassificationDataset(
            self.examples(split),
            self._open(self.examples(split), varied=shuffle),
            self.labels,
            self.target,
            augmentation=self.augmentation if shuffle else None,
            seed=self.seed,
        )
        return ResumableLoader(dataset, sampler, workers=self.workers)

    def _present(self, split: str) -> list[ImageExample]:
        examples = self.examples(split)
        if not examples:
            hint = "Set `test_split` to val." if split == "test" else "Check the folder's name."
            raise ValueError(f"{self._named()} has no images in the split {split}. {hint}")
        return examples

    def _open(self, examples: Sequence[ImageExample], *, varied: bool) -> Source:
        places = [e.image for e in examples if isinstance(e.image, PixelImage)]
        if places:
            # All parts of a split come from one set.
            return PixelSource(self._resized(places[0].source), [place.index for place in places])
        return ImageSource(
            [example.image for example in examples if not isinstance(example.image, PixelImage)],
            transform=TrainTransform(self.augmentation.opening(self.settings))
            if varied and self.augmentation.preset.min_area < 1
            else EvalTransform(self.settings),
            image_size=self.settings.size,
            skip_bad_images=self.on_bad_image == "skip",
            seed=self.seed,
            keep_bytes=self.keep_bytes,
        )

    def _resized(self, name: str) -> Tensor:
        """Return a set that lies in memory at the size that is wanted."""
        if name not in self._images:
            images = torch.tensor(self.source.sets[name].images)
            size = self.settings.size
            if images.shape[-1] != size:
                blocks = [
                    F.interpolate(block, (size, size), mode="bilinear", antialias=True)
                    for block in images.split(_BLOCK)
                ]
                images = torch.cat(blocks)
            self._images[name] = images
        return self._images[name]

    @cached_property
    def _statistics(self) -> PixelStatistics:
        """Measure the channels of the training images, as evaluation sees them."""
        examples = self._present("train")
        chosen = examples[:: -(-len(examples) // _MEASURED)]
        source = self._open(chosen, varied=False)
        count = 0
        total = squares = torch.zeros(self.channels, dtype=torch.float64)
        for start in range(0, len(chosen), self.eval_batch_size):
            stop = min(start + self.eval_batch_size, len(chosen))
            images = source.read([(0, index) for index in range(start, stop)]).images
            if images is None:
                continue
            values = images.double() / 255
            count += values[:, 0].numel()
            total = total + values.sum(dim=(0, 2, 3))
            squares = squares + values.square().sum(dim=(0, 2, 3))
        mean = total / count
        # A channel of one value must not be divided by nothing.
        std = (squares / count - mean.square()).clamp(min=1e-6).sqrt()
        return PixelStatistics(mean.tolist(), std.tolist())

    def _counted(self) -> Counter[str]:
        labels = (example.label for example in self.examples("train"))
        several = (label if isinstance(label, tuple) else (label,) for label in labels)
        return Counter(name for name in chain.from_iterable(several) if isinstance(name, str))

    def _named(self) -> str:
        """What messages call the images."""
        return self.source.root or f"`{self.source.format}`"


def _settings(
    format_: str, size: int, resize: Literal["squash", "crop"], crop_fraction: float
) -> TransformSettings:
    if format_ in SIZES and (resize != "squash" or crop_fraction != 1):
        raise ValueError(
            f"The images of {format_} are square; leave `resize` at squash and `crop_fraction` at "
            "1, which are for pictures of a folder or a table."
        )
    size = size or SIZES.get(format_, _SCENE_SIZE if format_ == "scenes" else 0)
    if not size:
        raise ValueError(
            "Pictures of a folder or a table may have any size; set `image_size`, such as 128."
        )
    return TransformSettings(size=size, resize=resize, crop_fraction=crop_fraction)


def _different(labels: list[str], target: ImageTarget) -> list[str]:
    least = 1 if target == "labels" else 2
    if len(set(labels)) < max(least, len(labels)):
        raise ValueError(f"`known_labels` must be two or more different labels, got {labels}.")
    return list(labels)


def _order(label: str) -> tuple[int, int, str]:
    """Numbers by size, others by the alphabet."""
    return (0, int(label), label) if label.isdecimal() else (1, 0, label)
