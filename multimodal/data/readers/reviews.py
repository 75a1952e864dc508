"""The built-in reviews as a data set: short film reviews with a sentiment or a number of stars."""

from pathlib import Path
from typing import Literal

from multimodal.data.examples import TextExample
from multimodal.worlds.reviews import sample_review


def read_reviews(
    root: Path,  # noqa: ARG001 (every reader takes one)
    split: str,
    *,
    train: int = 8_000,
    val: int = 500,
    test: int = 1_000,
    target: Literal["label", "number"] = "label",
    seed: int = 0,
) -> list[TextExample]:
    """Write reviews; each is a function of the seed, its number and the split.

    Args:
        target: ``label`` for negative and positive, ``number`` for stars.

    Example:
        >>> [example.label for example in read_reviews(Path(), "val", val=2)]
        ['positive', 'negative']
    """
    number = {"train": train, "val": val, "test": test}[split]
    reviews = (sample_review(seed, index, split) for index in range(number))
    return [
        TextExample(
            review.text, review.stars if target == "number" else review.label, f"{split}/{index}"
        )
        for index, review in enumerate(reviews)
    ]
