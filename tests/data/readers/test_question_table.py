import json
import shutil
from pathlib import Path

import pytest

from multimodal.data.examples import ImageFile, Question, QuestionExample
from multimodal.data.readers.question_table import read_question_table

SAMPLES = Path(__file__).parents[3] / "data" / "samples"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(SAMPLES / "questions_csv" / "images", tmp_path / "mine" / "images")
    return tmp_path / "mine"


def write(root: Path, text: str, name: str = "questions.csv") -> Path:
    (root / name).write_bytes(text.encode())
    return root / name


def write_json(root: Path, *records: dict[str, object]) -> None:
    write(root, "\n".join(map(json.dumps, records)) + "\n", "questions.jsonl")


def test_the_csv_sample_is_read_exactly():
    folder = SAMPLES / "questions_csv" / "images"
    first, second = read_question_table(SAMPLES / "questions_csv", "train")
    assert first == QuestionExample(
        ImageFile(folder / "scene_0.png"),
        (
            Question("How many objects are there?", ("4", "four"), 1, "how many", "number"),
            Question("Is there a red circle?", ("yes",), 2, "is there", "yes/no"),
            Question("What color is the circle?", ("red",), 3, "what color", "other"),
            Question("Are there more squares than stars?", ("no",), 4, "are there", "yes/no"),
        ),
        "scene_0.png",
    )
    assert [question.question_id for question in second.questions] == [5, 6, 7, 8]


def test_the_tsv_sample_is_read_exactly():
    root = SAMPLES / "questions_tsv"
    (example,) = read_question_table(root, "val")
    assert example.image == ImageFile(root / "images.zip", "scenes/scene_2.jpg")
    assert example.questions[0] == Question(
        "How many objects are there?", ("2",), 1, "count", "number"
    )


def test_the_jsonl_sample_is_read_exactly():
    root = SAMPLES / "questions_jsonl"
    (example,) = read_question_table(root, "test")
    assert example.image == ImageFile(root / "images" / "scene_3.jpg")
    assert example.questions[2] == Question(
        "What color is the triangle?",
        ("white", "white", "bright white"), "3-2", "query_color", "other",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_every_sample_asks_the_same(kind):
    for split, count in (("train", 2), ("dev", 1), ("test", 1)):
        found = read_question_table(SAMPLES / f"questions_{kind}", split)
        same = read_question_table(SAMPLES / "questions_csv", split)
        assert len(found) == count
        assert [q.text for e in found for q in e.questions] == [
            q.text for e in same for q in e.questions
        ]


def test_file_images_and_columns_can_be_named(root):
    write(root, "pic\tQ\tA\tpart\tnr\tkind\nscene_0.png\tWhy?\tsun\tdev\tn7\tcause\n", "mine.tsv")
    (root / "images").rename(root / "shown")
    (example,) = read_question_table(
        root,
        "val",
        file="mine.tsv",
        images="shown",
        image_column="pic",
        question_column="Q",
        answer_column="A",
        split_column="part",
        id_column="nr",
        type_column="kind",
    )
    assert example == QuestionExample(
        ImageFile(root / "shown" / "scene_0.png"),
        (Question("Why?", ("sun",), "n7", "cause", "other"),),
        "scene_0.png",
    )


def test_the_root_may_be_the_file_itself():
    path = SAMPLES / "questions_csv" / "questions.csv"
    assert read_question_table(path, "val") == read_question_table(path.parent, "val")


def test_several_answers_are_separated_or_listed(root):
    write(root, 'image,question,answer\nscene_1.png,Why?,"sun | the sun|rain, too"\n')
    splits = ("train", "val", "test")
    (found,) = [e for split in splits for e in _or_nothing(root, split)]
    assert found.questions[0].answers == ("sun", "the sun", "rain, too")
    (root / "questions.csv").unlink()
    record = {"image": "scene_1.png", "question": "Why?", "split": "val"}
    write_json(
        root,
        {**record, "answer": ["a|b", 2]},
        {**record, "answer": "a|b"},
        {**record, "answer": 3},
    )
    (found,) = read_question_table(root, "val")
    assert [q.answers for q in found.questions] == [("a|b", "2"), ("a", "b"), ("3",)]


def _or_nothing(root: Path, split: str) -> list[QuestionExample]:
    try:
        return read_question_table(root, split)
    except ValueError:
        return []


def test_test_rows_may_lack_answers(root):
    write(root, "image,question\nscene_1.png,Why?\n", "test.csv")
    (found,) = read_question_table(root, "test")
    assert found.questions == (Question("Why?", (), 1, "why", ""),)
    write_json(
        root,
        {"image": "scene_0.png", "question": "Why?", "answer": "sun", "split": "train"},
        {"image": "scene_1.png", "question": "Who?", "split": "test"},
    )
    assert read_question_table(root, "train")[0].questions[0].answers == ("sun",)
    assert read_question_table(root, "test")[0].questions[0].answers == ()


def test_a_hash_keeps_the_questions_of_an_image_together(root):
    for number in range(60):
        shutil.copy(root / "images" / "scene_0.png", root / "images" / f"{number}.png")
    rows = [f"{number}.png,Why {again}?,sun" for again in range(3) for number in range(60)]
    write(root, "\n".join(["image,question,answer", *rows]))
    found = [read_question_table(root, split) for split in ("train", "val", "test")]
    assert sum(map(len, found)) == 60
    assert {len(example.questions) for examples in found for example in examples} == {3}


def test_missing_pictures_are_counted_and_named_or_left_out(root):
    rows = "a.png,Why?,sun,val\nscene_0.png,Why?,sun,val\n"
    write(root, f"image,question,answer,split\n{rows}")
    message = r"questions\.csv names 1 images \(of 2\) that are not there: a\.png"
    with pytest.raises(FileNotFoundError, match=message):
        read_question_table(root, "val")
    (example,) = read_question_table(root, "val", skip_missing=True)
    assert example.questions[0].question_id == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"questions\.csv:1: the file is empty; its first line must name the columns"),
        ("image,questoin,answer\n", r"csv:1 has no column 'question'; did you mean 'questoin'\?"),
        ("img,question,answer\n", r"csv:1 has no column 'image'; did you mean 'img'\?"),
        ("image,question,split\na,Why?,val\n", r"csv:2 has no 'answer'; there is 'image', 'quest"),
        ("image,question,answer\na, ,sun\n", r"csv:2: the question is empty; write one"),
        ("image,question,answer\na,Why?, \n", r"csv:2: the answer is empty; write one"),
        ("image,question,answer\na,Why?,sun||rain\n", r"csv:2: the answer is empty; write one"),
        ("id,image,question,answer\n ,a,Why?,b\n", r"csv:2: the id is empty; write one or leave"),
        (
            "id,image,question,answer,split\n7,a,Why?,b,val\n8,a,Why?,b,val\n7,c,Who?,d,val\n",
            r"csv:4: the question id '7' already stands at .*questions\.csv:2; ids must differ",
        ),
        ("image,question,answer,split\na,Q,A,val\na,R,B,test\n", r"csv:3: 'a' is in test here"),
        ("image,question,answer,split\na,Why?,b,test\n", r"no question in the split val \(of 1 q"),
        ("image,question,answer\na,Why, oh,why?\n", r"csv:2 has 4 fields, the header has 3"),
    ],
)  # fmt: skip
def test_a_malformed_table_is_named_by_line(root, text, message):
    write(root, text)
    with pytest.raises(ValueError, match=message):
        read_question_table(root, "val")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": []}, r"jsonl:1: the question has no answers; add some or remove the line"),
        ({"answer": [""]}, r"jsonl:1: the answer is empty"),
        ({"answer": True}, r"jsonl:1: 'answer' must be a text or a list of texts, got True"),
        ({"answer": None}, r"jsonl:1: 'answer' must be a text or a list of texts, got None"),
        ({"question": 7}, r"jsonl:1: 'question' must be a text, got 7"),
        ({"id": 1.5}, r"jsonl:1: 'id' must be a number or a text, got 1\.5"),
        ({"type": 3}, r"jsonl:1: 'type' must be a text, got 3"),
    ],
)
def test_a_malformed_json_line_is_named(root, change, message):
    record = {"image": "scene_0.png", "question": "Why?", "answer": "sun", "split": "val"}
    write_json(root, {**record, **change})
    with pytest.raises(ValueError, match=message):
        read_question_table(root, "val")


def test_json_cut_short_is_named(root):
    write(root, '{"image": "a.png"', "questions.jsonl")
    with pytest.raises(ValueError, match=r"questions\.jsonl:1:\d+ is not valid JSON"):
        read_question_table(root, "val")


def test_what_is_missing_is_said(root):
    with pytest.raises(FileNotFoundError, match=r"No folder .*none\. Put questions\.csv there"):
        read_question_table(root / "none", "train")
    message = r"No questions\.csv or train\.csv .*there is no table\. Put questions\.csv there"
    with pytest.raises(FileNotFoundError, match=message):
        read_question_table(root, "train")
