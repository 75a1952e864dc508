"""The answer vocabulary of a VQA model.

References:
    Teney et al. 2018, "Tips and Tricks for Visual Question Answering: Learnings from the 2017
    Challenge", section 3.2 (answers given at least 9 times).
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from multimodal.metrics.answers import most_common_answer, normalize_answer, strip_answer


class AnswerVocabulary:
    """The answers of a model, by index.

    Args:
        answers: All answers in order.

    Raises:
        ValueError: If there is no answer, or one is empty or occurs twice.
        TypeError: If an answer is not a string.

    Example:
        >>> vocabulary = AnswerVocabulary.build([["yes", "Yes."], ["no"], ["yes"], ["a dog"]])
        >>> vocabulary.to_list()
        ['yes', 'dog', 'no']
        >>> vocabulary.index("No!"), vocabulary.index("cat"), vocabulary[0]
        (2, None, 'yes')
    """

    def __init__(self, answers: Sequence[str]) -> None:
        answers = list(answers)
        _check_answers(answers)
        self._answers = answers
        self._indices = {answer: index for index, answer in enumerate(answers)}
        for index, answer in enumerate(answers):
            self._indices.setdefault(normalize_answer(answer), index)

    @classmethod
    def build(
        cls,
        questions: Iterable[Sequence[str]],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        normalize: bool = True,
    ) -> "AnswerVocabulary":
        """Collect the most common answer of each question, most frequent first, equals by alphabet.

        With normalised answers the order of the questions does not matter.

        Args:
            questions: People's answers to each question; questions without an answer are skipped.
            min_count: The least number of questions with an answer.
            max_size: The largest number of answers.
            normalize: Keep normalised answers. Otherwise an answer keeps its most frequent
                spelling, so that lists such as ``book, paper`` stay lists.

        Raises:
            ValueError: If no answer is left, or `min_count` or `max_size` is below 1.
            TypeError: If a question's answers are one string and not a list.
        """
        for name, limit in (("min_count", min_count), ("max_size", max_size)):
            if limit is not None and limit < 1:
                raise ValueError(f"`{name}` must be at least 1, got {limit}.")
        spellings: dict[str, Counter[str]] = {}
        for answers in questions:
            form, spelling = _answer_of(answers)
            if form:
                spellings.setdefault(form, Counter())[spelling] += 1
        counts = {form: counter.total() for form, counter in spellings.items()}
        forms = [form for form, count in counts.items() if count >= min_count]
        if not forms:
            raise ValueError(
                f"No answer is left for the answer vocabulary: {len(counts)} different ones, the "
                f"commonest of {max(counts.values(), default=0)} questions, `min_count` is "
                f"{min_count}. Lower it, or check that the questions have answers."
            )
        forms = sorted(forms, key=lambda form: (-counts[form], form))[:max_size]
        return cls(forms if normalize else [spellings[f].most_common(1)[0][0] for f in forms])

    def index(self, answer: str) -> int | None:
        """Return an answer's index, as it is written or else normalised; None if it is unknown."""
        index = self._indices.get(answer)
        return self._indices.get(normalize_answer(answer)) if index is None else index

    def to_list(self) -> list[str]:
        """Return all answers in order."""
        return list(self._answers)

    def __len__(self) -> int:
        return len(self._answers)

    def __getitem__(self, index: int) -> str:
        return self._answers[index]

    def __contains__(self, answer: object) -> bool:
        """Return whether `index` knows the answer."""
        return isinstance(answer, str) and self.index(answer) is not None

    def __repr__(self) -> str:
        return f"AnswerVocabulary({len(self)} answers)"


def _answer_of(answers: Sequence[str]) -> tuple[str, str]:
    """Return the most common answer to a question, normalised and as the first person wrote it."""
    if isinstance(answers, str):
        raise TypeError(
            f"A question's answers must be a list, got the string {answers[:40]!r}. "
            "Put a single answer into a list of its own."
        )
    if not answers:
        return "", ""
    form = most_common_answer(answers)
    return form, next(
        strip_answer(answer) for answer in answers if normalize_answer(answer) == form
    )


def _check_answers(answers: list[str]) -> None:
    if not answers:
        raise ValueError(
            "An answer vocabulary must have at least one answer, got an empty list. "
            "Use `AnswerVocabulary.build` to make one from questions."
        )
    for position, answer in enumerate(answers):
        if not isinstance(answer, str):
            raise TypeError(
                f"Answers must be strings, got {answer!r} at position {position} of the vocabulary."
            )
        if not answer.strip():
            raise ValueError(f"The answer vocabulary has an empty answer at position {position}.")
    if len(set(answers)) < len(answers):
        twice, count = Counter(answers).most_common(1)[0]
        raise ValueError(
            f"Every answer of a vocabulary must be there once, {twice!r} is there {count} times."
        )
