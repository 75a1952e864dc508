"""Report a test of answers: accuracies for each type of question, next to baselines.

A model that never sees the picture answers many questions correctly, because language has
regularities. So the table compares: the same network trained without pictures and without
questions, the most common answer to each type of question and to the same question, and the upper
bound that the list of answers sets.

References:
    Goyal et al. 2017, "Making the V in VQA matter", section 1 (language priors); Antol et al. 2015,
    "VQA: Visual question answering", table 2 (such baselines).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning.pytorch import LightningModule
from typing_extensions import override

from multimodal.data.batches import QuestionBatch
from multimodal.data.examples import Question, QuestionExample
from multimodal.files import atomic_write
from multimodal.metrics.answers import most_common_answer
from multimodal.metrics.vqa_accuracy import mean_scores, question_scores
from multimodal.tables import markdown_table, write_tsv
from multimodal.training.report import Report
from multimodal.vqa.priors import QuestionPriors, coverage

OURS = "this model"
QUESTION_ONLY = "question only"
IMAGE_ONLY = "image only"
PRIOR = "commonest of type"
SAME = "commonest of question"
BOUND = "bound"
_MOST_TYPES = 40
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """A question and its predicted answers.

    Args:
        question: The question, with people's answers.
        answers: The answers of the model and of each trained baseline, by name.
    """

    question: Question
    answers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table of accuracies.

    Args:
        measure: ``accuracy``, or ``vqa_accuracy`` where several people answered.
        columns: The names of the answerers, `OURS` first.
        rows: For each type of question its name, the number of questions, and a share for each
            column, None where it was not measured; all questions first.
    """

    measure: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[float | None, ...]], ...]

    def markdown(self) -> str:
        """Format the table in Markdown, shares in percent.

        Example:
            >>> print(Comparison("accuracy", ("this model",), (("all", 3, (0.5,)),)).markdown())
            | question type | questions | this model |
            | ------------- | --------: | ---------: |
            | all           |         3 |       50.0 |
            <BLANKLINE>
        """
        rows = [["question type", "questions", *self.columns]]
        for name, number, shares in self.rows:
            cells = ["-" if share is None else f"{100 * share:.1f}" for share in shares]
            rows.append([name or "(none)", f"{number:,}", *cells])
        return markdown_table(rows)


class AnswerReport(Report[Answered]):
    """After a test write ``report.md`` and ``answers.tsv`` into the run's folder, and print one.

    The task's ``test_step`` returns, for each row of its batch, the answer under ``answers`` and
    each trained baseline's under its name.

    Args:
        vocabulary: The answers the model can give.
        training_examples: Returns the training examples, from which the most common answers come;
            without any there is no report.
    """

    def __init__(
        self, vocabulary: Sequence[str], training_examples: Callable[[], Sequence[QuestionExample]]
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.training_examples = training_examples

    @override
    def collect(
        self, batch: QuestionBatch, outputs: Mapping[str, Sequence[str]]
    ) -> dict[int | str, Answered]:
        rows = {}
        for row, question in enumerate(batch.questions):
            answers = {name: column[row] for name, column in outputs.items()}
            answers[OURS] = answers.pop("answers")
            rows[question.question_id] = Answered(question, answers)
        return rows

    @override
    def write(
        self, rows: Mapping[int | str, Answered], folder: Path, task: LightningModule
    ) -> None:
        """Print the table and write the files."""
        answered = [each for each in rows.values() if each.question.answers]
        training = [each for example in self.training_examples() for each in example.questions]
        if not answered or not training:
            return
        table = compare(answered, QuestionPriors(training), self.vocabulary)
        _LOGGER.info(
            "\n%s in percent:\n%s%sEach answer: %s",
            table.measure,
            table.markdown(),
            _not_trained(table),
            folder / "answers.tsv",
        )
        with atomic_write(folder / "report.md") as path:
            path.write_text(table.markdown() + _not_trained(table), encoding="utf-8")
        _write_answers(answered, folder / "answers.tsv")


def compare(
    answered: Sequence[Answered], priors: QuestionPriors, vocabulary: Sequence[str]
) -> Comparison:
    """Compute the accuracies of all questions and of each type, the commonest types first.

    Args:
        answered: Questions with people's answers, and the predicted ones.
        priors: The most common answers of the training questions.
        vocabulary: The answers the model can give.
    """
    types: dict[str, list[Answered]] = {}
    for each in answered:
        types.setdefault(each.question.question_type, []).append(each)
    groups: list[tuple[str, Sequence[Answered]]] = [("all", answered)]
    if len(types) > 1:
        ranked = sorted(types, key=lambda name: (-len(types[name]), name))
        groups += [(name, types[name]) for name in ranked[:_MOST_TYPES]]
    several = any(len(each.question.answers) > 1 for each in answered)
    measure = "vqa_accuracy" if several else "accuracy"
    columns = (OURS, QUESTION_ONLY, IMAGE_ONLY, PRIOR, SAME, BOUND)
    rows = tuple(
        (name, len(group), _shares(group, priors, vocabulary, measure)) for name, group in groups
    )
    return Comparison(measure, columns, rows)


def _shares(
    group: Sequence[Answered], priors: QuestionPriors, vocabulary: Sequence[str], measure: str
) -> tuple[float | None, ...]:
    people = [each.question.answers for each in group]

    def accuracy(answers: Sequence[str]) -> float | None:
        return mean_scores(question_scores(answers, people)).get(measure)

    trained = [
        accuracy([each.answers[name] for each in group]) if name in group[0].answers else None
        for name in (OURS, QUESTION_ONLY, IMAGE_ONLY)
    ]
    usual = accuracy([priors.of_type(each.question.question_type) for each in group])
    same = accuracy(
        [priors.of_question(each.question.text, each.question.question_type) for each in group]
    )
    return (*trained, usual, same, coverage(vocabulary, people).get(measure))


def _not_trained(table: Comparison) -> str:
    """Explain how to train the missing baselines."""
    blind = {QUESTION_ONLY: ("image", "question_only"), IMAGE_ONLY: ("question", "image_only")}
    shares = dict(zip(table.columns, table.rows[0][2], strict=True))
    return "".join(
        f"{name}: not trained; train it with --model.settings.blind {part} and name its "
        f"checkpoint in --model.{option}.\n"
        for name, (part, option) in blind.items()
        if shares[name] is None
    )


def _write_answers(answered: Sequence[Answered], path: Path) -> None:
    rows = []
    for each in answered:
        question, people = each.question, most_common_answer(each.question.answers)
        rows.append(
            [
                question.question_id,
                question.question_type,
                question.text,
                each.answers[OURS],
                people,
            ]
        )
    with atomic_write(path) as temporary:
        write_tsv(temporary, ["question_id", "type", "question", "answer", "people"], rows)
