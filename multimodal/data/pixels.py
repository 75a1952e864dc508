"""Sets of small pictures in memory as one array: digits, MNIST, CIFAR."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PixelSet:
    """Pictures of one size with their classes.

    Args:
        name: The set's name for messages, such as its first file.
        images: Values from 0 to 255, ``(images, 3 or 1, height, width)``.
        labels: Class indices, ``(images,)``.
        classes: Names of the classes.

    Raises:
        ValueError: If the numbers of images and labels differ, or a label is no class.

    Example:
        >>> images = np.zeros((3, 1, 8, 8), np.uint8)
        >>> pixels = PixelSet("digits", images, np.array([1, 0, 1]), ("0", "1"))
        >>> len(pixels), pixels.label(2)
        (3, '1')
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise ValueError(
                f"{self.name} has {len(self.images):,} images and {len(self.labels):,} labels; "
                "copy or download its files again."
            )
        wrong = (self.labels < 0) | (self.labels >= len(self.classes))
        if wrong.any():
            index = int(wrong.argmax())
            raise ValueError(
                f"{self.name}: the label of image {index} must be from 0 to "
                f"{len(self.classes) - 1}, got {int(self.labels[index])}; is it another data set?"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.images.shape[1:]))
        return (
            f"PixelSet({self.name}: {len(self):,} images of {shape}, {len(self.classes)} classes)"
        )

    def label(self, index: int) -> str:
        """Return the name of an image's class."""
        return self.classes[int(self.labels[index])]


def join(parts: Sequence[PixelSet], name: str) -> PixelSet:
    """Concatenate one or more sets with the same classes.

    Example:
        >>> part = PixelSet("batch 1", np.zeros((3, 1, 8, 8), np.uint8), np.zeros(3, int), ("0",))
        >>> join([part, part], "all batches")
        PixelSet(all batches: 6 images of 1 x 8 x 8, 1 classes)
    """
    return PixelSet(
        name,
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        parts[0].classes,
    )
