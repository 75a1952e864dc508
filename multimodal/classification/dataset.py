"""The data set of classification: whole batches by index, opened, then varied together."""

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import Dataset

from multimodal.data.augmentation import Augmentation
from multimodal.data.batches import ClassificationBatch
from multimodal.data.buckets import Request
from multimodal.data.examples import ImageExample
from multimodal.data.image_source import ImageRows
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
        places: Which of them are the images of the data set, in its order.

    Example:
        >>> source = PixelSource(torch.arange(4, dtype=torch.uint8).view(4, 1, 1, 1), [3, 1])
        >>> source.read([(0, 0), (0, 1)]).images.flatten().tolist()
        [3, 1]
    """

    def __init__(self, images: Tensor, places: Sequence[int]) -> None:
        self.images = images
        self.places = torch.tensor(places)

    def read(self, requests: Sequence[Request]) -> ImageRows:
        """Read the images of a batch.

        Args:
            requests: (epoch, index) pairs.

        Returns:
            The images.
        """
        chosen = self.places[[index for _, index in requests]]
        return ImageRows(list(requests), self.images[chosen], None, ())


class ClassificationDataset(Dataset[ClassificationBatch]):
    """Images with classes or numbers, a whole batch a call.

    Args:
        examples: What to read.
        source: Their images, in the same order.
        labels: Names of the classes in their order; none where the target is a number.
        target: ``label`` for one class each, ``labels`` for any number of them, ``number``.
        augmentation: What happens to the images; None leaves them as they are.
        seed: Of the augmentation.

    Raises:
        ValueError: If a label is none of the names, or not of the target's kind.
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
        self.examples = list(examples)
        self.source = source
        self.augmentation = augmentation
        self.seed = seed
        self.targets = to_targets(self.examples, labels, target)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, request: Request) -> ClassificationBatch:
        """Return a batch of one."""
        return self.__getitems__([request])

    def __getitems__(self, requests: Sequence[Request]) -> ClassificationBatch:
        """Build the batch of these requests.

        Args:
            requests: (epoch, index) pairs.

        Returns:
            The batch; without the unreadable images if these are skipped.

        Raises:
            ImageError: If an image cannot be read and such are not skipped, or none of the batch
                can.
        """
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
    """Turn labels into what a loss takes.

    Args:
        examples: The images.
        labels: Names of the classes in their order; none for numbers.
        target: ``label``, ``labels`` or ``number``.

    Returns:
        Classes ``(images,)``, -1 where there is none; or float32 zeros and ones ``(images,
        classes)``, or float32 numbers ``(images,)``, NaN where there is none.

    Raises:
        ValueError: If a label is none of the names, or not of the target's kind.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> examples = [ImageExample(PixelImage("x", 0), "cat", 0)]
        >>> to_targets(examples, ["dog", "cat"], "label").tolist()
        [1]
    """
    if target == "number":
        return torch.tensor([_number(example) for example in examples], dtype=torch.float32)
    numbers = {label: number for number, label in enumerate(labels)}
    if target == "label":
        return torch.tensor([_class(example, numbers) for example in examples])
    targets = torch.zeros(len(examples), len(labels))
    for row, example in zip(targets, examples, strict=True):
        if example.label is None:
            row.fill_(math.nan)
            continue
        names = example.label if isinstance(example.label, tuple) else (example.label,)
        row[[_known(name, example, numbers) for name in names]] = 1.0
    return targets


def _class(example: ImageExample, numbers: dict[str, int]) -> int:
    return -1 if example.label is None else _known(example.label, example, numbers)


def _known(
    label: str | tuple[str, ...] | float, example: ImageExample, numbers: dict[str, int]
) -> int:
    if not isinstance(label, str) or label not in numbers:
        raise ValueError(
            f"{example.image}: the label {label!r} is none of the training images' labels "
            f"({_listed(list(numbers))}). Correct it, or train on images that have it."
        )
    return numbers[label]


def _number(example: ImageExample) -> float:
    if example.label is None:
        return math.nan
    if not isinstance(example.label, float):
        raise ValueError(
            f"{example.image}: a number is wanted, got {example.label!r}. Set `target` to label."
        )
    return example.label


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - 8} more" if len(labels) > 8 else ""
    return ", ".join(labels[:8]) + more
