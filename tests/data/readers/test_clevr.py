from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples import SAMPLES, edit_json, pack

from multimodal.data.examples import ImageFile, Question, QuestionExample
from multimodal.data.readers.clevr import read_clevr

SAMPLE = SAMPLES / "clevr"


def edit(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    edit_json(root / "questions" / "CLEVR_train_questions.json", change)


def test_the_sample_is_read_exactly():
    first, second = read_clevr(SAMPLE, "train")
    assert first == QuestionExample(
        ImageFile(SAMPLE / "images" / "train" / "CLEVR_train_000000.png"),
        (
            Question("How many objects are there?", ("4",), 0, "count", "number"),
            Question("Is there a red circle?", ("yes",), 1, "exist", "yes/no"),
            Question("What color is the circle?", ("red",), 2, "query_color", "other"),
            Question("Are there more squares than stars?", ("no",), 3, "greater_than", "yes/no"),
        ),
        "CLEVR_train_000000.png",
    )
    assert [question.question_id for question in second.questions] == [4, 5, 6, 7]


@pytest.mark.parametrize("split", ["val", "dev"])
def test_another_split_is_read(split):
    (example,) = read_clevr(SAMPLE, split)
    assert example.image_id == "CLEVR_val_000000.png"


def test_the_test_split_has_no_answers():
    (example,) = read_clevr(SAMPLE, "test")
    assert {question.answers for question in example.questions} == {()}
    assert {question.question_type for question in example.questions} == {""}


def test_pictures_may_stay_packed(root):
    archive = pack(root / "images", root / "CLEVR_v1.0.zip")
    (example,) = read_clevr(root, "val")
    assert example.image == ImageFile(archive, "images/val/CLEVR_val_000000.png")


def test_a_new_set_of_clevrs_generator_is_read_too(root):
    def change(content):
        for record, answer in zip(content["questions"], (4, True, "red", False), strict=False):
            record["answer"] = answer
            record["program"] = [
                {"type": step["function"], "inputs": step["inputs"]} for step in record["program"]
            ]

    edit(root, change)
    (root / "questions" / "CLEVR_train_questions.json").rename(root / "CLEVR_questions.json")
    examples = read_clevr(root, "train", questions="CLEVR_questions.json")[0].questions
    assert [q.answers for q in examples] == [("4",), ("yes",), ("red",), ("no",)]
    assert [q.question_type for q in examples] == ["count", "exist", "query_color", "greater_than"]


def test_questions_of_people_have_neither_program_nor_id(root):
    def change(content):
        for record in content["questions"]:
            del record["program"], record["question_index"]

    edit(root, change)
    (root / "questions" / "CLEVR_train_questions.json").rename(root / "CLEVR-Humans-train.json")
    examples = read_clevr(root, "train", questions="CLEVR-Humans-{split}.json")
    assert [q.question_id for example in examples for q in example.questions] == list(range(8))
    assert examples[0].questions[0] == Question(
        "How many objects are there?", ("4",), 0, "", "number"
    )


def test_pictures_may_be_in_another_folder(root):
    (root / "images" / "train").rename(root / "elsewhere")
    example, _ = read_clevr(root, "train", images="elsewhere")
    assert example.image == ImageFile(root / "elsewhere" / "CLEVR_train_000000.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("questions"), r"train_questions\.json has no 'questions'"),
        (lambda c: c.update(questions=[]), r"train_questions\.json has no questions"),
        (lambda c: c["questions"][1].pop("question"), r"questions\[1\] has no 'question'"),
        (lambda c: c["questions"][1].update(question=""), r"questions\[1\]: the question is empty"),
        (lambda c: c["questions"][1].pop("answer"), r"questions\[1\] has no 'answer'"),
        (lambda c: c["questions"][1].update(answer=""), r"questions\[1\]: the answer is empty"),
        (
            lambda c: c["questions"][1].update(answer=[]),
            r"questions\[1\]: 'answer' must be a text or a number, got \[\]",
        ),
        (
            lambda c: c["questions"][1].pop("image_filename"),
            r"questions\[1\] has no 'image_filename'",
        ),
        (
            lambda c: c["questions"][1].update(image_filename="../x.png"),
            r"questions\[1\]: the image '\.\./x\.png' lies outside",
        ),
        (
            lambda c: c["questions"][2].update(question_index=0),
            r"questions\[2\]: the question id 0 is already used at questions\[0\]; ids must differ",
        ),
    ],
)
def test_a_wrong_record_is_named(root, change, message):
    edit(root, change)
    with pytest.raises(ValueError, match=message) as caught:
        read_clevr(root, "train")
    assert "CLEVR_train_questions.json" in str(caught.value)


def test_a_missing_split_is_named_with_the_present_ones(root):
    message = r"No questions/CLEVR_trainA_questions\.json in .*; there is CLEVR_test_questions\.j"
    with pytest.raises(FileNotFoundError, match=message):
        read_clevr(root, "trainA")
