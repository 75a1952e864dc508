"""Report a test of answers: a table per question type, with what the answers must be compared with.

A language has habits, and a model that never saw a picture answers many questions rightly. So the
table puts beside the result: the same network trained without pictures and trained without
questions, the most common answer to each type of question and to the very same question, and what
the list of answers bounds.

References:
    Goyal et al. 2017, "Making the V in VQA matter", section 1 (language priors); Antol et al. 2015,
    "VQA: Visual question answering", table 2 (such baselines).
"""

import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from multimodal.data.examples import Question
from multimodal.files import atomic_write
from multimodal.metrics.answers import most_common_answer
from multimodal.metrics.vqa_accuracy import mean_scores, question_scores
from multimodal.training.results import gather
from multimodal.vqa.data import VQAData
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
    """A question and what was answered.

    Args:
        question: The question, with people's answers.
        answers: What the model and each trained baseline answered, by name.
    """

    question: Question
    answers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """A table of accuracies.

    Args:
        measure: ``accuracy``, or ``vqa_accuracy`` where several people answered.
        columns: What is compared, `OURS` first.
        rows: For each type of question its name, the number of questions, and a share for each
            column, None where it was not measured; all questions first.
    """

    measure: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[float | None, ...]], ...]

    def markdown(self) -> str:
        """Write the table in Markdown, shares in percent.

        Example:
            >>> print(Report("accuracy", ("this model",), (("all", 3, (0.5,)),)).markdown())
            | question type | questions | this model |
            | --- | ---: | ---: |
            | all | 3 | 50.0 |
        """
        head = ["question type", "questions", *self.columns]
        lines = [" | ".join(head), " | ".join(["---", *["---:"] * (len(head) - 1)])]
        for name, number, shares in self.rows:
            cells = ["-" if share is None else f"{100 * share:.1f}" for share in shares]
            lines.append(" | ".join([name or "(none)", f"{number:,}", *cells]))
        return "\n".join(f"| {line} |" for line in lines)


class AnswersReport(Callback):
    """After a test write ``report.md`` and ``answers.tsv`` into the run's folder, and print one.

    The task's ``test_step`` must return, for each row of its batch, the answer under ``answers``
    and each trained baseline's under its name; the data must be a `VQAData`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[int | str, Answered] = {}

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with nothing."""
        self._found = {}

    @override
    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the answers, by the questions' ids."""
        for row, question in enumerate(batch.asked):
            said = {name: answers[row] for name, answers in outputs.items()}
            said[OURS] = said.pop("answers")
            self._found[question.question_id] = Answered(question, said)

    @override
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the files and print the table, on the first process."""
        folder = Path(trainer.log_dir or trainer.default_root_dir)  # all processes must ask
        found = [each for each in gather(self._found).values() if each.question.answers]
        self._found = {}
        data = getattr(trainer, "datamodule", None)
        if not trainer.is_global_zero or not found or not isinstance(data, VQAData):
            return
        report = compare(found, QuestionPriors(data.asked("train")), data.answers)
        try:
            with atomic_write(folder / "report.md") as path:
                path.write_text(report.markdown() + "\n" + _not_trained(report), encoding="utf-8")
            _write_answers(found, folder / "answers.tsv")
        except OSError as error:  # what was measured is printed all the same
            _LOGGER.warning("No report in the run's folder: %s", error)
        _LOGGER.info(
            "\n%s in percent:\n%s\n%sEach answer: %s",
            report.measure,
            report.markdown(),
            _not_trained(report),
            folder / "answers.tsv",
        )


def compare(found: Sequence[Answered], priors: QuestionPriors, vocabulary: Sequence[str]) -> Report:
    """Compute the table.

    Args:
        found: Questions with people's answers, and what was answered.
        priors: The most common answers of the training questions.
        vocabulary: The answers the model can give.

    Returns:
        A row for all questions and for each type, the commonest types first.
    """
    types: dict[str, list[Answered]] = {}
    for each in found:
        types.setdefault(each.question.question_type, []).append(each)
    groups: list[tuple[str, Sequence[Answered]]] = [("all", found)]
    if len(types) > 1:
        ranked = sorted(types, key=lambda name: (-len(types[name]), name))
        groups += [(name, types[name]) for name in ranked[:_MOST_TYPES]]
    several = any(len(each.question.answers) > 1 for each in found)
    measure = "vqa_accuracy" if several else "accuracy"
    columns = (OURS, QUESTION_ONLY, IMAGE_ONLY, PRIOR, SAME, BOUND)
    rows = tuple(
        (name, len(group), _shares(group, priors, vocabulary, measure)) for name, group in groups
    )
    return Report(measure, columns, rows)


def _shares(
    group: Sequence[Answered], priors: QuestionPriors, vocabulary: Sequence[str], measure: str
) -> tuple[float | None, ...]:
    people = [each.question.answers for each in group]

    def share(said: Sequence[str]) -> float | None:
        return _value(mean_scores(question_scores(said, people)), measure)

    trained = [
        share([each.answers[name] for each in group]) if name in group[0].answers else None
        for name in (OURS, QUESTION_ONLY, IMAGE_ONLY)
    ]
    usual = share([priors.of_type(each.question.question_type) for each in group])
    same = share(
        [priors.of_question(each.question.text, each.question.question_type) for each in group]
    )
    return (*trained, usual, same, _value(coverage(vocabulary, people), measure))


def _value(scores: Mapping[str, float], measure: str) -> float | None:
    return scores.get(measure)


def _not_trained(report: Report) -> str:
    """Say how the baselines that are missing are trained."""
    blind = {QUESTION_ONLY: ("image", "question_only"), IMAGE_ONLY: ("question", "image_only")}
    shares = dict(zip(report.columns, report.rows[0][2], strict=True))
    return "".join(
        f"{name}: not trained; train it with --model.settings.blind {what} and name its "
        f"checkpoint in --model.{option}.\n"
        for name, (what, option) in blind.items()
        if shares[name] is None
    )


def _write_answers(found: Sequence[Answered], path: Path) -> None:
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["question_id", "type", "question", "answer", "people"])
        for each in found:
            asked = each.question
            people = most_common_answer(asked.answers)
            row = [asked.question_id, asked.question_type, asked.text, each.answers[OURS], people]
            table.writerow(row)
