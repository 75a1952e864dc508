"""Word vectors as a matrix, and a report of the words that have one.

A word without a vector has zeros in the matrix; `Vectors.filled` draws such rows for training.

References:
    Kim 2014, "Convolutional neural networks for sentence classification", section 3.2: unknown
    words are drawn so that their variance is that of the pretrained ones.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_LOGGER = logging.getLogger(__name__)
_NAMED = 8  # missing words listed in the sentence


@dataclass(frozen=True, slots=True)
class Coverage:
    """The number of words that have a vector, and the counts of their file.

    Args:
        source: Name of the file or object.
        words: Number of words that were looked up.
        found: Number of them that have a vector.
        missing: The words that have none, in their order.
        rows: Words in the file.
        width: Numbers in a vector.
        folded: Words with a vector in another case only, such as ``paris`` as ``Paris``.
        duplicates: Later rows of words that were looked up; the first row counts.
        not_utf8: Rows whose words are not UTF-8; they are left out.

    Example:
        >>> print(Coverage("glove.txt", 3, 2, ("qat",), rows=400_000, width=100))
        glove.txt: 2 of 3 words (66.7 %) have a vector of 100 numbers; without one: qat.
    """

    source: str
    words: int
    found: int
    missing: tuple[str, ...]
    rows: int
    width: int
    folded: int = 0
    duplicates: int = 0
    not_utf8: int = 0

    @property
    def share(self) -> float:
        """The share of words that have a vector."""
        return self.found / self.words if self.words else 0.0

    def __str__(self) -> str:
        folded = f", {self.folded:,} of them in another case" if self.folded else ""
        missing = ", ".join(self.missing[:_NAMED])
        more = len(self.missing) - _NAMED
        missing += f" and {more:,} more" if more > 0 else ""
        without = f"; without one: {missing}" if missing else ""
        return (
            f"{self.source}: {self.found:,} of {self.words:,} words ({100 * self.share:.1f} %) "
            f"have a vector of {self.width:,} numbers{folded}{without}."
        )


@dataclass(frozen=True, slots=True)
class Vectors:
    """A matrix of word vectors, one row a word; zeros for words without a vector."""

    matrix: Float[Tensor, "words width"]
    found: Bool[Tensor, " words"]  # whether a word has a vector
    coverage: Coverage

    def filled(self, generator: torch.Generator) -> Float[Tensor, "words width"]:
        """Return the matrix with drawn rows for the words without a vector.

        They are normal with mean 0 and the standard deviation of the other vectors.
        """
        matrix = self.matrix.clone()
        known = matrix[self.found]
        spread = known.std(correction=0) if known.numel() else torch.tensor(1.0)
        missing = (int((~self.found).sum()), matrix.shape[1])
        matrix[~self.found] = spread * torch.randn(missing, generator=generator)
        return matrix


def log_coverage(vectors: Vectors) -> None:
    """Log the report; as a warning if no word has a vector."""
    level = logging.INFO if vectors.found.any() else logging.WARNING
    _LOGGER.log(level, "%s", vectors.coverage)


def missing_words(words: Sequence[str], found: Bool[Tensor, " words"]) -> tuple[str, ...]:
    """List the words that have no vector, in their order."""
    return tuple(compress(words, (~found).tolist()))
