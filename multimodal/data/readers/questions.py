"""What readers of questions share: kinds of questions and answers, where a data set names none.

References:
    Antol et al., "VQA: Visual Question Answering", 2015, section 4: questions grouped by their
    first words, answers by yes/no, number and other.
"""

from collections import Counter
from collections.abc import Sequence

_NUMBERS = frozenset(
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
)


def question_start(question: str, words: int = 2) -> str:
    """Return a question's first words, by which reports group where nothing better is known.

    Args:
        question: The question.
        words: How many words.

    Returns:
        The words in lower case, without signs at their ends.

    Example:
        >>> question_start("What colour is the dog?"), question_start("Why?")
        ('what colour', 'why')
    """
    return " ".join(word.strip(".,?!\"'") for word in question.lower().split()[:words])


def answer_type(answers: Sequence[str]) -> str:
    """Return the kind of the most common answer.

    Args:
        answers: What people answered.

    Returns:
        ``yes/no``, ``number`` or ``other``; empty where there are no answers.

    Example:
        >>> answer_type(["Yes", "no", "yes"]), answer_type(["two"]), answer_type(["2 dogs"])
        ('yes/no', 'number', 'other')
    """
    if not answers:
        return ""
    ((answer, _),) = Counter(answer.strip().lower() for answer in answers).most_common(1)
    if answer in ("yes", "no"):
        return "yes/no"
    plain = answer.replace(",", "").replace(".", "", 1).removeprefix("-")
    return "number" if plain.isdecimal() or answer in _NUMBERS else "other"
