"""WUPS: how close an answer is in WordNet, where equality asks for the very same word.

An answer is a set of items, written with commas between them ("book, paper"). Two items are as
close as the closest of their noun meanings, by Wu and Palmer's measure (how deep the most specific
hypernym that both share lies, against how deep they lie). Every item looks for the closest of the
other set; the product over the set, in the less favourable direction, is the score. Wu and Palmer's
measure is seldom near 0, so closeness below a threshold counts a tenth: at 0.9 little but synonyms
is left, and at 0.0 nothing is taken off.

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
BELOW = 0.1  # what closeness below the threshold is multiplied by


def wups(prediction: str, answer: str, threshold: float = 0.9) -> float:
    """Compute the WUPS of one answer.

    Args:
        prediction: What the model answered; several items with commas between them.
        answer: What was right, written in the same way.
        threshold: Closeness below it counts a tenth; papers report 0.9 and 0.0.

    Returns:
        A score between 0 and 1.

    Raises:
        ValueError: If the threshold is not between 0 and 1.
        FileNotFoundError: If WordNet is not among nltk's data; nothing is ever downloaded.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"`threshold` must be between 0 and 1, got {threshold}.")
    _wordnet()  # also where equal items would need none: a score depends on no other's luck
    given, right = answer_items(prediction), answer_items(answer)
    if not given or not right:
        return float(given == right)
    closeness = {
        (one, other): _weigh(_closeness(*sorted((one, other))), threshold)
        for one in given
        for other in right
    }
    return min(
        math.prod(max(closeness[one, other] for other in right) for one in given),
        math.prod(max(closeness[one, other] for one in given) for other in right),
    )


def answer_items(text: str) -> frozenset[str]:
    """Split an answer at its commas into a set of items, spelt as WordNet spells them.

    Args:
        text: An answer as it was written.

    Returns:
        The items in lower case, with underscores between the words of one.

    Example:
        >>> sorted(answer_items("Book, garbage bin, tape_dispenser, book"))
        ['book', 'garbage_bin', 'tape_dispenser']
    """
    items = ("_".join(item.lower().replace("_", " ").split()) for item in text.split(","))
    return frozenset(item for item in items if item)


def _weigh(closeness: float, threshold: float) -> float:
    return closeness if closeness >= threshold else BELOW * closeness


@lru_cache(maxsize=2**18)
def _closeness(one: str, other: str) -> float:
    """Wu and Palmer's measure of the closest two noun meanings; 0 for a word without any."""
    if one == other or normalize_answer(one) == normalize_answer(other):  # "two" and "2" are equal
        return 1.0
    pairs = product(_meanings(one), _meanings(other))
    return max((_wu_palmer(*pair) for pair in pairs), default=0.0)


@lru_cache(maxsize=2**14)
def _meanings(word: str) -> tuple["_Meaning", ...]:
    return tuple(_meaning(synset.name()) for synset in _wordnet().synsets(word, pos="n"))


class _Meaning(NamedTuple):
    """What Wu and Palmer's measure asks of a noun's meaning, which nltk looks up at every call.

    The distances are those to each hypernym and to itself; the depths, those below the root by the
    shortest and by the longest way.
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
    """Wu and Palmer's measure, in all details as nltk has it (`Synset.wup_similarity`)."""
    common = [_meaning(name) for name in one.distances.keys() & other.distances.keys()]
    if not common:
        return 0.0
    # The hypernym farthest from the root by its shortest way, measured by its longest.
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
    from nltk.corpus import wordnet  # slow to import, and not always wanted

    return wordnet
