"""Word vectors as a matrix, the words that have one, and a report in a sentence.

A word without a vector has zeros in the matrix. To train from it, `Vectors.filled` draws such rows
with the spread of the others, so that unknown words are neither louder nor quieter than known ones.

References:
    Kim 2014, "Convolutional neural networks for sentence classification", section 3.2: unknown
    words are drawn so that their variance is that of the pretrained ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import torch
from jaxtyping import Bool, Float
from torch import Tensor

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
        folded: Words found only in another case, such as ``paris`` as ``Paris``.
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
    """A matrix of word vectors, one row a word.

    Args:
        matrix: The vectors; zeros for words without one.
        found: Which words have a vector.
        coverage: The report.
    """

    matrix: Float[Tensor, "words width"]
    found: Bool[Tensor, " words"]
    coverage: Coverage

    def filled(self, generator: torch.Generator) -> Float[Tensor, "words width"]:
        """Draw rows for the words without a vector.

        Returns:
            The matrix; rows of words without a vector are normal numbers around 0 with the standard
            deviation of the other vectors.

        Example:
            >>> matrix = torch.tensor([[1.0, -1.0], [0.0, 0.0]])
            >>> found = torch.tensor([True, False])
            >>> vectors = Vectors(matrix, found, Coverage("", 2, 1, ("b",), rows=1, width=2))
            >>> vectors.filled(torch.Generator().manual_seed(0))
            tensor([[ 1.0000, -1.0000],
                    [ 1.5410, -0.2934]])
        """
        matrix = self.matrix.clone()
        known = matrix[self.found]
        spread = known.std(correction=0) if known.numel() else torch.tensor(1.0)
        missing = (int((~self.found).sum()), matrix.shape[1])
        matrix[~self.found] = spread * torch.randn(missing, generator=generator)
        return matrix


def missing_words(words: Sequence[str], found: Bool[Tensor, " words"]) -> tuple[str, ...]:
    """List the words that have no vector, in their order.

    Example:
        >>> missing_words(["a", "qat"], torch.tensor([True, False]))
        ('qat',)
    """
    return tuple(compress(words, (~found).tolist()))
