import json
import shutil
from pathlib import Path

import pytest

from multimodal.data.examples import CaptionExample, ImageFile
from multimodal.data.readers.table import read_table

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
TRAIN = {
    "red_square.png": ("A red square .", "One square, red and flat ."),
    "green_triangle.jpg": (
        "A green triangle on a black ground .",
        "Ein grünes Dreieck auf Schwarz .",
    ),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    shutil.copytree(SAMPLES / "csv" / "images", folder / "images")
    return folder


def write(root: Path, text: str, name: str = "captions.csv") -> Path:
    path = root / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_sample_with_a_split_column_is_read_exactly(kind):
    folder = SAMPLES / kind / "images"
    assert read_table(SAMPLES / kind, "train") == [
        CaptionExample(ImageFile(folder / name), captions, name) for name, captions in TRAIN.items()
    ]


def test_a_sample_with_a_file_per_split_and_an_archive_is_read_exactly():
    archive = SAMPLES / "tsv" / "images.zip"
    assert read_table(SAMPLES / "tsv", "train") == [
        CaptionExample(ImageFile(archive, f"shapes/{name}"), captions, name)
        for name, captions in TRAIN.items()
    ]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_every_format_keeps_quotes_and_has_every_split(kind):
    (val,) = read_table(SAMPLES / kind, "val")
    assert val.captions == ("A blue circle .", 'A round thing that some call "blue" .')
    assert read_table(SAMPLES / kind, "dev") == [val]
    assert [e.image_id for e in read_table(SAMPLES / kind, "test")] == ["yellow_star.png"]


def test_the_root_may_be_the_file_itself():
    by_file = read_table(SAMPLES / "csv" / "captions.csv", "train")
    assert by_file == read_table(SAMPLES / "csv", "train")


def test_file_images_and_columns_can_be_named(root):
    write(
        root,
        "path\tTEXT\tpart\nred_square.png\tA .\tdev\nyellow_star.png\tB .\ttrain\n",
        "mine.tsv",
    )
    (root / "images").rename(root / "shapes")
    found = read_table(
        root,
        "val",
        file="mine.tsv",
        images="shapes",
        image_column="path",
        caption_column="TEXT",
        split_column="part",
    )
    assert found == [
        CaptionExample(ImageFile(root / "shapes" / "red_square.png"), ("A .",), "red_square.png")
    ]


def test_without_a_split_column_a_hash_of_the_name_decides(root):
    shutil.copy(root / "images" / "yellow_star.png", root / "green_triangle.png")
    write(root, "image,caption\nred_square.png,A .\ngreen_triangle.png,B .\n")
    assert [example.image_id for example in read_table(root, "train")] == ["red_square.png"]
    assert [example.image_id for example in read_table(root, "val")] == ["green_triangle.png"]


def test_a_file_named_like_another_name_of_the_split_is_found(root):
    write(root, "image,caption\nred_square.png,A .\n", "valid.csv")
    assert len(read_table(root, "val")) == 1


def test_rows_of_one_image_are_merged_in_order(root):
    write(root, "image,caption,split\nred_square.png,A,train\nyellow_star.png,B,train\n"
                "images/red_square.png,C,train\n./red_square.png,D,train\n")  # fmt: skip
    found = {example.image_id: example.captions for example in read_table(root, "train")}
    assert found["red_square.png"] == ("A", "D")


def test_json_lines_may_hold_one_caption_or_a_list(root):
    records = [
        {"image": "red_square.png", "caption": "A", "split": "train"},
        {"image": "red_square.png", "caption": ["B", "C"], "split": "train"},
    ]
    write(root, "\n\n".join(map(json.dumps, records)) + "\n", "captions.jsonl")
    assert read_table(root, "train")[0].captions == ("A", "B", "C")


def test_a_byte_order_mark_crlf_and_other_languages_are_accepted(root):
    write(root, "\ufeffimage,caption,split\r\nred_square.png,一只红色的方块,train\r\n")
    assert read_table(root, "train")[0].captions == ("一只红色的方块",)


def test_a_caption_of_500_words_is_kept(root):
    write(root, f"image,caption,split\nred_square.png,{'word ' * 500},train\n")
    assert len(read_table(root, "train")[0].captions[0].split()) == 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("img,caption\n", r"captions\.csv:1 has no column 'image'; did you mean 'img'\?"),
        ("image,captoin\n", r"captions\.csv:1 has no column 'caption'; did you mean 'captoin'\?"),
        ("image,caption,split\nred_square.png, ,train\n", r"csv:2: the caption is empty; write"),
        ("image,caption,split\nred_square.png,A,trian\n", r"csv:2: the split must be .* 'train'\?"),
        ("image,caption,split\nred_square.png,A,\n", r"csv:2: the split must be .*, got ''"),
        ("image,caption,split\n../a.png,A,train\n", r"csv:2: the image '\.\./a\.png' lies outside"),
        ("image,caption,split\n/etc/a.png,A,train\n", r"csv:2: the image '/etc/a\.png' lies"),
        ("image,caption,split\n,A,train\n", r"csv:2: the image has no name"),
        ("image,caption\na.png,A, B\n", r"csv:2 has 3 fields, the header has 2"),
        ('image,caption\na.png,"A\n', r"csv:2 is malformed"),
        ("image,caption\na.png,A\0\n", r"csv:2 has a NUL byte"),
        ("image,caption,split\na.png,A,train\na.png,B,val\n", r"csv:3: 'a\.png' is in val here"),
        ("image,caption,split\na.png,A,val\n", r"has no image in the split train \(of 1 images\)"),
        ("image,caption\n", r"has no image in the split train \(of 0 images\)"),
        (f"image,caption,split\na.png,{'x' * 10_001},train\n", r"csv:2: the caption has 10,001"),
    ],
)  # fmt: skip
def test_a_malformed_table_is_named_by_line(root, text, message):
    write(root, text)
    with pytest.raises(ValueError, match=message):
        read_table(root, "train")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"image": "a.png", "caption": "A"'], r"jsonl:1:\d+ is not valid JSON"),
        (['{"image": "a.png", "caption": "A"}', "[1]"], r"jsonl:2 must be an object"),
        (['{"file": "a.png", "caption": "A"}'], r"jsonl:1 has no 'image'; there is 'file'"),
        (['{"image": "a.png", "captions": ["A"]}'], r"no 'caption'; did you mean 'captions'\?"),
        (['{"image": "a.png", "caption": []}'], r"jsonl:1: the image has no captions"),
        (
            ['{"image": "a.png", "caption": ["A", 7]}'],
            r"jsonl:1: 'caption' must be a text or a list",
        ),
        (['{"image": "a.png", "caption": null}'], r"jsonl:1: 'caption' must be a text or a list"),
        (['{"image": 7, "caption": "A"}'], r"jsonl:1: 'image' must be a text, got 7"),
        (['{"image": "a.png", "caption": "A\\u0000"}'], r"jsonl:1: the caption holds U\+0000"),
        (['{"image": "a.png", "caption": "\\ud83d"}'], r"jsonl:1: the caption holds U\+D83D"),
        (
            ['{"image": "a", "caption": "A", "split": "val"}', '{"image": "b", "caption": "B"}'],
            r"jsonl:2 has no 'split'",
        ),
        (
            ['{"image": "a", "caption": "A"}', '{"image": "b", "caption": "B", "split": "val"}'],
            r"jsonl:2 has a 'split', lines above have none",
        ),
    ],
)
def test_a_malformed_json_line_is_named(root, lines, message):
    write(root, "\n".join(lines), "captions.jsonl")
    with pytest.raises(ValueError, match=message):
        read_table(root, "train")


def test_a_split_column_that_was_asked_for_must_be_there(root):
    write(root, "image,caption\nred_square.png,A\n")
    with pytest.raises(ValueError, match=r"captions\.csv:1 has no column 'part'"):
        read_table(root, "train", split_column="part")


def test_bytes_that_are_not_utf8_are_named_by_line(root):
    (root / "captions.csv").write_bytes(b"image,caption\nred_square.png,na\xefve\n")
    with pytest.raises(ValueError, match=r"captions\.csv:2 is not UTF-8 \(byte 0xef\)"):
        read_table(root, "train")


def test_missing_pictures_are_counted_and_named(root):
    rows = "".join(f"{n}.png,A,train\n" for n in range(7))
    write(root, f"image,caption,split\nred_square.png,A,train\n{rows}")
    message = (
        r"captions\.csv names 7 images \(of 8\) that are not there: 0\.png, 1\.png, 2\.png \.\.\."
    )
    with pytest.raises(FileNotFoundError, match=message):
        read_table(root, "train")


def test_two_tables_must_be_told_apart(root):
    write(root, "")
    write(root, "", "captions.tsv")
    with pytest.raises(ValueError, match=r"several tables: captions\.csv, captions\.tsv.*`file`"):
        read_table(root, "train")


def test_a_file_of_another_kind_is_refused(root):
    with pytest.raises(ValueError, match=r"mine\.xlsx must end in \.csv, \.tsv or \.jsonl"):
        read_table(root, "train", file="mine.xlsx")
    with pytest.raises(ValueError, match=r"mine\.xlsx must end in"):
        read_table(write(root, "", "mine.xlsx"), "train")


def test_what_is_missing_is_said(root):
    with pytest.raises(FileNotFoundError, match=r"No folder .*none\. Put captions\.csv there"):
        read_table(root / "none", "train")
    with pytest.raises(FileNotFoundError, match=r"No file .*none\.csv"):
        read_table(root, "train", file="none.csv")
    with pytest.raises(
        FileNotFoundError, match=r"No captions\.csv or train\.csv .*there is no table"
    ):
        read_table(root, "train")
    write(root, "image,caption\n", "train.csv")
    with pytest.raises(
        FileNotFoundError, match=r"No captions\.csv or val\.csv .*there is train\.csv"
    ):
        read_table(root, "val")
