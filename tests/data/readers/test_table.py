"""Tests of all four kinds of tables together, then of each."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from samples import SAMPLES

from multimodal.data.examples import (
    CaptionExample,
    ImageExample,
    ImageFile,
    Question,
    QuestionExample,
    TextExample,
)
from multimodal.data.readers.table import (
    ImageColumns,
    TextColumns,
    read_image_table,
    read_question_table,
    read_table,
    read_text_table,
    texts_in,
)
from multimodal.data.readers.table_files import Row


class Kind(NamedTuple):
    read: Callable
    stem: str
    row: dict[str, str]
    wrong_column: dict[str, str]


KINDS = {
    "captions": Kind(
        read_table, "captions", {"image": "a.png", "caption": "A ."}, {"caption": "captoin"}
    ),
    "questions": Kind(
        read_question_table,
        "questions",
        {"image": "a.png", "question": "Why?", "answer": "sun"},
        {"question": "questoin"},
    ),
    "labels": Kind(read_image_table, "labels", {"image": "a.png", "label": "x"}, {"image": "imge"}),
    "texts": Kind(read_text_table, "texts", {"text": "Good .", "label": "x"}, {"text": "txt"}),
}
PICTURES = [name for name in KINDS if name != "texts"]


@pytest.fixture(params=KINDS)
def kind(request) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "images").mkdir(parents=True)
    for name in "abcdef":
        shutil.copy(SAMPLES / "folder/test/circle/orange.png", folder / "images" / f"{name}.png")
    return folder


def write(root: Path, text: str | bytes, name: str) -> Path:
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root / name


def write_rows(root: Path, rows: list[dict[str, object]], name: str) -> Path:
    """Write rows as the file's suffix says; only JSONL holds more than texts."""
    if name.endswith(".jsonl"):
        return write(root, "\n".join(map(json.dumps, rows)) + "\n", name)
    delimiter = "\t" if name.endswith(".tsv") else ","
    lines = [list(rows[0]), *(row.values() for row in rows)]
    return write(root, "\n".join(delimiter.join(map(str, line)) for line in lines) + "\n", name)


# Every kind of table


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_every_format_gives_the_same_examples(root, kind, suffix):
    rows = [{**kind.row, "split": "train"}, {**kind.row, "image": "b.png", "split": "dev"}]
    rows = [{key: row[key] for key in (*kind.row, "split")} for row in rows]
    path = write_rows(root, rows, f"{kind.stem}.{suffix}")
    (train,), (val,) = kind.read(root, "train"), kind.read(root, "val")
    assert type(train) is type(val)
    assert kind.read(path, "train") == [train], "the root may be the table itself"
    assert kind.read(root, "train", file=path.name) == [train]
    assert kind.read(root, "dev") == [val]


def test_a_byte_order_mark_crlf_and_blank_lines_are_accepted(root, kind):
    rows = [",".join(kind.row) + ",split", "", ",".join(kind.row.values()) + ",train", ""]
    write(root, "\ufeff" + "\r\n".join(rows), f"{kind.stem}.csv")
    assert len(kind.read(root, "train")) == 1


@pytest.mark.parametrize("name", ["val", "dev", "valid", "validation"])
def test_a_table_may_be_named_like_any_name_of_its_split(root, kind, name):
    write_rows(root, [kind.row], f"{name}.csv")
    assert len(kind.read(root, "val")) == 1


def test_a_split_column_of_another_name_must_be_there(root, kind):
    write_rows(root, [kind.row], f"{kind.stem}.csv")
    named = {"split_column": "part"}
    if kind.stem in ("labels", "texts"):
        columns = ImageColumns(split="part") if kind.stem == "labels" else TextColumns(split="part")
        named = {"columns": columns}
    with pytest.raises(ValueError, match=r"\.csv:1 has no column 'part'"):
        kind.read(root, "train", **named)
    (root / f"{kind.stem}.csv").unlink()
    write_rows(root, [kind.row], f"{kind.stem}.jsonl")
    with pytest.raises(ValueError, match=r"\.jsonl:1 has no 'part'"):
        kind.read(root, "train", **named)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_missing_column_is_named_with_the_closest(root, kind, suffix):
    ((right, wrong),) = kind.wrong_column.items()
    write_rows(
        root,
        [{wrong if key == right else key: value for key, value in kind.row.items()}],
        f"{kind.stem}.{suffix}",
    )
    message = rf"{suffix}:1 has no (column )?'{right}'; did you mean '{wrong}'\?"
    with pytest.raises(ValueError, match=message):
        kind.read(root, "train")


@pytest.mark.parametrize(("split", "hint"), [("trian", r"; did you mean 'train'\?"), ("", r"\.")])
def test_a_wrong_split_is_named_by_line(root, kind, split, hint):
    write_rows(root, [{**kind.row, "split": split}], f"{kind.stem}.csv")
    message = rf"csv:2: the split must be train, val or test, got '{split}'{hint}"
    with pytest.raises(ValueError, match=message):
        kind.read(root, "train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", r"csv:1: the file is empty; its first line must name the columns"),
        (lambda text: text.replace("\n", ",new,new\n"), r"csv:1 names the column 'new' twice"),
        (lambda text: text + "a,b,c,d,e\n", r"csv:3 has 5 fields, the header has"),
        (lambda text: text + '"a\n', r"csv:3 is malformed \(unexpected end"),
        (lambda text: text.encode() + b"na\xefve\n", r"csv:3 is not UTF-8 \(byte 0xef\)"),
        (lambda text: text + "a\0\n", r"csv:3 has a NUL byte"),
        (lambda text: text + "x" * 140_000 + "\n", r"csv:3 is malformed \(field larger .*shorten"),
    ],
)  # fmt: skip
def test_a_malformed_table_is_named_by_line(root, kind, change, message):
    text = write_rows(root, [kind.row], f"{kind.stem}.csv").read_text()
    write(root, change(text), f"{kind.stem}.csv")
    with pytest.raises(ValueError, match=message):
        kind.read(root, "train")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"image": "a.png", "text"', r"jsonl:2:\d+ is not valid JSON"),
        ("[1]", r"jsonl:2 must be an object"),
        ('{"split": "train"}', r"jsonl:2 has no '(image|text|caption|question)'"),
    ],
)
def test_a_malformed_json_line_is_named(root, kind, line, message):
    write(root, json.dumps(kind.row) + "\n" + line, f"{kind.stem}.jsonl")
    with pytest.raises(ValueError, match=message):
        kind.read(root, "train")


def test_every_json_line_has_a_split_or_none_has(root, kind):
    other = {**kind.row, **({"image": "b.png"} if "image" in kind.row else {})}
    write_rows(root, [kind.row, {**other, "split": "val"}], f"{kind.stem}.jsonl")
    with pytest.raises(ValueError, match=r"jsonl:2 has a 'split', lines above have none; give all"):
        kind.read(root, "train")
    write_rows(root, [{**kind.row, "split": "val"}, other], f"{kind.stem}.jsonl")
    with pytest.raises(ValueError, match=r"jsonl:2 has no 'split'"):
        kind.read(root, "train")


def test_a_missing_table_is_named_with_the_present_ones(root, kind):
    put = rf"Put {kind.stem}\.csv there"
    with pytest.raises(FileNotFoundError, match=r"No file .*none\.csv"):
        kind.read(root, "train", file="none.csv")
    with pytest.raises(
        FileNotFoundError, match=rf"No {kind.stem}\.csv or train\.csv .*there is no table\. {put}"
    ):
        kind.read(root, "train")
    write_rows(root, [kind.row], "train.csv")
    with pytest.raises(
        FileNotFoundError, match=rf"No {kind.stem}\.csv or val\.csv .*there is train\.csv\. {put}"
    ):
        kind.read(root, "val")


def test_one_of_several_tables_must_be_named(root, kind):
    write_rows(root, [{**kind.row, "split": "train"}], f"{kind.stem}.csv")
    write_rows(root, [{**kind.row, "split": "train"}], f"{kind.stem}.tsv")
    message = rf"several tables: {kind.stem}\.csv, {kind.stem}\.tsv\. Name one with `file`"
    with pytest.raises(ValueError, match=message):
        kind.read(root, "train")
    assert kind.read(root, "train", file=f"{kind.stem}.tsv")


def test_a_file_of_another_kind_is_refused(root, kind):
    path = write(root, "", "mine.xlsx")
    with pytest.raises(ValueError, match=r"mine\.xlsx must end in \.csv, \.tsv or \.jsonl"):
        kind.read(root, "train", file="mine.xlsx")
    with pytest.raises(ValueError, match=r"mine\.xlsx must end in"):
        kind.read(path, "train")


@pytest.mark.parametrize(
    ("name", "counted"),
    [("captions", "1 images"), ("questions", "1 questions"), ("texts", "1 texts")],
)
def test_a_split_without_a_row_is_refused(root, name, counted):
    kind = KINDS[name]
    write_rows(root, [{**kind.row, "split": "test"}], f"{kind.stem}.csv")
    message = rf"has no {counted[2:-1]} in the split val \(of {counted}\); name the split of each"
    with pytest.raises(ValueError, match=message):
        kind.read(root, "val")


# Every table of pictures


@pytest.fixture(params=PICTURES)
def picture_kind(request) -> Kind:
    return KINDS[request.param]


def test_without_a_split_column_a_hash_of_the_name_decides(root, picture_kind):
    names = ("red_square.png", "green_triangle.png")  # the first trains, the second validates
    for name in names:
        shutil.copy(root / "images" / "a.png", root / name)
    rows = [{**picture_kind.row, "image": name} for name in names]
    write_rows(root, rows, f"{picture_kind.stem}.csv")
    assert [picture_kind.read(root, split)[0].image_id for split in ("train", "val")] == list(names)


def test_a_picture_in_two_splits_is_refused(root, picture_kind):
    rows = [{**picture_kind.row, "split": split} for split in ("train", "val")]
    write_rows(root, rows, f"{picture_kind.stem}.csv")
    with pytest.raises(
        ValueError, match=r"csv:3: 'a\.png' is in val here and in train above; keep"
    ):
        picture_kind.read(root, "train")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("../a.png", r"csv:2: the image '\.\./a\.png' lies outside .*; move it inside"),
        ("/etc/a.png", r"csv:2: the image '/etc/a\.png' lies outside"),
        ("", r"csv:2: the image has no name"),
    ],
)
def test_a_name_that_cannot_be_a_picture_of_the_folder_is_refused(
    root, picture_kind, image, message
):
    write_rows(root, [{**picture_kind.row, "image": image}], f"{picture_kind.stem}.csv")
    with pytest.raises(ValueError, match=message):
        picture_kind.read(root, "train")


def test_missing_pictures_are_named_or_left_out(root, picture_kind):
    rows = [{**picture_kind.row, "image": f"{n}.png", "split": "train"} for n in "a0123"]
    write_rows(root, rows, f"{picture_kind.stem}.csv")
    message = r"csv names 4 images \(of 5\) that are not there: 0\.png, 1\.png, 2\.png \.\.\."
    with pytest.raises(FileNotFoundError, match=message):
        picture_kind.read(root, "train")
    (example,) = picture_kind.read(root, "train", skip_missing=True)
    assert example.image_id == "a.png"


def test_another_folder_of_pictures_may_be_named(root, picture_kind):
    (root / "images").rename(root / "photos")
    write_rows(root, [{**picture_kind.row, "split": "train"}], f"{picture_kind.stem}.csv")
    (example,) = picture_kind.read(root, "train", images="photos")
    assert example.image == ImageFile(root / "photos" / "a.png")


def test_a_picture_that_is_not_named_by_a_text_is_refused(root, picture_kind):
    write_rows(root, [{**picture_kind.row, "image": 7}], f"{picture_kind.stem}.jsonl")
    with pytest.raises(ValueError, match=r"jsonl:1: 'image' must be a text, got 7"):
        picture_kind.read(root, "train")


# Captions

TRAIN = {
    "red_square.png": ("A red square .", "One square, red and flat ."),
    "green_triangle.jpg": (
        "A green triangle on a black ground .",
        "Ein grünes Dreieck auf Schwarz .",
    ),
}


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "tsv"])
def test_the_samples_of_captions_are_read_exactly(suffix):
    folder = SAMPLES / suffix / "images"
    assert read_table(SAMPLES / suffix, "train") == [
        CaptionExample(
            ImageFile(SAMPLES / "tsv" / "images.zip", f"shapes/{name}")
            if suffix == "tsv"
            else ImageFile(folder / name),
            captions,
            name,
        )
        for name, captions in TRAIN.items()
    ]
    (val,) = read_table(SAMPLES / suffix, "val")
    assert val.captions == ("A blue circle .", 'A round thing that some call "blue" .')


def test_columns_of_captions_can_be_named(root):
    write(root, "path\tTEXT\tpart\na.png\tA .\tdev\nb.png\tB .\ttrain\n", "mine.tsv")
    examples = read_table(
        root,
        "val",
        file="mine.tsv",
        image_column="path",
        caption_column="TEXT",
        split_column="part",
    )
    assert [(example.image_id, example.captions) for example in examples] == [("a.png", ("A .",))]


def test_captions_of_one_image_are_merged_in_order(root):
    rows = "a.png,A,train\nb.png,B,train\nimages/a.png,C,train\n./a.png,D,train\n"
    write(root, f"image,caption,split\n{rows}", "captions.csv")
    captions = {example.image_id: example.captions for example in read_table(root, "train")}
    assert captions["a.png"] == ("A", "D")


def test_json_lines_may_hold_one_caption_or_a_list(root):
    row = {"image": "a.png", "split": "train"}
    rows = [{**row, "caption": "A"}, {**row, "caption": ["B", "C"]}]
    write_rows(root, rows, "captions.jsonl")
    assert read_table(root, "train")[0].captions == ("A", "B", "C")


@pytest.mark.parametrize("caption", ["一只红色的方块", "word " * 499 + "word"])
def test_long_captions_and_other_languages_are_kept(root, caption):
    write(root, f"image,caption,split\na.png,{caption},train\n", "captions.csv")
    assert read_table(root, "train")[0].captions == (caption,)


@pytest.mark.parametrize(
    ("caption", "message"),
    [
        (" ", r"jsonl:1: the caption is empty; write one"),
        ("x" * 10_001, r"jsonl:1: the caption has 10,001 characters, the limit is 10,000"),
        ([], r"jsonl:1: the image has no captions; add some or remove the line"),
        (["A", 7], r"jsonl:1: 'caption' must be a text or a list of texts"),
        (None, r"jsonl:1: 'caption' must be a text or a list of texts, got None"),
        ("A\0", r"jsonl:1: the caption holds U\+0000"),
        ("\ud83d", r"jsonl:1: the caption holds U\+D83D"),
    ],
)
def test_a_wrong_caption_is_named_by_line(root, caption, message):
    write_rows(root, [{"image": "a.png", "caption": caption}], "captions.jsonl")
    with pytest.raises(ValueError, match=message):
        read_table(root, "train")


# Questions


def test_the_csv_sample_of_questions_is_read_exactly():
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


def test_the_tsv_and_jsonl_samples_of_questions_are_read_exactly():
    (example,) = read_question_table(SAMPLES / "questions_tsv", "val")
    archive = SAMPLES / "questions_tsv" / "images.zip"
    assert example.image == ImageFile(archive, "scenes/scene_2.jpg")
    assert example.questions[0] == Question(
        "How many objects are there?", ("2",), 1, "count", "number"
    )
    (example,) = read_question_table(SAMPLES / "questions_jsonl", "test")
    assert example.image == ImageFile(SAMPLES / "questions_jsonl" / "images" / "scene_3.jpg")
    assert example.questions[2] == Question(
        "What color is the triangle?",
        ("white", "white", "bright white"), "3-2", "query_color", "other",
    )  # fmt: skip


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_every_sample_has_the_same_questions(split):
    same = [
        [
            question.text
            for example in read_question_table(SAMPLES / f"questions_{suffix}", split)
            for question in example.questions
        ]
        for suffix in ("csv", "tsv", "jsonl")
    ]
    assert same[0] == same[1] == same[2]


def test_columns_of_questions_can_be_named(root):
    write(root, "pic\tQ\tA\tpart\tnr\tkind\na.png\tWhy?\tsun\tdev\tn7\tcause\n", "mine.tsv")
    (example,) = read_question_table(
        root,
        "val",
        file="mine.tsv",
        image_column="pic",
        question_column="Q",
        answer_column="A",
        split_column="part",
        id_column="nr",
        type_column="kind",
    )
    assert example.questions == (Question("Why?", ("sun",), "n7", "cause", "other"),)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("sun | the sun|rain, too", ("sun", "the sun", "rain, too")),
        (["a|b", 2], ("a|b", "2")),
        (3, ("3",)),
    ],
)
def test_several_answers_are_separated_or_listed(root, answer, expected):
    row = {"image": "a.png", "question": "Why?", "answer": answer, "split": "val"}
    write_rows(root, [row], "questions.jsonl")
    assert read_question_table(root, "val")[0].questions[0].answers == expected


def test_only_test_rows_may_lack_answers(root):
    write(root, "image,question\na.png,Why?\n", "test.csv")
    (example,) = read_question_table(root, "test")
    assert example.questions == (Question("Why?", (), 1, "why", ""),)
    write(root, "image,question\na.png,Why?\n", "val.csv")
    with pytest.raises(ValueError, match=r"csv:2 has no 'answer'; there is 'image', 'question'"):
        read_question_table(root, "val")


def test_a_hash_keeps_the_questions_of_an_image_together(root):
    for number in range(60):
        shutil.copy(root / "images" / "a.png", root / "images" / f"{number}.png")
    rows = [f"{number}.png,Why {again}?,sun" for again in range(3) for number in range(60)]
    write(root, "\n".join(["image,question,answer", *rows]), "questions.csv")
    parts = [read_question_table(root, split) for split in ("train", "val", "test")]
    assert sum(map(len, parts)) == 60
    assert {len(example.questions) for examples in parts for example in examples} == {3}


def test_the_number_of_a_question_counts_all_rows(root):
    rows = "zz.png,Why?,sun,val\na.png,Why?,sun,val\n"
    write(root, f"image,question,answer,split\n{rows}", "questions.csv")
    (example,) = read_question_table(root, "val", skip_missing=True)
    assert example.questions[0].question_id == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": " "}, r"jsonl:1: the question is empty; write one"),
        ({"question": 7}, r"jsonl:1: 'question' must be a text, got 7"),
        ({"answer": " "}, r"jsonl:1: the answer is empty; write one"),
        ({"answer": "sun||rain"}, r"jsonl:1: the answer is empty; write one"),
        ({"answer": []}, r"jsonl:1: the question has no answers; add some or remove the line"),
        ({"answer": [""]}, r"jsonl:1: the answer is empty"),
        ({"answer": True}, r"jsonl:1: 'answer' must be a text or a list of texts, got True"),
        ({"answer": None}, r"jsonl:1: 'answer' must be a text or a list of texts, got None"),
        ({"id": " "}, r"jsonl:1: the id is empty; write one or leave out the column"),
        ({"id": 1.5}, r"jsonl:1: 'id' must be a number or a text, got 1\.5"),
        ({"type": 3}, r"jsonl:1: 'type' must be a text, got 3"),
    ],
)
def test_a_wrong_question_is_named_by_line(root, change, message):
    row = {"image": "a.png", "question": "Why?", "answer": "sun", "split": "val"}
    write_rows(root, [{**row, **change}], "questions.jsonl")
    with pytest.raises(ValueError, match=message):
        read_question_table(root, "val")


# Labelled pictures


def test_one_label_a_picture_is_read_exactly():
    root = SAMPLES / "labels_csv"
    assert read_image_table(root, "test") == [
        ImageExample(
            ImageFile(root / "images" / f"orange_{shape}.png"), shape, f"orange_{shape}.png"
        )
        for shape in ("circle", "square")
    ]


def test_several_labels_are_read_exactly():
    (circle, square) = read_image_table(SAMPLES / "labels_jsonl", "val", target="labels")
    assert circle.label == ("cold", "circle")
    assert square.label == ("cold", "square")


def test_numbers_are_read_exactly():
    columns = ImageColumns(image="picture", label="corners")
    examples = read_image_table(SAMPLES / "labels_tsv", "train", columns=columns, target="number")
    assert [example.label for example in examples] == [1.5, 4.0, 1.5, 4.0]


def test_several_labels_are_separated_by_bars_or_on_several_lines_or_none(root):
    rows = "a.png,x|y| x,train\nb.png,,train\na.png,z,train\n"
    write(root, f"image,label,split\n{rows}", "labels.csv")
    first, second = read_image_table(root, "train", target="labels")
    assert first.label == ("x", "y", "z")
    assert second.label == ()


@pytest.mark.parametrize("target", ["label", "labels", "number"])
def test_a_test_table_of_pictures_needs_no_labels(root, target):
    write(root, "image\na.png\n", "test.csv")
    assert read_image_table(root, "test", target=target)[0].label is None


def test_a_split_without_a_picture_is_empty(root):
    write(root, "image,label,split\na.png,x,train\n", "labels.csv")
    assert read_image_table(root, "val") == []


@pytest.mark.parametrize("labels", [("3", "-1"), ("1.5", "x")])
def test_whole_numbers_and_mixed_names_are_classes(root, labels):
    first, second = labels
    write(root, f"image,label,split\na.png,{first},train\nb.png,{second},train\n", "labels.csv")
    assert [example.label for example in read_image_table(root, "train")] == [first, second]


@pytest.mark.parametrize("labels", [("0.5", "1.5"), ("1", "2.25"), ("7", "1.0e-2", "-.5"), (0.5,)])
def test_fractions_are_refused_as_classes(root, labels):
    rows = [
        {"image": f"{name}.png", "label": label, "split": "train"}
        for name, label in zip("abc", labels, strict=False)
    ]
    write_rows(root, rows, "labels.jsonl")
    with pytest.raises(ValueError, match=r"jsonl:\d: the label .* is a number, and so are all"):
        read_image_table(root, "train")
    assert read_image_table(root, "train", target="number")


@pytest.mark.parametrize(
    ("label", "target", "message"),
    [
        ("", "label", "jsonl:1: 'label' must be a label, got ''"),
        ("x", "number", "jsonl:1: 'label' must be a number, got 'x'. For names of classes, set"),
        ("nan", "number", "jsonl:1: 'label' must be a number, got 'nan'"),
        (True, "label", "'label' must be a label, got True"),
        (["x"], "label", r"'label' must be a label, got \['x'\]"),
        ([1.5], "labels", r"'label' must be names with | between them, or a list, got \[1.5\]"),
        (7, "labels", "'label' must be names with | between them, or a list, got 7"),
        (10**400, "number", "'label' must be a number, got 1000"),
    ],
)
def test_a_wrong_label_of_a_picture_is_named_by_line(root, label, target, message):
    write_rows(root, [{"image": "a.png", "label": label, "split": "train"}], "labels.jsonl")
    with pytest.raises(ValueError, match=message):
        read_image_table(root, "train", target=target)


@pytest.mark.parametrize("target", ["label", "labels", "number"])
def test_training_pictures_need_a_column_of_labels(root, target):
    write(root, "image,kind,split\na.png,x,val\n", "labels.csv")
    with pytest.raises(ValueError, match=r"csv:2 has no 'label'; there is 'image', 'kind'"):
        read_image_table(root, "train", target=target)


def test_a_picture_has_one_line_unless_it_may_have_several_labels(root):
    write(root, "image,label,split\na.png,x,train\na.png,y,train\n", "labels.csv")
    message = r"csv:3: 'a.png' is already at .*labels.csv:2; keep one line, or set `target` to"
    with pytest.raises(ValueError, match=message):
        read_image_table(root, "train")


# Texts


def test_the_csv_sample_of_texts_is_read_exactly():
    examples = read_text_table(SAMPLES / "texts_csv", "val")
    assert examples[0] == TextExample(
        "Slow in the beginning, but it picks up pace later on.", "positive", "texts.csv:6"
    )
    sizes = [len(read_text_table(SAMPLES / "texts_csv", s)) for s in ("train", "test", "all")]
    assert sizes == [12, 6, 24]


def test_the_tsv_sample_has_a_file_per_split_and_other_columns():
    columns = TextColumns(text="review", label="verdict")
    examples = read_text_table(SAMPLES / "texts_tsv", "test", columns=columns)
    assert examples[0].text_id == "test-6"
    assert {example.label for example in examples} == {"positive", "negative"}


def test_the_jsonl_sample_holds_stars():
    examples = read_text_table(SAMPLES / "texts_jsonl", "train", target="number")
    assert [example.label for example in examples] == [5.0, 4.0]
    assert [e.label for e in read_text_table(SAMPLES / "texts_jsonl", "train")] == ["5", "4"]


def test_without_a_split_column_equal_texts_stay_together(root):
    rows = [f"Text {n} !,good\ntext {n},good\n" for n in range(50)]
    write(root, "text,label\n" + "".join(rows), "texts.csv")
    parts = [read_text_table(root, split) for split in ("train", "val", "test")]
    assert sum(map(len, parts)) == 100
    assert all(len(part) % 2 == 0 for part in parts)


def test_texts_of_several_lines_keep_them(root):
    write(root, 'text,label,split\n"One,\ntwo.",good,train\nThree.,bad,train\n', "texts.csv")
    first, second = read_text_table(root, "train")
    assert first.text == "One,\ntwo."
    assert second.text_id == "texts.csv:4"


def test_test_texts_may_lack_the_label(root):
    write(root, "text,label,split\nOne.,good,train\nTwo.,,test\n", "texts.csv")
    assert read_text_table(root, "test")[0].label is None


def test_a_test_table_of_texts_needs_no_labels(root):
    write(root, "text\nOne.\n", "test.tsv")
    assert read_text_table(root, "test") == [TextExample("One.", None, "test.tsv:2")]


def test_a_table_of_texts_is_read_without_labels_on_request(root):
    write(root, "text\nOne.\n", "train.csv")
    assert read_text_table(root, "train", columns=TextColumns(label="")) == [
        TextExample("One.", None, "train.csv:2")
    ]


def test_special_tokens_and_control_characters_are_plain_text(root):
    write(root, 'text,label,split\n"<pad> <bos>\x1b[31m",good,train\n', "texts.csv")
    assert read_text_table(root, "train")[0].text == "<pad> <bos>\x1b[31m"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": ""}, "texts.jsonl:1: the text is empty"),
        ({"text": 7}, "texts.jsonl:1: 'text' must be a text, got 7"),
        ({"text": "\ud800"}, r"the text holds U\+D800"),
        ({"text": "a" * 110_000}, "jsonl:1: the text has 110,000 characters, the limit is 100,000"),
        ({"label": ""}, "texts.jsonl:1: 'label' must be a label, got ''"),
        ({"label": [1]}, r"texts.jsonl:1: 'label' must be a label, got \[1\]"),
        ({"label": True}, "texts.jsonl:1: 'label' must be a label, got True"),
        ({"id": 1.5}, "'id' must be a number or a text, got 1.5"),
    ],
)
def test_a_wrong_text_is_named_by_line(root, record, message):
    row = {"text": "a", "label": "x", "split": "train"}
    write_rows(root, [{**row, **record}], "texts.jsonl")
    with pytest.raises(ValueError, match=message):
        read_text_table(root, "train")


def test_training_texts_need_a_column_of_labels(root):
    write(root, "text,split\nGood.,train\n", "texts.csv")
    with pytest.raises(ValueError, match=r"texts\.csv:2 has no 'label'; there is 'text', 'split'"):
        read_text_table(root, "train")


@pytest.mark.parametrize("value", ["good", "nan", "inf", "1,5"])
def test_a_label_that_is_no_number_is_refused(root, value):
    write(root, f'text,label,split\nOne.,4.5,train\nTwo.,"{value}",train\n', "texts.csv")
    with pytest.raises(ValueError, match=r"texts.csv:3: 'label' must be a number, got "):
        read_text_table(root, "train", target="number")


@pytest.mark.parametrize("name", ["questions", "texts"])
def test_an_id_that_is_used_twice_is_refused(root, name):
    kind = KINDS[name]
    rows = [{"id": number, **kind.row} for number in (7, 8, 7)]
    write_rows(root, rows, f"{kind.stem}.csv")
    message = rf"csv:4: the (question )?id '7' is already used at .*{kind.stem}\.csv:2; ids must"
    with pytest.raises(ValueError, match=message):
        kind.read(root, "train")


# Texts of a column


@pytest.mark.parametrize("value", [True, 1.5, None, {"a": 1}, ["a", None]])
def test_a_value_that_is_no_text_is_refused(value):
    row = Row("t.jsonl:1", {"text": value}, "val")
    with pytest.raises(ValueError, match=r"t\.jsonl:1: 'text' must be a text or a list of texts"):
        texts_in(row, "text", numbers=True)


def test_whole_numbers_are_texts_only_where_they_may_be():
    row = Row("t.jsonl:1", {"one": 2, "more": [1, "two"]}, "val")
    assert texts_in(row, "one", numbers=True) == ["2"]
    assert texts_in(row, "more", numbers=True) == ["1", "two"]
    with pytest.raises(ValueError, match=r"t\.jsonl:1: 'one' must be a text or a list of texts"):
        texts_in(row, "one")
