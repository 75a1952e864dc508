"""Normalise answers to questions as VQA does, and compute their soft training scores.

The normalisation is that of the evaluation code of the VQA organisers, steps 0, 2 and 3 (step 1
decides whether the others apply, and belongs to the metric): remove line breaks and tabs, remove 21
punctuation marks or replace them by a space, remove full stops unless a digit follows, lower case,
number words as digits, remove articles, restore apostrophes. It is not idempotent (of more than 32
full stops some remain), so it runs once. Its oddities are kept, so that scores can be compared with
published ones.

References:
    Antol et al. 2015, "VQA: Visual Question Answering", section 3 (processing of the answers); the
    rules are those of the evaluation code (GT-Vision-Lab/VQA, version of March 2021).
    Teney et al. 2018, "Tips and Tricks for Visual Question Answering: Learnings from the 2017
    Challenge", section 3.6 (soft scores) and 3.2 (answers given at least 9 times).
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

PEOPLE = 10  # who answered each question of VQA

# Every mark of the evaluation but the full stop, which has a rule of its own.
_MARKS = frozenset(';/[]"{}()=+\\_-><@`,?!')
_PUNCTUATION = _MARKS | {"."}
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_STOP = re.compile(r"\.(?!\d)")
_MOST_STOPS = 32

_NUMBERS = "zero one two three four five six seven eight nine ten"
_CONTRACTED = """
    'twas ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's
    how'd how'll how's isn't it'd it'll ma'am might've mightn't must've mustn't needn't not've
    o'clock oughtn't shan't should've shouldn't somebody'll somebody's someone'd someone'll
    someone's something'd something'll that's there'd there're there's they'd they'll they're
    they've wasn't we've weren't what'll what're what's what've when's where'd where's where've
    who'd who'll who's who've why'll why're why's won't would've wouldn't y'all you'd you'll you're
    you've
    couldn't've hadn't've he'd've it'd've mightn't've she'd've shouldn't've somebody'd've
    someone'd've something'd've there'd've they'd've we'd've who'd've wouldn't've y'all'll you'd've
    y'all'd've 'ow's'at
"""


def _without_one_apostrophe(word: str) -> list[str]:
    places = [place for place, character in enumerate(word) if character == "'"]
    return [word[:place] + word[place + 1 :] for place in places]


# What a word of an answer becomes; "" drops it. No two rules apply to the same word.
_WORDS = {
    **{short: word for word in _CONTRACTED.split() for short in _without_one_apostrophe(word)},
    "somebody'd": "somebodyd",  # the wrong way round, in the evaluation too
    "none": "0",
    **{word: str(number) for number, word in enumerate(_NUMBERS.split())},
    **dict.fromkeys(("a", "an", "the"), ""),
}


def strip_answer(text: str) -> str:
    r"""Replace line breaks and tabs by spaces and strip the ends: step 0 of the normalisation.

    Example:
        >>> strip_answer(" Two\tdogs.\n")
        'Two dogs.'
    """
    return text.replace("\n", " ").replace("\t", " ").strip()


def normalize_answer(text: str) -> str:
    """Normalise an answer, which was not normalised before, by steps 0, 2 and 3.

    The result is empty if there is nothing but articles and punctuation.

    Example:
        >>> [normalize_answer(text) for text in ("Yes.", "a man, walking", "1,000", "Dont walk")]
        ['yes', 'man walking', '1000', "don't walk"]
    """
    return _normalized(text)


@lru_cache(maxsize=2**16)
def _normalized(text: str) -> str:
    if not _PUNCTUATION.isdisjoint(text):  # otherwise splitting does all that step 0 would
        text = _without_punctuation(strip_answer(text))
    words = text.lower().split()
    if _WORDS.keys().isdisjoint(words):
        return " ".join(words)
    return " ".join(filter(None, [_WORDS.get(word, word) for word in words]))


def _without_punctuation(text: str) -> str:
    """Apply step 2; the unchanged text decides whether a mark becomes a space."""
    has_number = _COMMA_IN_NUMBER.search(text) is not None
    plain = text
    for mark in _MARKS.intersection(text):
        beside_space = f"{mark} " in text or f" {mark}" in text
        plain = plain.replace(mark, "" if has_number or beside_space else " ")
    return _STOP.sub("", plain, count=_MOST_STOPS)


def most_common_answer(answers: Sequence[str]) -> str:
    """Return the normalised answer that most people gave, of equals the first; empty if all are.

    Raises:
        ValueError: If there is no answer.

    Example:
        >>> most_common_answer(["a dog", "cat", "Dog."])
        'dog'
    """
    if not answers:
        raise ValueError("There must be at least one answer to find the most common of, got none.")
    counts = count_answers(answers)
    return max(counts, key=counts.__getitem__) if counts else ""


def count_answers(answers: Iterable[str]) -> dict[str, int]:
    """Count the people who gave each normalised answer; empty answers are left out."""
    counts: dict[str, int] = {}
    for answer in answers:
        if form := _normalized(answer):
            counts[form] = counts.get(form, 0) + 1
    return counts


def soft_score(count: int, people: int = PEOPLE) -> float:
    """Compute an answer's training target: 0.3 for each of ten people who gave it, at most 1.

    Other numbers of people are scaled to ten: one person's only answer has the target 1.

    Args:
        count: The number of people who gave the answer.
        people: The number of people who answered.

    Raises:
        ValueError: If `count` is negative or above `people`.

    Example:
        >>> [soft_score(count) for count in range(6)]
        [0.0, 0.3, 0.6, 0.9, 1.0, 1.0]
    """
    if not 0 <= count <= people or not people:
        raise ValueError(
            f"`count` must be between 0 and the {people} people who answered, got {count}."
        )
    return min(1.0, 3 * count / people)


def soft_scores(answers: Sequence[str]) -> dict[str, float]:
    """Compute the `soft_score` of each normalised answer to a question; empty ones are left out.

    Example:
        >>> soft_scores(["yes", "Yes."] + 7 * ["no"] + ["the"])
        {'yes': 0.6, 'no': 1.0}
    """
    return {form: soft_score(count, len(answers)) for form, count in count_answers(answers).items()}
