"""CIDEr-D: the cosine between the tf-idf vectors of a caption and of its references.

A caption is four sparse vectors, of its 1- to 4-grams, each n-gram weighted by its count (tf) and
by how few images' references have it (idf = log(images / images that have it)). Its score is the
mean over n and over references of the cosine, with the caption's counts clipped to the reference's
and a Gaussian penalty on the difference of lengths, times 10. Scores depend on the references of
all images: they compare models on one set, not across sets.

`CiderD` computes once what depends on the references alone: for each image a table from n-gram to
the weight of a match in each reference. A caption then costs one look-up per n-gram. The idf can
come from a larger set than the images that are scored: training scores one batch at a time against
all training captions.

References:
    Vedantam et al. 2015, "CIDEr: Consensus-based Image Description Evaluation", equations 1-2
    (idf, cosine) and 4 (CIDEr-D: clipping, Gaussian with sigma = 6, times 10). What the COCO server
    calls CIDEr is CIDEr-D, with the idf of the references given.
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain, repeat

from multimodal.metrics.pairs import check_pairs

ORDERS = 4
SIGMA = 6.0

_Ngram = tuple[str, ...]
# By n-gram: for each reference that has it, the reference's index, the n-gram's count there, and
# the count times idf squared over the length of the reference's vector.
_Matches = dict[_Ngram, list[tuple[int, int, float]]]


def cider_d(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> float:
    """Compute CIDEr-D, the mean over images; to score often on the same images, see `CiderD`.

    Args:
        candidates: The words of one caption per image.
        references: The words of every reference of every image.

    Returns:
        A score between 0 and 10, around 1 for people.

    Raises:
        ValueError: If the numbers of images differ or are 0, or an image has no reference.
        TypeError: If a caption is a string and not a list of words.

    Example:
        >>> references = [[["a", "dog", "runs", "fast"]], [["a", "cat", "sits", "there"]]]
        >>> candidates = [["a", "dog", "runs", "fast"], ["a", "cat", "runs", "there"]]
        >>> round(cider_d(candidates, references), 3)
        6.25
    """
    check_pairs(candidates, references)
    return CiderD(references).score(candidates)[0]


class Rarity:
    """The squared idf of each n-gram in the references of a set of images.

    Args:
        references: The words of every reference of every image.

    Raises:
        ValueError: If there are no images, or an image has no reference.
        TypeError: If a reference is a string and not a list of words.

    Example:
        >>> rarity = Rarity([[["a", "dog"]], [["a", "cat"]]])
        >>> rarity.of(("a",)), round(rarity.of(("dog",)), 3), round(rarity.of(("bird",)), 3)
        (0.0, 0.48, 0.48)
    """

    def __init__(self, references: Sequence[Sequence[Sequence[str]]]) -> None:
        check_pairs([[]] * len(references), references)
        images_with = Counter(
            ngram
            for of_image in references
            for ngram in {ngram for words in of_image for ngram in chain(*_ngrams(words))}
        )
        # An n-gram of no reference weighs as much as one of a single image's references, so the
        # latter, which most n-grams are, need not be kept.
        self.unseen = math.log(len(references)) ** 2
        self.shared = {
            ngram: math.log(len(references) / images) ** 2
            for ngram, images in images_with.items()
            if images > 1
        }

    def of(self, ngram: _Ngram) -> float:
        """Return the squared idf of an n-gram."""
        return self.shared.get(ngram, self.unseen)


class CiderD:
    """CIDEr-D against references whose vectors are computed once.

    Args:
        references: The words of every reference of every image.
        rarity: The idf of n-grams; by default that of the references themselves.

    Raises:
        ValueError: If there are no images, or an image has no reference.
        TypeError: If a reference is a string and not a list of words.

    Example:
        >>> scorer = CiderD([[["a", "dog", "runs", "fast"]], [["a", "cat", "sits", "there"]]])
        >>> mean, per_image = scorer.score([["a", "dog", "runs", "fast"], ["a", "dog"]])
        >>> [round(score, 3) for score in per_image]
        [10.0, 0.0]
    """

    def __init__(
        self, references: Sequence[Sequence[Sequence[str]]], rarity: Rarity | None = None
    ) -> None:
        check_pairs([[]] * len(references), references)
        self._references = references
        rarity = rarity or Rarity(references)
        self._unseen, self._idf2 = rarity.unseen, rarity.shared
        self._matches = [self._match(of_image) for of_image in references]
        self._lengths = [[_length(reference) for reference in of_image] for of_image in references]

    def score(self, candidates: Sequence[Sequence[str]]) -> tuple[float, list[float]]:
        """Return the mean over images, and the score of each image.

        Args:
            candidates: The words of one caption per image, in the order of the references.

        Raises:
            ValueError: If there are not as many captions as images.
            TypeError: If a caption is a string and not a list of words.
        """
        check_pairs(candidates, self._references)
        scores = [
            self._score(*row) for row in zip(candidates, self._matches, self._lengths, strict=True)
        ]
        return math.fsum(scores) / len(scores), scores

    def _match(self, references: Sequence[Sequence[str]]) -> _Matches:
        """Compute the weight of a match of each n-gram in each reference of an image."""
        matches: _Matches = {}
        get = self._idf2.get
        for number, words in enumerate(references):
            for counts in map(Counter, _ngrams(words)):
                norm = math.sqrt(
                    sum(n * n * get(ngram, self._unseen) for ngram, n in counts.items())
                )
                if norm > 0:
                    for ngram, n in counts.items():
                        weight = n * get(ngram, self._unseen) / norm
                        matches.setdefault(ngram, []).append((number, n, weight))
        return matches

    def _score(self, candidate: Sequence[str], matches: _Matches, lengths: list[int]) -> float:
        cosines = [0.0] * len(lengths)  # with each reference, summed over n
        for ngrams in _ngrams(candidate):
            if len(set(ngrams)) == len(ngrams):
                self._add_single(cosines, ngrams, matches)
            else:
                self._add_counted(cosines, Counter(ngrams), matches)
        length = _length(candidate)
        penalised = [
            cosine * math.exp(-((length - other) ** 2) / (2 * SIGMA**2))
            for cosine, other in zip(cosines, lengths, strict=True)
        ]
        return 10 * math.fsum(penalised) / (ORDERS * len(lengths))

    def _add_single(self, cosines: list[float], ngrams: list[_Ngram], matches: _Matches) -> None:
        """Add the cosines of n-grams that occur once each: the look-ups then need no loop."""
        norm = math.sqrt(sum(map(self._idf2.get, ngrams, repeat(self._unseen))))
        if norm > 0:
            for rows in filter(None, map(matches.get, ngrams)):
                for number, _, weight in rows:
                    cosines[number] += weight / norm

    def _add_counted(
        self, cosines: list[float], counts: Counter[_Ngram], matches: _Matches
    ) -> None:
        """Add the cosines of n-grams with their counts, clipped to the reference's."""
        get = self._idf2.get
        norm = math.sqrt(sum(n * n * get(ngram, self._unseen) for ngram, n in counts.items()))
        if norm > 0:
            for ngram, n in counts.items():
                for number, most, weight in matches.get(ngram, ()):
                    cosines[number] += min(n, most) * weight / norm


def _ngrams(words: Sequence[str]) -> tuple[list[_Ngram], ...]:
    """List the n-grams of each order, as they come."""
    second, third, fourth = words[1:], words[2:], words[3:]
    return (
        list(zip(words, strict=True)),
        list(zip(words, second, strict=False)),
        list(zip(words, second, third, strict=False)),
        list(zip(words, second, third, fourth, strict=False)),
    )


def _length(words: Sequence[str]) -> int:
    # COCO's code measures length in bigrams, which matters only between no word and one.
    return max(len(words) - 1, 0)
