"""What can be answered without looking: baselines that need no training, and a vocabulary's bound.

People who know the training questions answer many others without the picture: "what sport" is
tennis, "is there" is yes. A model has learned more than that only as far as it beats these. They
stand beside every result, together with the score of an oracle that picks the best answer of the
model's own vocabulary, which no model of that vocabulary can pass.

References:
    Antol et al. 2015, "VQA: Visual Question Answering", section 4.1 ("prior", "per Q-type prior").
    Goyal et al. 2017, "Making the V in VQA Matter", section 1. Teney et al. 2018, "Tips and Tricks
    for Visual Question Answering", section 3.2 (the answers left out cost what nobody can win).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from multimodal.metrics.answers import most_common_answer, normalize_answer, strip_answer
from multimodal.metrics.meteor import wordnet_is_there
from multimodal.metrics.vqa_accuracy import (
    QuestionScore,
    mean_scores,
    mean_wups,
    question_scores,
)
from multimodal.text import tokenize


@runtime_checkable
class AnsweredQuestion(Protocol):
    """What the baselines ask of a question; the data sets' `Question` has it."""

    @property
    def text(self) -> str:
        """The question as it was written."""

    @property
    def answers(self) -> tuple[str, ...]:
        """What people answered, as they wrote it."""

    @property
    def question_type(self) -> str:
        """What reports group by; empty where the data set does not say."""


class QuestionPriors:
    """The most common answers of training questions, by type and by wording.

    An answer is counted normalised and given as it was most often written.

    Args:
        questions: The training questions; those without an answer are passed over.

    Raises:
        ValueError: If no question has an answer.

    Example:
        >>> from multimodal.data.examples import Question
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

    def __init__(self, questions: Iterable[AnsweredQuestion]) -> None:
        spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
        everywhere: Counter[str] = Counter()
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
            everywhere[form] += 1
            types[question.question_type][form] += 1
            wordings[_wording(question.text)][form] += 1
        if not everywhere:
            raise ValueError(
                "The most common answers need training questions with answers, got none."
            )
        self._spelling = {form: _most_common(found) for form, found in spellings.items()}
        self._overall = _most_common(everywhere)
        self._types = {name: _most_common(found) for name, found in types.items()}
        self._wordings = {words: _most_common(found) for words, found in wordings.items()}

    @property
    def overall(self) -> str:
        """The most common answer of all."""
        return self._spelling[self._overall]

    def of_type(self, question_type: str) -> str:
        """Give the most common answer to questions of a type; of all, if the type is unknown."""
        return self._spelling[self._types.get(question_type, self._overall)]

    def of_question(self, text: str, question_type: str = "") -> str:
        """Give the most common answer to the same question; to those of its type, if it is new.

        Case and punctuation do not make another question.
        """
        form = self._wordings.get(_wording(text))
        return self.of_type(question_type) if form is None else self._spelling[form]


def prior_scores(
    training: Iterable[AnsweredQuestion],
    questions: Sequence[AnsweredQuestion],
    *,
    lenient: bool = False,
    with_wups: bool = False,
) -> dict[str, dict[str, float]]:
    """Score the baselines that answer from the training questions alone.

    Args:
        training: The questions that the most common answers are taken from.
        questions: The questions to answer, each with its answers.
        lenient: Normalise also where all people wrote the same.
        with_wups: Add WUPS where WordNet is.

    Returns:
        The scores, as `multimodal.metrics.vqa_accuracy.VQAScores` names them, of each baseline:
        ``most common answer``, ``most common answer of the question type`` and
        ``most common answer of the identical question``.

    Raises:
        ValueError: If there is no training question with an answer, no question, or a question has
            no answer.

    Example:
        >>> from multimodal.data.examples import Question
        >>> texts = {"Is it red?": "no", "Is it big?": "yes", "Is it new?": "yes"}
        >>> training = [Question(text, (answer,), text, "is") for text, answer in texts.items()]
        >>> asked = [Question("is it red", ("no",), 1, "is"), Question("Is it?", ("yes",), 2, "is")]
        >>> for name, scores in prior_scores(training, asked).items():
        ...     print(name, scores["accuracy"])
        most common answer 0.5
        most common answer of the question type 0.5
        most common answer of the identical question 1.0
    """
    priors = QuestionPriors(training)
    answers = [question.answers for question in questions]
    baselines = {
        "most common answer": [priors.overall for _ in questions],
        "most common answer of the question type": [
            priors.of_type(question.question_type) for question in questions
        ],
        "most common answer of the identical question": [
            priors.of_question(question.text, question.question_type) for question in questions
        ],
    }
    scores = {}
    for name, predictions in baselines.items():
        scores[name] = mean_scores(question_scores(predictions, answers, lenient=lenient))
        if with_wups and wordnet_is_there():
            scores[name] |= mean_wups(predictions, answers)
    return scores


def coverage(
    vocabulary: Iterable[str], answers: Sequence[Sequence[str]], *, lenient: bool = False
) -> dict[str, float]:
    """Compute what an oracle scores that can only say answers of a vocabulary.

    Args:
        vocabulary: The answers a model can give.
        answers: What people answered to each question.
        lenient: Normalise also where all people wrote the same.

    Returns:
        ``accuracy`` and, unless no question has four answers, ``vqa_accuracy``: the bound of each,
        which different answers may reach.

    Raises:
        ValueError: If there is no question, or a question has no answer.

    Example:
        >>> coverage(["yes", "no"], [["Yes."], ["two"], ["no"], ["no"]])
        {'accuracy': 0.75}
        >>> coverage(["cat"], [["dog"] * 8 + ["cat"] * 2])
        {'accuracy': 0.0, 'vqa_accuracy': 0.6}
    """
    sayings: defaultdict[str, list[str]] = defaultdict(list)
    for answer in vocabulary:
        sayings[normalize_answer(answer)].append(answer)
    best = []
    for number, given in enumerate(answers):
        if not given:
            raise ValueError(f"Every question needs an answer, number {number} has none.")
        forms = {normalize_answer(answer) for answer in given}
        possible = [saying for form in forms for saying in sayings.get(form, ())]
        scores = question_scores(possible, [given] * len(possible), lenient=lenient)
        best.append(
            QuestionScore(
                accuracy=max((score.accuracy for score in scores), default=0.0),
                vqa_accuracy=max((score.vqa_accuracy for score in scores), default=0.0),
                people=len(given),
            )
        )
    return mean_scores(best)


def _most_common(counts: Counter[str]) -> str:
    """The most common; of equals the first by alphabet, whatever order the questions are in."""
    return min(counts, key=lambda answer: (-counts[answer], answer))


def _wording(text: str) -> str:
    return " ".join(tokenize(text))
