from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.readers.delimited import Row, read_delimited

COLUMNS = ("image", "caption")


def write(folder: Path, text: str) -> Path:
    path = folder / "captions.csv"
    path.write_bytes(text.encode())
    return path


def read(folder: Path, text: str) -> list[Row]:
    return list(read_delimited(write(folder, text), ",", COLUMNS))


def test_quotes_hold_delimiters_quotes_and_line_ends(tmp_path):
    rows = read(tmp_path, 'image,caption\na.jpg,"A ""big"", red\ndog ."\nb.jpg,B\n')
    assert rows == [
        Row(2, {"image": "a.jpg", "caption": 'A "big", red\ndog .'}),
        Row(4, {"image": "b.jpg", "caption": "B"}),
    ]


def test_a_byte_order_mark_and_crlf_are_accepted(tmp_path):
    rows = read(tmp_path, "\ufeffimage,caption\r\na.jpg,A dog .\r\n\r\nb.jpg,B\r\n")
    assert [(row.line, row.values["caption"]) for row in rows] == [(2, "A dog ."), (4, "B")]


def test_columns_may_stand_in_any_order_and_with_others(tmp_path):
    rows = read(tmp_path, "caption , id,image\nA dog .,7,a.jpg\n")
    assert rows[0].values == {"caption": "A dog .", "id": "7", "image": "a.jpg"}


def test_a_quote_inside_a_plain_field_stays(tmp_path):
    assert read(tmp_path, 'image,caption\na.jpg,a 5" nail\n')[0].values["caption"] == 'a 5" nail'


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))))
def test_whatever_is_quoted_comes_back(tmp_path_factory, captions):
    quoted = ['a.jpg,"' + text.replace('"', '""') + '"' for text in captions]
    folder = tmp_path_factory.mktemp("csv")
    rows = read(folder, "\n".join(["image,caption", *quoted]) + "\n")
    assert [row.values["caption"] for row in rows] == captions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"captions\.csv:1: the file is empty; its first line must name the columns"),
        ("img,caption\n", r"captions\.csv:1 has no column 'image'; did you mean 'img'\?"),
        ("image,texts\n", r"captions\.csv:1 has no column 'caption'; there is 'image', 'texts'"),
        ("image,caption,image\n", r"captions\.csv:1 names the column 'image' twice; rename one"),
        ("image,caption\na.jpg,A dog, running\n", r"csv:2 has 3 fields, the header has 2; put"),
        ("image,caption\na.jpg,A\nb.jpg\n", r"captions\.csv:3 has 1 fields, the header has 2"),
        ('image,caption\na.jpg,A\nb.jpg,"B" c\n', r"csv:3 is malformed \(.*write a quote twice"),
        ('image,caption\na.jpg,"A\nb.jpg,B\n', r"captions\.csv:2 is malformed \(unexpected end"),
        ("image,caption\na.jpg," + "x" * 140_000, r"captions\.csv:2 is malformed \(field larger"),
    ],
)  # fmt: skip
def test_a_malformed_table_is_named_by_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)
