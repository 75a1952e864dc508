"""Baselines that answer from the training questions alone, and the bound of an answer vocabulary.

Many questions are answered rightly without the picture: "what sport" is tennis, "is there" is yes.
Reports show these baselines beside a model, and the score of an oracle that picks the best answer
of the model's vocabulary, which no model of that vocabulary can pass.

References:
    Antol et al. 2015, "VQA: Visual Question Answering", section 4.1 ("prior", "per Q-type prior").
    Goyal et al. 2017, "Making the V in VQA Matter", section 1. Teney et al. 2018, "Tips and Tricks
    for Visual Question Answering", section 3.2 (the cost of answers that are left out).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from multimodal.data.examples import Question
from multimodal.metrics.answers import most_common_answer, normalize_answer, strip_answer
from multimodal.metrics.vqa_accuracy import QuestionScore, mean_scores, question_scores
from multimodal.text import tokenize


class QuestionPriors:
    """The most common answers to training questions, by type and by wording.

    Answers are counted in normalised form and returned in their most frequent spelling.

    Args:
        questions: The training questions; those without an answer are skipped.

    Raises:
        ValueError: If no question has an answer.

    Example:
        >>> priors = QuestionPriors([
        ...     Question("Is it red?", ("no",), 1, "is"),
        ...     Question("Is it big?", ("yes",), 2, "is"),
        ...     Question("Is it new?", ("Yes.", "yes", "yes"), 3, "is"),
        ...     Question("What is it?", ("car",), 4, "what"),
        ... ])
        >>> priors.overall, priors.of_type("is"), priors.of_type("how many")
        ('yes', 'yes', 'yes')
        >>> priors.of_question("is it red", "is"), priors.of_question("Is it old?", "is")
        ('no', 'yes')
    """

    def __init__(self, questions: Iterable[Question]) -> None:
        spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
        overall: Counter[str] = Counter()
        types: defaultdict[str, Counter[str]] = defaultdict(Counter)
        wordings: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for question in questions:
            form = most_common_answer(question.answers) if question.answers else ""
            if not form:
                continue
            spellings[form].update(
                strip_answer(answer)
                for answer in question.answers
                if normalize_answer(answer) == form
            )
            overall[form] += 1
            types[question.question_type][form] += 1
            wordings[_wording(question.text)][form] += 1
        if not overall:
            raise ValueError(
                "The most common answers need training questions with answers, got none."
            )
        self._spelling = {form: _most_common(counts) for form, counts in spellings.items()}
        self._overall = _most_common(overall)
        self._types = {name: _most_common(counts) for name, counts in types.items()}
        self._wordings = {words: _most_common(counts) for words, counts in wordings.items()}

    @property
    def overall(self) -> str:
        """The most common answer of all."""
        return self._spelling[self._overall]

    def of_type(self, question_type: str) -> str:
        """Return the most common answer to questions of a type; to all, if the type is unknown."""
        return self._spelling[self._types.get(question_type, self._overall)]

    def of_question(self, text: str, question_type: str = "") -> str:
        """Return the most common answer to the same question; to those of its type, if it is new.

        Case and punctuation do not matter.
        """
        form = self._wordings.get(_wording(text))
        return self.of_type(question_type) if form is None else self._spelling[form]


def coverage(
    vocabulary: Iterable[str], answers: Sequence[Sequence[str]], *, lenient: bool = False
) -> dict[str, float]:
    """Compute the highest possible scores with the answers of a vocabulary.

    Args:
        vocabulary: The answers of a model.
        answers: People's answers to each question.
        lenient: Normalise also where all people wrote the same.

    Returns:
        ``accuracy`` and, unless no question has four answers, ``vqa_accuracy``; different answers
        may reach the two.

    Raises:
        ValueError: If there is no question, or a question has no answer.

    Example:
        >>> coverage(["yes", "no"], [["Yes."], ["two"], ["no"], ["no"]])
        {'accuracy': 0.75}
        >>> coverage(["cat"], [["dog"] * 8 + ["cat"] * 2])
        {'accuracy': 0.0, 'vqa_accuracy': 0.6}
    """
    spellings: defaultdict[str, list[str]] = defaultdict(list)
    for answer in vocabulary:
        spellings[normalize_answer(answer)].append(answer)
    best = []
    for number, people in enumerate(answers):
        if not people:
            raise ValueError(f"Every question needs an answer, number {number} has none.")
        forms = {normalize_answer(answer) for answer in people}
        candidates = [spelling for form in forms for spelling in spellings.get(form, ())]
        scores = question_scores(candidates, [people] * len(candidates), lenient=lenient)
        best.append(
            QuestionScore(
                accuracy=max((score.accuracy for score in scores), default=0.0),
                vqa_accuracy=max((score.vqa_accuracy for score in scores), default=0.0),
                people=len(people),
            )
        )
    return mean_scores(best)


def _most_common(counts: Counter[str]) -> str:
    """Return the most common answer; of equals the first by alphabet, in any order of questions."""
    return min(counts, key=lambda answer: (-counts[answer], answer))


def _wording(text: str) -> str:
    return " ".join(tokenize(text))
