import json
import shutil
from pathlib import Path

import pytest

from multimodal.data.examples import ImageExample, ImageFile
from multimodal.data.readers.image_table import ImageColumns, read_image_table

SAMPLES = Path(__file__).parents[3] / "data" / "samples"


@pytest.fixture
def write(tmp_path):
    """Writes a table beside the pictures a.png to f.png."""
    for name in "abcdef":
        shutil.copy(SAMPLES / "folder/test/circle/orange.png", tmp_path / f"{name}.png")

    def write(text: str, name: str = "labels.csv") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path

    return write


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


def test_several_labels_stand_with_bars_or_on_several_lines_or_nowhere(write):
    root = write("image,label,split\na.png,x|y| x,train\nb.png,,train\na.png,z,train\n")
    first, second = read_image_table(root, "train", target="labels")
    assert first.label == ("x", "y", "z")
    assert second.label == ()


def test_test_rows_may_lack_the_label(write):
    root = write("image,label,split\na.png,x,train\nb.png,,test\n")
    assert read_image_table(root, "test")[0].label is None
    assert read_image_table(write("image\na.png\n", "test.tsv"), "test")[0].label is None


@pytest.mark.parametrize("target", ["label", "labels", "number"])
def test_a_test_file_needs_no_column_of_labels(write, target):
    root = write("image\na.png\n", "test.csv")
    assert read_image_table(root, "test", target=target)[0].label is None


def test_a_split_without_a_row_is_empty(write):
    assert read_image_table(write("image,label,split\na.png,x,train\n"), "val") == []


def test_whole_numbers_and_mixed_names_are_classes(write):
    assert read_image_table(write("image,label,split\na.png,3,train\nb.png,-1,train\n"), "train")
    assert read_image_table(write("image,label,split\na.png,1.5,train\nb.png,x,train\n"), "train")


@pytest.mark.parametrize("labels", [("0.5", "1.5"), ("1", "2.25"), ("7", "1.0e-2", "-.5")])
def test_labels_that_are_floats_are_refused(write, labels):
    rows = "".join(
        f"{name}.png,{label},train\n" for name, label in zip("abc", labels, strict=False)
    )
    root = write(f"image,label,split\n{rows}")
    with pytest.raises(
        ValueError, match=r"labels.csv:\d: the label .* is a number, and so are all"
    ):
        read_image_table(root, "train")
    assert read_image_table(root, "train", target="number")


def test_a_json_float_is_refused_as_a_class(write):
    root = write(json.dumps({"image": "a.png", "label": 0.5, "split": "train"}), "labels.jsonl")
    with pytest.raises(ValueError, match=r"labels.jsonl:1: the label '0.5' is a number"):
        read_image_table(root, "train")


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (
            "image,kind,split\na.png,x,val\n",
            "label",
            "has no column 'label', the columns are 'image', 'kin",
        ),
        ("picture,label\na.png,x\n", "label", "has no column 'image'"),
        ("image,label,split\na.png,,train\n", "label", "csv:2: 'label' must be a label, got ''"),
        ("image,label,split\na.png,x,train\n", "number", "csv:2: 'label' must be a number, got 'x"),
        ("image,label,split\na.png,nan,train\n", "number", "'label' must be a number, got 'nan'"),
        (
            "image,label,split\na.png,x,train\na.png,y,train\n",
            "label",
            r"labels.csv:3: 'a.png' already stands at .*labels.csv:2; keep one line, or set `targ",
        ),
        ("image,label,split\na.png,x,trian\n", "label", "split must be train, val or test, got"),
        ("image,label,split\n../x.png,x,train\n", "label", "lies outside .*; move it inside"),
    ],
)
def test_a_wrong_table_is_named_with_its_line(write, text, target, message):
    with pytest.raises(ValueError, match=message):
        read_image_table(write(text), "train", target=target)


@pytest.mark.parametrize(
    ("label", "target", "message"),
    [
        (True, "label", "'label' must be a label, got True"),
        (["x"], "label", r"'label' must be a label, got \['x'\]"),
        ([1.5], "labels", r"'label' must be names with | between them, or a list, got \[1.5\]"),
        (7, "labels", "'label' must be names with | between them, or a list, got 7"),
        (10**400, "number", "'label' must be a number, got 1000"),
    ],
)
def test_a_wrong_record_is_named_with_its_line(write, label, target, message):
    record = {"image": "a.png", "label": label, "split": "train"}
    with pytest.raises(ValueError, match=message):
        read_image_table(write(json.dumps(record), "labels.jsonl"), "train", target=target)


def test_pictures_that_are_not_there_are_named_or_skipped(write):
    root = write("image,label,split\na.png,x,train\nzz.png,y,train\n")
    with pytest.raises(FileNotFoundError, match=r"names 1 images \(of 2\) that are not there: zz"):
        read_image_table(root, "train")
    assert len(read_image_table(root, "train", skip_missing=True)) == 1


def test_a_folder_without_a_table_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No labels.csv or train.csv .*Put labels.csv the"):
        read_image_table(tmp_path, "train")
