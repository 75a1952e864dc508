import csv
import re
from pathlib import Path

import pytest
from lightning.pytorch import LightningModule

from multimodal.data.examples import ImageFile, Question, QuestionExample
from multimodal.vqa.priors import QuestionPriors
from multimodal.vqa.report import (
    BOUND,
    IMAGE_ONLY,
    OURS,
    PRIOR,
    QUESTION_ONLY,
    SAME,
    Answered,
    AnswerReport,
    _not_trained,
    _write_answers,
    compare,
)

TRAINING = [
    Question("Is it red?", ("no",), 1, "is"),
    Question("Is it big?", ("no",), 2, "is"),
    Question("What is it?", ("dog",), 3, "what"),
]
ANSWERED = [
    Answered(Question("Is it red?", ("yes",), 4, "is"), {OURS: "yes", QUESTION_ONLY: "no"}),
    Answered(Question("Is it big?", ("no",), 5, "is"), {OURS: "no", QUESTION_ONLY: "no"}),
    Answered(Question("What is it?", ("zebra",), 6, "what"), {OURS: "dog", QUESTION_ONLY: "dog"}),
]


def test_the_table_has_a_row_for_all_and_one_for_each_type_the_commonest_first():
    report = compare(ANSWERED, QuestionPriors(TRAINING), ["yes", "no", "dog"])
    assert report.measure == "accuracy"
    assert report.columns == (OURS, QUESTION_ONLY, IMAGE_ONLY, PRIOR, SAME, BOUND)
    assert [row[:2] for row in report.rows] == [("all", 3), ("is", 2), ("what", 1)]
    everything, is_, what = (row[2] for row in report.rows)
    assert everything == pytest.approx((2 / 3, 1 / 3, None, 1 / 3, 1 / 3, 2 / 3))
    assert is_ == (1.0, 0.5, None, 0.5, 0.5, 1.0)
    assert what == (0.0, 0.0, None, 0.0, 0.0, 0.0)


def test_several_peoples_answers_are_measured_by_the_official_accuracy():
    people = Question("Is it red?", ("yes",) * 3 + ("no",) * 7, 1, "is")
    report = compare([Answered(people, {OURS: "yes"})], QuestionPriors([people]), ["yes", "no"])
    assert report.measure == "vqa_accuracy"
    assert report.rows[0][2][0] == pytest.approx(0.9)


def test_a_baseline_that_was_not_trained_is_a_dash_with_the_command_to_train_it():
    report = compare(ANSWERED, QuestionPriors(TRAINING), ["yes", "no", "dog"])
    markdown = re.sub(" +", " ", report.markdown())
    assert "| is | 2 | 100.0 | 50.0 | - | 50.0 | 50.0 | 100.0 |" in markdown
    assert _not_trained(report) == (
        "image only: not trained; train it with --model.settings.blind question and name its "
        "checkpoint in --model.image_only.\n"
    )


def test_each_answer_is_listed_with_the_most_common_one_of_people(tmp_path):
    _write_answers(ANSWERED, tmp_path / "answers.tsv")
    with (tmp_path / "answers.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert rows[2] == {
        "question_id": "6",
        "type": "what",
        "question": "What is it?",
        "answer": "dog",
        "people": "zebra",
    }


@pytest.mark.parametrize(
    "examples", [[], [QuestionExample(ImageFile(Path("a.png")), tuple(TRAINING), 1)]]
)
def test_there_is_a_report_if_the_training_questions_are_known(tmp_path, examples):
    report = AnswerReport(["yes", "no", "dog"], lambda: examples)
    report.write(dict(enumerate(ANSWERED)), tmp_path, LightningModule())
    assert (tmp_path / "report.md").exists() == (tmp_path / "answers.tsv").exists()
    assert (tmp_path / "report.md").exists() == bool(examples)
