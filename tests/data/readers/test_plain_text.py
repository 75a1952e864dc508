from zipfile import ZipFile

import pytest
from samples import SAMPLES

from multimodal.data.examples import TextExample
from multimodal.data.readers.plain_text import read_plain_text

SAMPLE = SAMPLES / "verse.txt"
PROSE = "\n\n".join(f"Paragraph {n}\nof ten words or so, no more than that ." for n in range(40))


def test_a_blank_line_ends_a_text():
    examples = read_plain_text(SAMPLE, "all")
    assert len(examples) == 3
    assert examples[1] == TextExample(
        "A state goes in, a state comes out,\nand what it keeps is full of doubt.",
        None,
        "verse.txt:4",
    )


def test_the_end_of_all_text_is_kept_from_training(tmp_path):
    (tmp_path / "book.txt").write_text(PROSE)
    parts = [read_plain_text(tmp_path, split) for split in ("train", "val", "test")]
    assert [len(part) for part in parts] == [36, 2, 2]
    assert [*parts[0], *parts[1], *parts[2]] == read_plain_text(tmp_path, "all")


def test_few_long_texts_are_split_at_lines(tmp_path):
    lines = [f"line {n:02}" for n in range(40)]
    (tmp_path / "poem.txt").write_text("\n".join(lines))
    parts = [read_plain_text(tmp_path / "poem.txt", split) for split in ("train", "val", "test")]
    assert [len(part) for part in parts] == [1, 1, 1]
    assert "\n".join(part[0].text for part in parts) == "\n".join(lines)
    assert parts[1][0].text_id == "poem.txt:37"


def test_files_called_like_the_splits_are_the_splits(tmp_path):
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.txt").write_text(f"all of {name}\n")
    assert [read_plain_text(tmp_path, s)[0].text for s in ("train", "val", "test")] == [
        "all of train", "all of dev", "all of test",
    ]  # fmt: skip


def test_an_archive_is_read_in_place(tmp_path):
    with ZipFile(tmp_path / "books.zip", "w") as archive:
        archive.writestr("books/a.txt", "one\r\n\r\ntwo\r\n")
        archive.writestr("books/cover.jpg", b"\xff\xd8")
    assert [e.text for e in read_plain_text(tmp_path / "books.zip", "all")] == ["one", "two"]


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(ValueError, match="has no text in the split train; is the file empty"):
        read_plain_text(tmp_path, "train")
