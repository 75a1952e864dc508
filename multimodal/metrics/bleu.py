"""BLEU by COCO's definition: the share of the captions' n-grams that their references have.

The clipped n-gram precisions of the whole corpus, n = 1 to 4, are averaged geometrically and
multiplied by a penalty for captions shorter than their references. COCO's evaluation compares a
caption's length with the closest of its references' (the shorter of two equally close), which is
where other implementations differ: torchmetrics takes the first of two equally close, nltk scores
a caption of fewer than four words as if it had one 4-gram. A precision of 0 stays a tiny number
instead of making the product 0: COCO adds 1e-15 to the matches and 1e-9 to the n-grams.

References:
    Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation",
    section 2.3. Chen et al. 2015, "Microsoft COCO Captions", section 4.1. The two constants are
    those of the evaluation code that the COCO server runs (pycocoevalcap 1.2).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from multimodal.metrics.pairs import check_pairs

ORDERS = (1, 2, 3, 4)
Bleus = tuple[float, float, float, float]


def bleu(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> Bleus:
    """Compute the corpus's BLEU-1, BLEU-2, BLEU-3 and BLEU-4.

    Args:
        candidates: The words of one caption per image.
        references: The words of every reference of every image.

    Returns:
        Four scores between 0 and 1.

    Raises:
        ValueError: If the numbers of images differ or are 0, or an image has no reference.
        TypeError: If a caption is a string and not a list of words.

    Example:
        >>> scores = bleu([["a", "dog", "ran"]], [[["a", "dog", "ran", "home"], ["one", "dog"]]])
        >>> [round(score, 3) for score in scores]  # 3 words: 2 is as close as 4, and counts
        [1.0, 1.0, 1.0, 0.032]
    """
    check_pairs(candidates, references)
    return _score(_sum(map(_count, candidates, references)))


def bleu_per_image(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> list[Bleus]:
    """Compute BLEU-1 to BLEU-4 of each image as a corpus of its own.

    Their mean is not the corpus's BLEU, and BLEU-4 of one caption is mostly 0: a way to sort
    captions, not to compare models. Arguments and errors as for `bleu`.

    Example:
        >>> scores = bleu_per_image([["a", "dog"], []], [[["a", "dog"]], [["a", "cat"]]])
        >>> [round(bleu1, 3) for bleu1, *_ in scores]
        [1.0, 0.0]
    """
    check_pairs(candidates, references)
    return [_score(_count(*pair)) for pair in zip(candidates, references, strict=True)]


class _Counts(NamedTuple):
    """Sums over images: matched n-grams and all n-grams by order, and the two lengths."""

    matched: tuple[int, ...]
    total: tuple[int, ...]
    length: int
    closest: int


def _count(candidate: Sequence[str], references: Sequence[Sequence[str]]) -> _Counts:
    length = len(candidate)
    matched = []
    for order in ORDERS:
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= _ngrams(reference, order)
        matched.append((_ngrams(candidate, order) & most).total())
    lengths = [len(reference) for reference in references]
    return _Counts(
        matched=tuple(matched),
        total=tuple(max(0, length - order + 1) for order in ORDERS),
        length=length,
        closest=min(lengths, key=lambda other: (abs(other - length), other)),
    )


def _ngrams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(order)), strict=False))


def _sum(counts: Iterable[_Counts]) -> _Counts:
    matched, total, length, closest = zip(*counts, strict=True)
    return _Counts(
        matched=tuple(map(sum, zip(*matched, strict=True))),
        total=tuple(map(sum, zip(*total, strict=True))),
        length=sum(length),
        closest=sum(closest),
    )


def _score(counts: _Counts) -> Bleus:
    tiny, small = 1e-15, 1e-9
    ratio = (counts.length + tiny) / (counts.closest + small)
    penalty = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    product = 1.0
    scores = []
    for order, matched, total in zip(ORDERS, counts.matched, counts.total, strict=True):
        product *= (matched + tiny) / (total + small)
        scores.append(penalty * product ** (1 / order))
    bleu1, bleu2, bleu3, bleu4 = scores
    return bleu1, bleu2, bleu3, bleu4
