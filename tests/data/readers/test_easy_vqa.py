import json
from pathlib import Path
from typing import Any

import pytest
from samples import SAMPLES, pack

from multimodal.data.examples import ImageFile, Question
from multimodal.data.readers.easy_vqa import read_easy_vqa

SAMPLE = SAMPLES / "easy_vqa"


def write(root: Path, records: Any) -> None:
    (root / "data" / "train" / "questions.json").write_text(json.dumps(records))


def test_the_sample_is_read_exactly():
    examples = read_easy_vqa(SAMPLE, "train")
    records = json.loads((SAMPLE / "data" / "train" / "questions.json").read_text())
    assert [example.image_id for example in examples] == [0, 1, 2]
    assert examples[1].image == ImageFile(SAMPLE / "data" / "train" / "images" / "1.png")
    read = [(q.text, *q.answers, e.image_id) for e in examples for q in e.questions]
    assert read == [tuple(record) for record in records]
    assert examples[0].questions[:2] == (
        Question("does the image not contain a brown shape?", ("yes",), 0, "yes/no", "yes/no"),
        Question("what shape is there?", ("triangle",), 1, "shape", "other"),
    )


@pytest.mark.parametrize("folder", [".", "data"])
def test_the_root_may_be_the_data_folder_itself(folder):
    assert read_easy_vqa(SAMPLE / folder, "test")[0].image_id == 0


def test_the_layout_of_the_repository_is_read(root):
    (root / "easy_vqa").mkdir()
    (root / "data").rename(root / "easy_vqa" / "data")
    assert len(read_easy_vqa(root, "train")) == 3


@pytest.mark.parametrize(
    ("text", "answer", "kind"),
    [
        ("what color is the shape?", "red", "color"),
        ("Which COLOUR does it have?", "red", "color"),
        ("what shape is it?", "circle", "shape"),
        ("is it a red shape?", "no", "yes/no"),
        ("what is it?", "circle", "other"),
    ],
)
def test_questions_have_a_type(root, text, answer, kind):
    write(root, [[text, answer, 2]])
    (example,) = read_easy_vqa(root, "train")
    assert example.questions[0].question_type == kind


def test_pictures_may_stay_packed_or_be_in_another_archive(root):
    train = root / "data" / "train"
    archive = pack(train / "images", train / "images.zip")
    assert read_easy_vqa(root, "train")[0].image == ImageFile(archive, "images/0.png")
    archive.rename(root / "train_images.zip")
    (first, *_) = read_easy_vqa(root, "train", images="{split}_images.zip")
    assert first.image == ImageFile(root / "train_images.zip", "images/0.png")


def test_any_answer_is_accepted_without_a_list_of_answers(root):
    write(root, [["what is it?", "a dog", 0]])
    with pytest.raises(
        ValueError, match=r"\[0\]: the answer 'a dog' is not in answers\.txt; there"
    ):
        read_easy_vqa(root, "train")
    (root / "data" / "answers.txt").unlink()
    assert read_easy_vqa(root, "train")[0].questions[0].answers == ("a dog",)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ({}, r"train/questions\.json must be a list of \[question, answer, image id\]"),
        ([], r"train/questions\.json has no questions"),
        ([["what is it?", "no"]], r"\[0\] must be \[question, answer, image id\], got \['what is"),
        ([["what is it?", "no", 0], 7], r"questions\.json: \[1\] must be .*, got 7"),
        ([["what is it?", "no", None]], r"\[0\] must be \[question, answer, image id\]"),
        ([["what is it?", "no", True]], r"\[0\] must be \[question, answer, image id\]"),
        ([[" ", "no", 0]], r"\[0\]: the question is empty"),
        ([["what is it?", "", 0]], r"\[0\]: the answer is empty"),
        ([["is it?", "noo", 0]], r"\[0\]: the answer 'noo' is not in .*; did you mean 'no'\?"),
        ([["is it?", "no", "../x"]], r"the image '\.\./x\.png' lies outside"),
    ],
)
def test_a_wrong_record_is_named(root, records, message):
    write(root, records)
    with pytest.raises(ValueError, match=message) as caught:
        read_easy_vqa(root, "train")
    assert "questions.json" in str(caught.value)


def test_a_missing_split_is_named_with_the_present_ones():
    with pytest.raises(
        FileNotFoundError, match=r"No val/questions\.json .* there is test, train\."
    ):
        read_easy_vqa(SAMPLE, "val")
