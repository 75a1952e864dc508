"""The data set of classification: whole batches by index, opened, then augmented together."""

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from typing_extensions import override

from multimodal.data.augmentation import Augmentation
from multimodal.data.batches import ClassificationBatch
from multimodal.data.buckets import Request
from multimodal.data.examples import ImageExample
from multimodal.data.image_source import ImageRows
from multimodal.data.labels import class_of, number_of
from multimodal.data.loaders import ExampleDataset
from multimodal.data.readers.table import ImageTarget


@runtime_checkable
class Source(Protocol):
    """Images by (epoch, index)."""

    def read(self, requests: Sequence[Request]) -> ImageRows:
        """Read the images of a batch."""


class PixelSource:
    """Images that lie in memory.

    Args:
        images: ``(images, 3 or 1, height, width)`` uint8.
        indices: Those that are the images of the data set, in its order.

    Example:
        >>> source = PixelSource(torch.arange(4, dtype=torch.uint8).view(4, 1, 1, 1), [3, 1])
        >>> source.read([(0, 0), (0, 1)]).images.flatten().tolist()
        [3, 1]
    """

    def __init__(self, images: Tensor, indices: Sequence[int]) -> None:
        self.images = images
        self.indices = torch.tensor(indices)

    def read(self, requests: Sequence[Request]) -> ImageRows:
        """Read the images of a batch."""
        chosen = self.indices[[index for _, index in requests]]
        return ImageRows(list(requests), self.images[chosen], None, ())


class ClassificationDataset(ExampleDataset[ImageExample, ClassificationBatch]):
    """Images with classes or numbers, a whole batch a call.

    Args:
        examples: Examples to read.
        source: Their images, in the same order.
        labels: Names of the classes in their order; none where the target is a number.
        target: ``label`` for one class each, ``labels`` for any number of them, ``number``.
        augmentation: Changes the images of a batch; None leaves them as they are.
        seed: Seed of the augmentation.

    Raises:
        ValueError: A label is none of the names, or not of the target's kind.
    """

    def __init__(
        self,
        examples: Sequence[ImageExample],
        source: Source,
        labels: Sequence[str],
        target: ImageTarget,
        *,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(examples)
        self.source = source
        self.augmentation = augmentation
        self.seed = seed
        self.targets = to_targets(self.examples, labels, target)

    @override
    def __getitems__(self, requests: Sequence[Request]) -> ClassificationBatch:
        rows = self.source.read(requests)
        if rows.images is None:
            raise ValueError("Classification reads images; leave the source's `cache` empty.")
        images = rows.images
        if self.augmentation is not None:
            images = self.augmentation(images, self.seed, rows.requests)
        indices = [index for _, index in rows.requests]
        return ClassificationBatch(
            indices=torch.tensor(indices),
            images=images,
            labels=self.targets[indices],
            examples=tuple(self.examples[index] for index in indices),
            skipped=rows.skipped,
        )


def to_targets(
    examples: Sequence[ImageExample], labels: Sequence[str], target: ImageTarget
) -> Tensor:
    """Turn labels into the targets of a loss.

    Returns:
        Classes ``(images,)``, -1 where there is none; or float32 zeros and ones ``(images,
        classes)``, or float32 numbers ``(images,)``, NaN where there is none.

    Raises:
        ValueError: A label is none of the names, or not of the target's kind.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> examples = [ImageExample(PixelImage("x", 0), "cat", 0)]
        >>> to_targets(examples, ["dog", "cat"], "label").tolist()
        [1]
    """
    if target == "number":
        return torch.tensor([number_of(each.label, str(each.image)) for each in examples])
    numbers = {label: number for number, label in enumerate(labels)}
    if target == "label":
        return torch.tensor([class_of(e.label, numbers, str(e.image)) for e in examples])
    targets = torch.zeros(len(examples), len(labels))
    for row, example in zip(targets, examples, strict=True):
        if example.label is None:
            row.fill_(math.nan)
            continue
        names = example.label if isinstance(example.label, tuple) else (example.label,)
        row[[class_of(name, numbers, str(example.image)) for name in names]] = 1.0
    return targets
