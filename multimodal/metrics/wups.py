"""WUPS: the similarity of an answer to the right one in WordNet, instead of equality.

An answer is a set of items, written with commas between them ("book, paper"). The similarity of two
items is that of their closest noun meanings by Wu and Palmer's measure: the depth of their most
specific common hypernym relative to their own depths. Each item is matched with the most similar
item of the other set; the score is the product over a set, of the less favourable direction. Wu and
Palmer's measure is seldom near 0, so a similarity below a threshold counts a tenth: at 0.9 little
but synonyms remains, and at 0.0 nothing is reduced.

References:
    Malinowski and Fritz 2014, "A Multi-World Approach to Question Answering about Real-World Scenes
    based on Uncertain Input", section 4, "Performance Measure", equation (WUPS), and the weight of
    0.1. Wu and Palmer 1994, "Verb Semantics and Lexical Selection", section 4.
"""

import math
import os
from functools import cache, lru_cache
from itertools import product
from typing import Any, NamedTuple

from multimodal.metrics.answers import normalize_answer
from multimodal.metrics.meteor import wordnet_is_there

THRESHOLDS = (0.0, 0.9)
BELOW = 0.1  # factor of a similarity below the threshold


def wups(prediction: str, answer: str, threshold: float = 0.9) -> float:
    """Compute the WUPS of one answer, from 0 to 1.

    Args:
        prediction: The model's answer; several items with commas between them.
        answer: The right answer, written in the same way.
        threshold: A similarity below it counts a tenth; papers report 0.9 and 0.0.

    Raises:
        ValueError: If the threshold is not between 0 and 1.
        FileNotFoundError: If WordNet is not among nltk's data; nothing is ever downloaded.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"`threshold` must be between 0 and 1, got {threshold}.")
    _wordnet()  # fail also where equal items need none, and not only for some answers
    predicted, right = answer_items(prediction), answer_items(answer)
    if not predicted or not right:
        return float(predicted == right)
    similarity = {
        (one, other): _weigh(_similarity(*sorted((one, other))), threshold)
        for one in predicted
        for other in right
    }
    return min(
        math.prod(max(similarity[one, other] for other in right) for one in predicted),
        math.prod(max(similarity[one, other] for one in predicted) for other in right),
    )


def answer_items(text: str) -> frozenset[str]:
    """Split an answer at its commas into a set of items, spelt as WordNet spells them.

    Example:
        >>> sorted(answer_items("Book, garbage bin, tape_dispenser, book"))
        ['book', 'garbage_bin', 'tape_dispenser']
    """
    items = ("_".join(item.lower().replace("_", " ").split()) for item in text.split(","))
    return frozenset(item for item in items if item)


def _weigh(similarity: float, threshold: float) -> float:
    return similarity if similarity >= threshold else BELOW * similarity


@lru_cache(maxsize=2**18)
def _similarity(one: str, other: str) -> float:
    """Compute the measure of the closest noun meanings of two words; 0 for a word without any."""
    if one == other or normalize_answer(one) == normalize_answer(other):  # "two" and "2" are equal
        return 1.0
    pairs = product(_meanings(one), _meanings(other))
    return max((_wu_palmer(*pair) for pair in pairs), default=0.0)


@lru_cache(maxsize=2**14)
def _meanings(word: str) -> tuple["_Meaning", ...]:
    return tuple(_meaning(synset.name()) for synset in _wordnet().synsets(word, pos="n"))


class _Meaning(NamedTuple):
    """A noun's meaning: distances to itself and each hypernym, least and greatest depth.

    Cached, because nltk computes them at every call.
    """

    name: str
    distances: dict[str, int]
    least_depth: int
    most_depth: int


@cache
def _meaning(name: str) -> _Meaning:
    synset = _wordnet().synset(name)
    distances = {name: 0}
    for direct in synset.hypernyms() + synset.instance_hypernyms():
        for hypernym, distance in _meaning(direct.name()).distances.items():
            distances[hypernym] = min(distance + 1, distances.get(hypernym, distance + 1))
    return _Meaning(name, distances, synset.min_depth(), synset.max_depth())


def _wu_palmer(one: _Meaning, other: _Meaning) -> float:
    """Compute Wu and Palmer's measure exactly as nltk does (`Synset.wup_similarity`)."""
    common = [_meaning(name) for name in one.distances.keys() & other.distances.keys()]
    if not common:
        return 0.0
    # nltk takes the hypernym with the greatest least depth, and measures it by its greatest depth.
    lowest = max(hypernym.least_depth for hypernym in common)
    shared = min(
        (hypernym for hypernym in common if hypernym.least_depth == lowest),
        key=lambda hypernym: (hypernym.name != one.name, hypernym.name),
    )
    depth = 2 * (shared.most_depth + 1)
    return depth / (depth + _distance(one, shared) + _distance(other, shared))


def _distance(one: _Meaning, other: _Meaning) -> int:
    common = one.distances.keys() & other.distances.keys()
    return min(one.distances[name] + other.distances[name] for name in common)


@cache
def _wordnet() -> Any:
    if not wordnet_is_there():
        raise FileNotFoundError(
            "WUPS needs WordNet, which is in none of nltk's data folders (NLTK_DATA is "
            f"{os.environ.get('NLTK_DATA', 'not set')!r}). Get it with "
            "`python -m nltk.downloader wordnet`, or score without WUPS."
        )
    from nltk.corpus import wordnet  # slow to import

    return wordnet
