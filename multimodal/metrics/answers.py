"""Normalise answers to questions as VQA does, and compute their soft training scores.

People answer "Yes.", "yes" and "a dog" where a model says "yes" and "dog". The normalisation is
that of the evaluation that the VQA organisers publish, steps 0, 2 and 3 of it (step 1 decides
whether the others are taken, and belongs to the metric): line breaks and tabs out, 21 punctuation
marks out or replaced by a space, full stops out unless a digit follows, lower case, number words as
digits, articles out, apostrophes put back. Once is not the same as twice (of more than 32 full
stops some are left), so it is run once. Its oddities are kept: a number that is measured otherwise
can be compared with none that was published.

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

    Args:
        text: An answer as it was written.

    Returns:
        The answer on one line, case and punctuation as they were.

    Example:
        >>> strip_answer(" Two\tdogs.\n")
        'Two dogs.'
    """
    return text.replace("\n", " ").replace("\t", " ").strip()


def normalize_answer(text: str) -> str:
    """Bring an answer into the form in which VQA compares answers: steps 0, 2 and 3.

    Args:
        text: An answer as it was written; not one that was normalised before.

    Returns:
        The answer in lower case; empty when nothing but articles and punctuation was said.

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
    """Step 2. What becomes of a mark is decided on the text as it came, marks in it included."""
    has_number = _COMMA_IN_NUMBER.search(text) is not None
    plain = text
    for mark in _MARKS.intersection(text):
        beside_space = f"{mark} " in text or f" {mark}" in text
        plain = plain.replace(mark, "" if has_number or beside_space else " ")
    return _STOP.sub("", plain, count=_MOST_STOPS)


def most_common_answer(answers: Sequence[str]) -> str:
    """Find the normalised answer that most people gave; of equals, who answered first.

    Args:
        answers: What people answered, as they wrote it.

    Returns:
        The normalised answer. It is empty only if all answers are.

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
    """Count how many people gave each normalised answer; empty answers are left out."""
    counts: dict[str, int] = {}
    for answer in answers:
        if form := _normalized(answer):
            counts[form] = counts.get(form, 0) + 1
    return counts


def soft_score(count: int, people: int = PEOPLE) -> float:
    """Compute what an answer is worth as a training target: 0.3 for each of ten people who gave it.

    Where another number of people answered, their share is taken as that of ten: one person's only
    answer is worth 1.

    Args:
        count: How many people gave the answer.
        people: How many people answered.

    Returns:
        A score between 0 and 1.

    Raises:
        ValueError: If fewer than none, or more than all, gave the answer.

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
    """Compute the training target of each answer that people gave to a question.

    Args:
        answers: What people answered, as they wrote it.

    Returns:
        Normalised answers with their `soft_score`; empty answers are left out.

    Example:
        >>> soft_scores(["yes", "Yes."] + 7 * ["no"] + ["the"])
        {'yes': 0.6, 'no': 1.0}
    """
    return {form: soft_score(count, len(answers)) for form, count in count_answers(answers).items()}
