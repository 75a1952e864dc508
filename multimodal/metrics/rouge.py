"""ROUGE-L by COCO's definition: the longest common subsequence with the references.

For each reference, precision and recall are the length of the longest common subsequence over the
caption's and the reference's length. COCO's evaluation takes the best precision and the best
recall over an image's references, each by itself, and their F-measure with beta = 1.2; the corpus
score is the mean over images. (The package rouge-score takes beta = 1 and one reference at a time.)
The bits of one integer per caption are the column of the textbook's table, so that a reference's
word costs three machine operations instead of a row of the table.

References:
    Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", equations 2-4.
    Chen et al. 2015, "Microsoft COCO Captions", section 4.2.
    Hyyro 2004, "Bit-Parallel LCS-length Computation Revisited", figure 2.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

from multimodal.metrics.pairs import check_pairs

BETA = 1.2


def rouge_l(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> float:
    """Compute ROUGE-L, the mean over images.

    Args:
        candidates: The words of one caption per image.
        references: The words of every reference of every image.

    Returns:
        A score between 0 and 1.

    Raises:
        ValueError: If the numbers of images differ or are 0, or an image has no reference.
        TypeError: If a caption is a string and not a list of words.

    Example:
        >>> score = rouge_l([["a", "dog", "runs"]], [[["a", "big", "dog", "runs"], ["dogs"]]])
        >>> round(score, 3)
        0.836
    """
    scores = rouge_l_per_image(candidates, references)
    return math.fsum(scores) / len(scores)


def rouge_l_per_image(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> list[float]:
    """Compute ROUGE-L of each image; arguments and errors as for `rouge_l`.

    Example:
        >>> rouge_l_per_image([["a", "dog"], ["a"]], [[["a", "dog"]], [["the", "cat"]]])
        [1.0, 0.0]
    """
    check_pairs(candidates, references)
    return [_score(*pair) for pair in zip(candidates, references, strict=True)]


def _score(candidate: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    # COCO's code splits "" into one empty word, so that an empty caption is simply wrong. So do we.
    words = list(candidate) or [""]
    positions: defaultdict[str, int] = defaultdict(int)  # a bit for each position of a word
    for position, word in enumerate(words):
        positions[word] |= 1 << position
    precision = recall = 0.0
    for reference in references:
        common = _common(positions, len(words), list(reference) or [""])
        precision = max(precision, common / len(words))
        recall = max(recall, common / max(len(reference), 1))
    if precision == 0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _common(positions: defaultdict[str, int], length: int, reference: list[str]) -> int:
    """Return the length of the longest common subsequence: the zero bits left in the column."""
    full = (1 << length) - 1
    column = full
    for word in reference:
        matches = column & positions.get(word, 0)
        column = ((column + matches) | (column - matches)) & full
    return length - column.bit_count()
