"""The official VQA accuracy, which grows with the number of people who gave the predicted answer.

Ten people answered each question. Each of them in turn is left out, and the prediction earns a
third for each of the others with the same answer, at most 1; the accuracy is the mean of the ten.
One person who agrees makes 0.3, two 0.6, three 0.9, four or more 1. Answers are normalised before
they are compared, but not where all ten people wrote the same: then the prediction must equal it to
the letter, and "Black." against ten times "black" is wrong. The evaluation of the VQA organisers
does so, and published numbers are of that kind (strict); the lenient mode normalises always.

With fewer than four answers the formula cannot reach 1, and with a single one it is always 0.
Therefore the plain accuracy is reported too: the share of predictions that are the most common
answer, both normalised. Where no question has four answers, as in DAQUAR or CLEVR, it is alone.

References:
    Antol et al. 2015, "VQA: Visual Question Answering", section 3; Goyal et al. 2017, "Making the V
    in VQA Matter". Leaving one person out: https://visualqa.org/evaluation.html.
"""

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

from multimodal.metrics.answers import most_common_answer, normalize_answer, strip_answer
from multimodal.metrics.meteor import wordnet_is_there
from multimodal.metrics.per_image import PerImageMetric
from multimodal.metrics.wups import THRESHOLDS, wups

ENOUGH = 3  # other people who must agree for an accuracy of 1


class QuestionScore(NamedTuple):
    """Scores of one question.

    Args:
        accuracy: 1 if the prediction is the most common answer, otherwise 0.
        vqa_accuracy: The official accuracy.
        people: The number of people's answers.
    """

    accuracy: float
    vqa_accuracy: float
    people: int


class TypeScore(NamedTuple):
    """Mean scores of the questions of one type.

    Args:
        name: The type.
        questions: The number of questions.
        accuracy: The plain accuracy, a fraction.
        vqa_accuracy: The official accuracy, a fraction; None where no question has four answers.
    """

    name: str
    questions: int
    accuracy: float
    vqa_accuracy: float | None


def vqa_accuracy(prediction: str, answers: Sequence[str], *, lenient: bool = False) -> float:
    """Compute the official accuracy of one prediction.

    Args:
        prediction: The model's answer.
        answers: People's answers as they wrote them; ten in VQA.
        lenient: Normalise also where all people wrote the same.

    Raises:
        ValueError: If there is no answer.
        TypeError: If the prediction is not a string, or the answers are one.

    Example:
        >>> answers = ["a dog", "Dog."] + 3 * ["cat"] + 5 * ["puppy"]
        >>> [vqa_accuracy(prediction, answers) for prediction in ("dog", "cat", "the puppy", "fox")]
        [0.6, 0.9, 1.0, 0.0]
        >>> vqa_accuracy("Black.", 10 * ["black"])
        0.0
        >>> vqa_accuracy("Black.", 10 * ["black"], lenient=True)
        1.0
    """
    _check(prediction, answers)
    if _is_literal(answers, lenient=lenient):
        matches = len(answers) * (strip_answer(prediction) == strip_answer(answers[0]))
    else:
        forms = [normalize_answer(answer) for answer in answers]
        matches = forms.count(normalize_answer(prediction))
    others = len(answers) - matches  # with one of these left out, all matches remain
    thirds = others * min(ENOUGH, matches) + matches * min(ENOUGH, matches - 1)
    return thirds / (ENOUGH * len(answers))


def question_scores(
    predictions: Sequence[str], answers: Sequence[Sequence[str]], *, lenient: bool = False
) -> list[QuestionScore]:
    """Compute the plain and the official accuracy of each question, as `vqa_accuracy` does of one.

    Raises:
        ValueError: If the numbers of questions differ, or a question has no answer.
        TypeError: If a prediction is not a string, or a question's answers are one.

    Example:
        >>> question_scores(["cat"], [["cat", "dog", "dog", "dog"]])
        [QuestionScore(accuracy=0.0, vqa_accuracy=0.25, people=4)]
    """
    if len(predictions) != len(answers):
        raise ValueError(
            "There must be one prediction and one list of answers per question, got "
            f"{len(predictions)} predictions and {len(answers)} lists of answers."
        )
    return [
        QuestionScore(
            vqa_accuracy=vqa_accuracy(prediction, given, lenient=lenient),
            accuracy=float(normalize_answer(prediction) == most_common_answer(given)),
            people=len(given),
        )
        for prediction, given in zip(predictions, answers, strict=True)
    ]


def mean_scores(scores: Sequence[QuestionScore]) -> dict[str, float]:
    """Average ``accuracy`` and, unless no question has four answers, ``vqa_accuracy``.

    Raises:
        ValueError: If there is no question.

    Example:
        >>> mean_scores(question_scores(["cat", "dog"], [["cat"], ["cat"]]))
        {'accuracy': 0.5}
    """
    if not scores:
        raise ValueError("There are no questions to score: give at least one.")
    means = {"accuracy": fsum(score.accuracy for score in scores) / len(scores)}
    if any(score.people > ENOUGH for score in scores):
        means["vqa_accuracy"] = fsum(score.vqa_accuracy for score in scores) / len(scores)
    return means


def scores_by_type(scores: Sequence[QuestionScore], types: Sequence[str]) -> list[TypeScore]:
    """Average the scores of the questions of each type; questions of the type "" are left out.

    Returns:
        A row for each type, most questions first, equals by alphabet.

    Raises:
        ValueError: If the numbers of scores and types differ.

    Example:
        >>> scores = question_scores(["2", "3", "red"], [["two"], ["4"], ["red"]])
        >>> for row in scores_by_type(scores, ["how many", "how many", "what"]):
        ...     print(row.name, row.questions, row.accuracy)
        how many 2 0.5
        what 1 1.0
    """
    if len(scores) != len(types):
        raise ValueError(
            f"Every question needs its type, got {len(scores)} questions and {len(types)} types."
        )
    groups: dict[str, list[QuestionScore]] = {}
    for score, name in zip(scores, types, strict=True):
        if name:
            groups.setdefault(name, []).append(score)
    rows = []
    for name, group in groups.items():
        means = mean_scores(group)
        rows.append(TypeScore(name, len(group), means["accuracy"], means.get("vqa_accuracy")))
    return sorted(rows, key=lambda row: (-row.questions, row.name))


def mean_wups(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> dict[str, float]:
    """Average ``wups_0.0`` and ``wups_0.9`` against each question's most common answer as written.

    Raises:
        ValueError: If there is no question, or the numbers of questions differ.
        FileNotFoundError: If WordNet is not among nltk's data; nothing is ever downloaded.
    """
    if not predictions:
        raise ValueError("There are no questions to score: give at least one.")
    written = []
    for given in answers:
        form = most_common_answer(given)
        written.append(next((a for a in given if normalize_answer(a) == form), ""))
    return {
        f"wups_{threshold}": fsum(
            wups(prediction, answer, threshold)
            for prediction, answer in zip(predictions, written, strict=True)
        )
        / len(predictions)
        for threshold in THRESHOLDS
    }


class VQAScores(PerImageMetric):
    """Every score of answers over all questions since the last `reset`, on all processes.

    Args:
        lenient: Normalise also where all people wrote the same.
        with_wups: Add WUPS where WordNet is installed.

    Example:
        >>> metric = VQAScores()
        >>> answers = [10 * ["no"], 3 * ["two"] + 7 * ["3"]]
        >>> metric.update([1, 2], ["no", "2"], answers, ["is", "how"])
        >>> metric.update([2], ["a question counts once"], [["2"]])
        >>> metric.compute()
        {'accuracy': 0.5, 'vqa_accuracy': 0.95}
        >>> [row.name for row in metric.per_type()["question_type"]]
        ['how', 'is']
    """

    higher_is_better = True

    def __init__(self, *, lenient: bool = False, with_wups: bool = False) -> None:
        super().__init__()
        self.lenient = lenient
        self.with_wups = with_wups

    def update(
        self,
        question_ids: Sequence[int | str],
        predictions: Sequence[str],
        answers: Sequence[Sequence[str]],
        question_types: Sequence[str] = (),
        answer_types: Sequence[str] = (),
    ) -> None:
        """Keep predictions and answers of new questions.

        Args:
            question_ids: Unique over all processes; a question counts once.
            predictions: The model's answer to each question.
            answers: People's answers to each question, at least one.
            question_types: The type of each question, or nothing.
            answer_types: The type of each question's answer, or nothing.

        Raises:
            ValueError: If a column is not as long as `question_ids`, or a question has no answer.
            TypeError: If a prediction is not a string, or a question's answers are one.
        """
        nothing = [""] * len(question_ids)
        columns = (predictions, answers, question_types or nothing, answer_types or nothing)
        lengths = [len(column) for column in columns]
        if any(length != len(question_ids) for length in lengths):
            raise ValueError(
                "Every question id needs one prediction, one list of answers and, if there are "
                f"types, one of each, got {len(question_ids)} ids and columns of "
                f"{', '.join(map(str, lengths))}."
            )
        for question_id, prediction, given in zip(question_ids, predictions, answers, strict=True):
            _check(prediction, given, f"Question {question_id!r}: ")
        # Scored at once: `compute` and `per_type` then only average.
        scores = question_scores(predictions, answers, lenient=self.lenient)
        self.keep(question_ids, scores, *columns)

    def compute(self) -> dict[str, float]:
        """Compute `mean_scores` and, with ``with_wups`` and WordNet present, `mean_wups`."""
        scores, predictions, answers, *_ = self.kept()
        means = mean_scores(scores)
        if self.with_wups and wordnet_is_there():
            means |= mean_wups(predictions, answers)
        return means

    def per_type(self) -> dict[str, list[TypeScore]]:
        """Compute `scores_by_type` of ``answer_type`` and ``question_type``.

        Like `compute`, it gathers: call it on all processes.
        """
        scores, _, _, question_types, answer_types = self.kept()
        return {
            "answer_type": scores_by_type(scores, answer_types),
            "question_type": scores_by_type(scores, question_types),
        }


def _is_literal(answers: Sequence[str], *, lenient: bool) -> bool:
    """Return whether the prediction must equal, to the letter, what all people wrote."""
    first = strip_answer(answers[0])
    return not lenient and all(strip_answer(answer) == first for answer in set(answers))


def _check(prediction: str, answers: Sequence[str], place: str = "") -> None:
    if not isinstance(prediction, str):
        raise TypeError(f"{place}A prediction must be a string, got {prediction!r}.")
    if isinstance(answers, str):
        raise TypeError(
            f"{place}The answers must be a list, got the string {answers[:40]!r}. "
            "Put a single answer into a list of its own."
        )
    if not answers:
        raise ValueError(f"{place}There must be at least one answer to compare with, got none.")
