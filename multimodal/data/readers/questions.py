"""Derive the types of questions and answers, and group questions by picture.

References:
    Antol et al., "VQA: Visual Question Answering", 2015, section 4: questions grouped by their
    first words, answers by yes/no, number and other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from multimodal.data.examples import ImageFile, Question, QuestionExample

_Id = TypeVar("_Id", bound=int | str)
_NUMBERS = frozenset(
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
)


def question_start(question: str, words: int = 2) -> str:
    """Return a question's first words in lower case, without signs at their ends.

    Example:
        >>> question_start("What colour is the dog?"), question_start("Why?")
        ('what colour', 'why')
    """
    return " ".join(word.strip(".,?!\"'") for word in question.lower().split()[:words])


def answer_type(answers: Sequence[str]) -> str:
    """Return the type of the most common answer; empty where there are no answers.

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


def question_examples(
    questions: Mapping[_Id, Sequence[Question]], pictures: Mapping[_Id, ImageFile]
) -> list[QuestionExample]:
    """Group questions into an example for each picture, in the order of the pictures."""
    return [
        QuestionExample(picture, tuple(questions[image_id]), image_id)
        for image_id, picture in pictures.items()
    ]
