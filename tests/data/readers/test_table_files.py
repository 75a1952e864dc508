from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.readers.table_files import Row, Table, find_table, read_delimited, read_rows


def write(folder: Path, text: str, name: str) -> Path:
    (folder / name).write_bytes(text.encode())
    return folder / name


def test_a_table_with_all_splits_comes_before_one_of_the_split(tmp_path):
    write(tmp_path, "", "captions.tsv")
    write(tmp_path, "", "val.csv")
    assert find_table(tmp_path, "val", "captions") == Table(tmp_path / "captions.tsv", tmp_path)
    assert find_table(tmp_path, "val", "texts") == Table(tmp_path / "val.csv", tmp_path, "val")


def test_rows_have_their_line_and_split(tmp_path):
    path = write(tmp_path, "text,split\nA,dev\n\nB,train\n", "t.csv")
    assert list(read_rows(Table(path, tmp_path), ["text"], "split")) == [
        Row(f"{path}:2", {"text": "A", "split": "dev"}, "val"),
        Row(f"{path}:4", {"text": "B", "split": "train"}, "train"),
    ]
    named = read_rows(Table(path, tmp_path, "test"), ["text"], "split")
    assert {row.split for row in named} == {"test"}


def read(folder: Path, text: str) -> list[tuple[int, dict[str, str]]]:
    path = write(folder, text, "captions.csv")
    return list(read_delimited(path, ",", ("image", "caption")))


def test_quotes_hold_delimiters_quotes_and_line_ends(tmp_path):
    assert read(tmp_path, 'image,caption\na.jpg,"A ""big"", red\ndog ."\nb.jpg,B\n') == [
        (2, {"image": "a.jpg", "caption": 'A "big", red\ndog .'}),
        (4, {"image": "b.jpg", "caption": "B"}),
    ]


def test_columns_may_come_in_any_order_and_with_others(tmp_path):
    ((_, values),) = read(tmp_path, "caption , id,image\nA dog .,7,a.jpg\n")
    assert values == {"caption": "A dog .", "id": "7", "image": "a.jpg"}


def test_a_quote_inside_a_plain_field_stays(tmp_path):
    ((_, values),) = read(tmp_path, 'image,caption\na.jpg,a 5" nail\n')
    assert values["caption"] == 'a 5" nail'


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))))
def test_every_quoted_text_is_read_back(tmp_path_factory, captions):
    quoted = ['a.jpg,"' + text.replace('"', '""') + '"' for text in captions]
    folder = tmp_path_factory.mktemp("csv")
    rows = read(folder, "\n".join(["image,caption", *quoted]) + "\n")
    assert [values["caption"] for _, values in rows] == captions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,texts\n", r"captions\.csv:1 has no column 'caption'; there is 'image', 'texts'"),
        ("image,caption,image\n", r"captions\.csv:1 names the column 'image' twice; rename one"),
        ("image,caption\na.jpg,A dog, running\n", r"csv:2 has 3 fields, the header has 2; put"),
        ('image,caption\na.jpg,A\nb.jpg,"B" c\n', r"csv:3 is malformed \(.*write a quote twice"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)
