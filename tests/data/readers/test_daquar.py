import shutil
from pathlib import Path

import pytest
from samples import SAMPLES, pack

from multimodal.data.examples import ImageFile, Question, QuestionExample
from multimodal.data.readers.daquar import read_daquar, without_image
from multimodal.data.readers.vqa import read_vqa

SAMPLE = SAMPLES / "daquar"


def write(root: Path, text: str) -> None:
    (root / "qa.5.raw.train.txt").write_text(text)


def test_the_sample_is_read_exactly():
    first, second = read_daquar(SAMPLE, "train")
    assert first == QuestionExample(
        ImageFile(SAMPLE / "images" / "image1.png"),
        (
            Question("how many objects are there ?", ("4",), 1, "how many", "number"),
            Question("is there a red circle ?", ("yes",), 2, "is there", "yes/no"),
            Question("what color is the circle ?", ("red",), 3, "what color", "other"),
            Question("are there more squares than stars ?", ("no",), 4, "are there", "yes/no"),
            Question("what are the shapes ?", ("circle, triangle, ring, star",), 5, "what are",
                     "other"),
        ),
        1,
    )  # fmt: skip
    assert [question.question_id for question in second.questions] == [6, 7, 8, 9, 10]
    assert [example.image_id for example in read_daquar(SAMPLE, "test")] == [3]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("what is on the desk in the image3 ?", "what is on the desk ?"),
        ("what are the objects in this image12 ?", "what are the objects ?"),
        ("what is on the left side of the image7 ?", "what is on the left side ?"),
        ("what is on the table image108 ?", "what is on the table ?"),
        ("what is in image5?", "what is ?"),
        ("what is in the image 5 ?", "what is ?"),
        ("what is left of the image9 in the image9 ?", "what is left of the image ?"),
        ("what is it in the image3", "what is it"),
    ],
)
def test_the_name_of_the_photo_is_removed_from_the_question(question, expected):
    assert without_image(question) == expected


@pytest.mark.parametrize(
    ("line", "answer"),
    [("book,paper", "book, paper"), ("book ,  paper,", "book, paper"), ("red", "red")],
)
def test_a_list_is_one_answer(root, line, answer):
    write(root, f"what is it in the image1 ?\n{line}\n")
    assert read_daquar(root, "train")[0].questions[0].answers == (answer,)


def test_blank_lines_at_the_end_and_crlf_are_passed_over(root):
    write(root, "what is it in the image1 ?\r\nbook\r\n\r\n")
    assert len(read_daquar(root, "train")) == 1


def test_the_file_and_the_photos_may_be_named(root):
    (root / "qa.5.raw.train.txt").rename(root / "mine_train.txt")
    archive = pack(root / "images", root / "photos.zip")
    examples = read_daquar(root, "train", file="mine_{split}.txt", images="photos.zip")
    assert examples[0].image == ImageFile(archive, "images/image1.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"train\.txt is empty; question and answer lines must alternate"),
        ("\n\n", r"train\.txt is empty"),
        (
            "what in the image1 ?\na\nwhat in the image1 ?\n",
            r"txt:3: the last question has no answ",
        ),
        ("what is it ?\na\n", r"train\.txt:1: the question names no image, got 'what is it \?'"),
        ("what in the image1 ?\na\n\nb\n", r"train\.txt:3: the question is empty"),
        ("what in the image1 ?\n\nwhat in the image1 ?\nb\n", r"train\.txt:2: the answer is empty"),
        ("what in the image1 ?\n,\n", r"train\.txt:2: the answer is empty"),
        ("in the image1 ?\na\n", r"train\.txt:1: the question is empty but for its image"),
    ],
)
def test_a_wrong_line_is_named(root, text, message):
    write(root, text)
    with pytest.raises(ValueError, match=message):
        read_daquar(root, "train")


def test_a_missing_split_and_several_files_are_named(root):
    message = r"No qa\.\*\.val\.txt in .*; there is qa\.5\.raw\.test\.txt, .*\. Hold out a part"
    with pytest.raises(FileNotFoundError, match=message):
        read_daquar(root, "val")
    shutil.copy(root / "qa.5.raw.train.txt", root / "qa.37.raw.train.txt")
    message = r"several files qa\.\*\.train\.txt: qa\.37\.raw\.train\.txt, qa\.5"
    with pytest.raises(ValueError, match=message):
        read_daquar(root, "train")


@pytest.mark.data
def test_both_layouts_of_daquar_give_the_same_examples(data_folder):
    raw = read_daquar(data_folder / "daquar", "train")
    assert len(raw) == 794
    assert raw == read_vqa(data_folder / "daquar", "train")
