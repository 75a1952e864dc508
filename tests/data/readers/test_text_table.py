import json
from pathlib import Path

import pytest

from multimodal.data.examples import TextExample
from multimodal.data.readers.text_table import TextColumns, read_text_table

SAMPLES = Path(__file__).parents[3] / "data" / "samples"


@pytest.fixture
def write(tmp_path):
    def write(text: str | bytes, name: str = "texts.csv") -> Path:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return write


def test_the_csv_sample_is_read_exactly():
    examples = read_text_table(SAMPLES / "texts_csv", "val")
    assert examples[0] == TextExample(
        "Slow in the beginning, but it picks up pace later on.", "positive", "texts.csv:6"
    )
    assert [len(read_text_table(SAMPLES / "texts_csv", s)) for s in ("train", "test", "all")] == [
        12, 6, 24,
    ]  # fmt: skip


def test_the_tsv_sample_has_a_file_per_split_and_names_of_its_own():
    columns = TextColumns(text="review", label="verdict")
    examples = read_text_table(SAMPLES / "texts_tsv", "test", columns=columns)
    assert examples[0].text_id == "test-6"
    assert {example.label for example in examples} == {"positive", "negative"}


def test_the_jsonl_sample_holds_stars():
    examples = read_text_table(SAMPLES / "texts_jsonl", "train", target="number")
    assert [example.label for example in examples] == [5.0, 4.0]
    assert [e.label for e in read_text_table(SAMPLES / "texts_jsonl", "train")] == ["5", "4"]


def test_without_a_split_column_texts_that_are_alike_stay_together(write):
    rows = [f"Text {n} !,good\ntext {n},good\n" for n in range(50)]
    root = write("text,label\n" + "".join(rows))
    parts = [read_text_table(root, split) for split in ("train", "val", "test")]
    assert sum(map(len, parts)) == 100
    assert all(len(part) % 2 == 0 for part in parts)


def test_texts_of_several_lines_keep_them(write):
    root = write('text,label,split\n"One,\ntwo.",good,train\nThree.,bad,train\n')
    first, second = read_text_table(root, "train")
    assert first.text == "One,\ntwo."
    assert second.text_id == "texts.csv:4"


def test_test_rows_may_lack_the_label(write):
    root = write("text,label,split\nOne.,good,train\nTwo.,,test\n")
    assert read_text_table(root, "test")[0].label is None


def test_a_test_file_needs_no_column_of_labels(write):
    root = write("text\nOne.\n", "test.tsv")
    assert read_text_table(root, "test") == [TextExample("One.", None, "test.tsv:2")]


def test_a_table_without_labels_is_read_where_none_are_wanted(write):
    root = write("text\nOne.\n", "train.csv")
    assert read_text_table(root, "train", columns=TextColumns(label="")) == [
        TextExample("One.", None, "train.csv:2")
    ]


def test_special_tokens_and_control_characters_are_plain_text(write):
    root = write('text,label,split\n"<pad> <bos>\x1b[31m",good,train\n')
    assert read_text_table(root, "train")[0].text == "<pad> <bos>\x1b[31m"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "review,stars\nGood.,5\n",
            r"texts.csv:2 has no column 'text', the columns are 'review', 'stars'\.",
        ),
        (
            "txt,label\nGood.,5\n",
            r"no column 'text', the columns are 'txt', 'label'; did you mean 'txt'\?",
        ),
        ("text,split\nGood.,train\n", "texts.csv:2 has no column 'label', the columns are 'text'"),
        ("text,label\n,good\n", "texts.csv:2: the text is empty"),
        ("text,label,split\nGood.,,train\n", "texts.csv:2: 'label' must be a label, got ''"),
        ("text,label,split\nGood.,a,trian\n", "split must be train, val or test, got 'trian'"),
        ("text,label\n", "texts.csv has no text in the split train \\(of 0 texts\\)"),
        ("text,label,id\na,x,7\nb,x,7\n", "texts.csv:3: the id '7' already stands at .*csv:2"),
        (b"text,label\nGood.,a\nna\xefve,b\n", r"texts.csv:3 is not UTF-8 \(byte 0xef\)"),
        (b"text,label\nGood.\0,a\n", "texts.csv:2 has a NUL byte"),
        ("text,label\n" + "a" * 1_000_000 + ",x\n", "field larger than field limit .*shorten the"),
        ("text,label\n" + "a" * 110_000 + ",x\n", "csv:2: the text has 110,000 characters, the li"),
    ],
)
def test_a_wrong_table_is_named_with_its_line(write, text, message):
    with pytest.raises(ValueError, match=message):
        read_text_table(write(text), "train")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": 7, "label": "a"}, "texts.jsonl:1: 'text' must be a text, got 7"),
        ({"text": "a", "label": [1]}, r"texts.jsonl:1: 'label' must be a label, got \[1\]"),
        ({"text": "a", "label": True}, "texts.jsonl:1: 'label' must be a label, got True"),
        ({"text": "a", "label": "x", "id": 1.5}, "'id' must be a number or a text, got 1.5"),
        ({"text": "\ud800", "label": "x"}, r"the text holds U\+D800"),
        ({"text": "a" * 1_000_000, "label": "x"}, "jsonl:1: the text has 1,000,000 characters"),
    ],
)
def test_a_wrong_record_is_named_with_its_line(write, record, message):
    with pytest.raises(ValueError, match=message):
        read_text_table(write(json.dumps(record), "texts.jsonl"), "train")


@pytest.mark.parametrize("value", ["good", "nan", "inf", "1,5"])
def test_what_is_no_number_is_refused_where_numbers_are_wanted(write, value):
    root = write(f'text,label,split\nOne.,4.5,train\nTwo.,"{value}",train\n')
    with pytest.raises(ValueError, match=r"texts.csv:3: 'label' must be a number, got "):
        read_text_table(root, "train", target="number")


def test_a_split_column_of_another_name_must_be_there(write):
    with pytest.raises(ValueError, match="has no column 'part', the columns are 'text', 'label'"):
        read_text_table(write("text,label\na,b\n"), "train", columns=TextColumns(split="part"))


def test_a_folder_without_a_table_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No texts.csv or train.csv .*Put texts.csv there"):
        read_text_table(tmp_path, "train")
