import json
from pathlib import Path

import pytest

from multimodal.data.readers.table_files import Table, TableRow, find_table, read_rows, texts_in


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def rows(root: Path, text: str, name: str = "t.csv", split: str = "", **columns: str):
    (root / name).write_bytes(text.encode())
    chosen = {"image_column": "image", "split_column": "split", **columns}
    return list(read_rows(Table(root / name, root, split), ["text"], **chosen))


def test_a_table_with_all_splits_comes_before_one_of_the_split(root):
    for name in ("things.tsv", "val.csv"):
        (root / name).touch()
    assert find_table(root, "val", "things") == Table(root / "things.tsv", root)
    assert find_table(root, "val", "others") == Table(root / "val.csv", root, "val")


def test_a_table_may_be_named(root):
    (root / "mine.csv").touch()
    assert find_table(root, "val", "things", file="mine.csv") == Table(root / "mine.csv", root)
    assert find_table(root / "mine.csv", "val", "things") == Table(root / "mine.csv", root)


def test_what_is_missing_is_said(root):
    with pytest.raises(FileNotFoundError, match=r"No folder .*none\. Put it there\."):
        find_table(root / "none", "val", "things", content="Put it there.")
    with pytest.raises(FileNotFoundError, match=r"No things\.csv or val\.csv .* there is no table"):
        find_table(root, "val", "things")


def test_two_tables_must_be_told_apart(root):
    for name in ("things.csv", "things.jsonl"):
        (root / name).touch()
    with pytest.raises(ValueError, match=r"several tables: things\.csv, things\.jsonl\. Name one"):
        find_table(root, "val", "things")


def test_a_file_of_another_kind_is_refused(root):
    with pytest.raises(ValueError, match=r"mine\.xlsx must end in \.csv, \.tsv or \.jsonl"):
        find_table(root, "val", "things", file="mine.xlsx")


def test_rows_know_their_line_image_and_split(root):
    text = "image,text,split\n./a.png,A,dev\n\nb.png,B,train\n"
    (first, second) = rows(root, text)
    assert first == TableRow(
        f"{root / 't.csv'}:2", "a.png", "val", {"image": "./a.png", "text": "A", "split": "dev"}
    )
    assert (second.where, second.split) == (f"{root / 't.csv'}:4", "train")


def test_the_split_of_the_table_comes_before_the_hash(root):
    text = "image,text\nred_square.png,A\ngreen_triangle.png,B\n"
    assert [row.split for row in rows(root, text)] == ["train", "val"]
    assert [row.split for row in rows(root, text, split="test")] == ["test", "test"]


def test_json_lines_are_rows_too(root):
    text = json.dumps({"image": "a.png", "text": ["A", "B"], "split": "val"}) + "\n"
    (row,) = rows(root, text, "t.jsonl")
    assert (row.image, row.split, texts_in(row, "text")) == ("a.png", "val", ["A", "B"])


def test_whole_numbers_are_texts_where_that_is_said():
    row = TableRow("t.jsonl:1", "a.png", "val", {"one": 2, "more": [1, "two"]})
    assert texts_in(row, "one", numbers=True) == ["2"]
    assert texts_in(row, "more", numbers=True) == ["1", "two"]
    with pytest.raises(ValueError, match=r"t\.jsonl:1: 'one' must be a text or a list of texts"):
        texts_in(row, "one")


@pytest.mark.parametrize("value", [True, 1.5, None, {"a": 1}, ["a", None]])
def test_what_is_no_text_is_refused(value):
    row = TableRow("t.jsonl:1", "a.png", "val", {"text": value})
    with pytest.raises(ValueError, match=r"t\.jsonl:1: 'text' must be a text or a list of texts"):
        texts_in(row, "text", numbers=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,txt\n", r"t\.csv:1 has no column 'text'; did you mean 'txt'\?"),
        ("image,text,split\na.png,A,x\n", r"t\.csv:2: the split must be train, val or test"),
        ("image,text,split\na.png,A,val\na.png,B,train\n", r"t\.csv:3: 'a\.png' is in train here"),
        ("image,text\n../a.png,A\n", r"t\.csv:2: the image '\.\./a\.png' lies outside"),
    ],
)
def test_a_malformed_table_is_named_by_line(root, text, message):
    with pytest.raises(ValueError, match=message):
        rows(root, text)


def test_a_split_column_that_was_asked_for_must_be_there(root):
    with pytest.raises(ValueError, match=r"t\.csv:1 has no column 'part'"):
        rows(root, "image,text\na.png,A\n", split_column="part")
    with pytest.raises(ValueError, match=r"t\.jsonl:1 has no 'part'"):
        rows(root, '{"image": "a.png", "text": "A"}', "t.jsonl", split_column="part")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["[1]"], r"t\.jsonl:1 must be an object"),
        (['{"image": 7, "text": "A"}'], r"t\.jsonl:1: 'image' must be a text, got 7"),
        (
            ['{"image": "a", "text": "A"}', '{"image": "b", "text": "B", "split": "val"}'],
            r"t\.jsonl:2 has a 'split', lines above have none; give all one",
        ),
    ],
)
def test_a_malformed_json_line_is_named(root, lines, message):
    with pytest.raises(ValueError, match=message):
        rows(root, "\n".join(lines), "t.jsonl")
