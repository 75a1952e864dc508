"""CIDEr-D straight from the paper's equations: the baseline of ours in benchmarks and tests.

As the evaluation code of the COCO server does it: every call counts the n-grams of all references,
finds the document frequencies, and builds the tf-idf vectors as dictionaries, a caption's and each
of its references' anew.

References:
    Vedantam et al. 2015, "CIDEr: Consensus-based Image Description Evaluation", equations 1, 2, 4.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

N, SIGMA = 4, 6.0


def direct_cider_d(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> tuple[float, list[float]]:
    """Compute CIDEr-D of captions given as words: the mean over images, and each image's."""
    all_counts = [[_count(reference) for reference in of_image] for of_image in references]
    frequency: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for of_image in all_counts:
        for ngram in {ngram for counts in of_image for ngram in counts}:
            frequency[ngram] += 1
    log_images = math.log(len(references))
    scores = []
    for candidate, of_image in zip(candidates, all_counts, strict=True):
        vectors, norms, length = _vectors(_count(candidate), frequency, log_images)
        total = 0.0
        for counts in of_image:
            others, other_norms, other_length = _vectors(counts, frequency, log_images)
            penalty = math.exp(-((length - other_length) ** 2) / (2 * SIGMA**2))
            for n in range(N):
                product = 0.0
                for ngram, weight in vectors[n].items():
                    product += min(weight, others[n][ngram]) * others[n][ngram]
                if norms[n] != 0 and other_norms[n] != 0:
                    product /= norms[n] * other_norms[n]
                total += product * penalty
        scores.append(10 * total / (N * len(of_image)))
    return sum(scores) / len(scores), scores


def _count(words: Sequence[str]) -> dict[tuple[str, ...], int]:
    counts: defaultdict[tuple[str, ...], int] = defaultdict(int)
    for n in range(1, N + 1):
        for start in range(len(words) - n + 1):
            counts[tuple(words[start : start + n])] += 1
    return counts


def _vectors(
    counts: dict[tuple[str, ...], int],
    frequency: defaultdict[tuple[str, ...], float],
    log_images: float,
) -> tuple[list[defaultdict[tuple[str, ...], float]], list[float], int]:
    vectors: list[defaultdict[tuple[str, ...], float]] = [defaultdict(float) for _ in range(N)]
    norms = [0.0] * N
    length = 0
    for ngram, count in counts.items():
        n = len(ngram) - 1
        weight = count * (log_images - math.log(max(1.0, frequency[ngram])))
        vectors[n][ngram] = weight
        norms[n] += weight**2
        if n == 1:
            length += count
    return vectors, [math.sqrt(norm) for norm in norms], length
