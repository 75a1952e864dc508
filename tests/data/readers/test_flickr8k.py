import logging
import shutil
from pathlib import Path

import pytest
from samples import SAMPLES, pack

from multimodal.data.examples import CaptionExample, ImageFile
from multimodal.data.readers.flickr8k import photo_id, read_flickr8k

SAMPLE = SAMPLES / "flickr8k"
LISTS = {"train": "trainImages", "val": "devImages", "test": "testImages"}


@pytest.fixture
def tokens(root: Path) -> Path:
    return root / "Flickr8k_text" / "Flickr8k.token.txt"


def test_the_sample_is_read_exactly():
    folder = SAMPLE / "Flicker8k_Dataset"
    assert read_flickr8k(SAMPLE, "train") == [
        CaptionExample(
            ImageFile(folder / "1001_c0de.png"),
            ("A red square .", "One square, red and flat ."),
            1001,
        ),
        CaptionExample(
            ImageFile(folder / "1002_c0de.jpg"),
            ("A green triangle on a black ground .", "Ein grünes Dreieck auf Schwarz ."),
            1002,
        ),
    ]


@pytest.mark.parametrize(("split", "numbers"), [("val", [1004]), ("dev", [1004]), ("test", [1003])])
def test_each_split_has_its_list(split, numbers):
    assert [e.image_id for e in read_flickr8k(SAMPLE, split)] == numbers


@pytest.mark.parametrize(
    ("split", "numbers"), [("train", [2000, 2002]), ("val", [2001]), ("test", [2008])]
)
def test_captions_txt_without_lists_is_split_by_a_hash(split, numbers, caplog):
    with caplog.at_level(logging.INFO):
        examples = read_flickr8k(SAMPLES / "flickr8k_csv", split)
    assert [example.image_id for example in examples] == numbers
    assert examples[0].image.path.parent.name == "Images"
    assert "splitting by a hash of the names" in caplog.text


def test_captions_txt_with_lists_is_split_by_them(root, tokens):
    before = read_flickr8k(root, "train")
    rows = [line.replace("\t", ",", 1) for line in tokens.read_text("utf-8").splitlines()]
    quoted = [
        f'{row.split("#")[0]},"{row.split(",", 1)[1]}"'.replace('"blue"', '""blue""')
        for row in rows
    ]
    tokens.unlink()
    (root / "captions.txt").write_text("\n".join(["image,caption", *quoted]), "utf-8")
    assert read_flickr8k(root, "train") == before
    assert len(read_flickr8k(root, "test")) == 1


def test_texts_may_be_beside_the_photos(root):
    before = read_flickr8k(root, "train")
    for path in (root / "Flickr8k_text").iterdir():
        path.rename(root / path.name)
    assert read_flickr8k(root, "train") == before


def test_photos_may_be_in_zip_archives(root):
    folder = root / "Flicker8k_Dataset"
    archive = pack(folder, root / "photos.zip")
    image = read_flickr8k(root, "val")[0].image
    assert image == ImageFile(archive, "Flicker8k_Dataset/1004_c0de.png")


def test_photos_may_be_in_another_folder(root, tmp_path):
    (root / "Flicker8k_Dataset").rename(tmp_path / "elsewhere")
    examples = read_flickr8k(root, "val", images="../elsewhere")
    assert examples[0].image.path.resolve() == tmp_path / "elsewhere" / "1004_c0de.png"


def test_blank_lines_are_ignored(root, tokens):
    before = read_flickr8k(root, "train")
    for path in tokens.parent.iterdir():
        path.write_bytes(path.read_bytes() + b"\n")
    assert read_flickr8k(root, "train") == before


def test_a_photo_listed_twice_is_read_once(root):
    path = root / "Flickr8k_text" / "Flickr_8k.devImages.txt"
    path.write_text(path.read_text() * 2)
    assert len(read_flickr8k(root, "val")) == 1


def test_photos_outside_the_splits_may_be_missing(root, tokens):
    with tokens.open("a") as file:
        file.write("2258277193_586949ec62.jpg.1#0\tPeople waiting .\n")  # as in the original file
    assert len(read_flickr8k(root, "train")) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "1001_c0de.png#0 A dog .",
            r"token\.txt:9 must read NAME#NUMBER, a tab and a caption, got",
        ),
        ("1001_c0de.png\tA dog .", r"token\.txt:9 must read NAME#NUMBER"),
        ("1001_c0de.png#2\t  ", r"token\.txt:9: the caption is empty"),
        ("../dog.png#0\tA dog .", r"token\.txt:9: the image '\.\./dog\.png' lies outside"),
        ("#0\tA dog .", r"token\.txt:9: the image has no name"),
        ("a.png#0\t" + "x" * 10_001, r"token\.txt:9: the caption has 10,001 characters"),
    ],
)
def test_a_malformed_line_is_named(root, tokens, line, message):
    with tokens.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=message):
        read_flickr8k(root, "train")


def test_a_malformed_row_of_captions_txt_is_named(tmp_path):
    root = Path(shutil.copytree(SAMPLES / "flickr8k_csv", tmp_path / "set"))
    with (root / "captions.txt").open("a") as file:
        file.write("2000_c0de.png,A dog, running .\n")
    with pytest.raises(ValueError, match=r"captions\.txt:10 has 3 fields, the header has 2"):
        read_flickr8k(root, "train")


def test_listed_photos_without_captions_are_named(root, tokens):
    lines = tokens.read_text("utf-8").splitlines(keepends=True)
    tokens.write_text("".join(line for line in lines if "1002" not in line), "utf-8")
    message = r"trainImages\.txt lists 1 images without captions in Flickr8k\.token\.txt: 1002_c0de"
    with pytest.raises(ValueError, match=message):
        read_flickr8k(root, "train")


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_missing_list_is_named_with_the_present_ones(root, split):
    name = f"Flickr_8k.{LISTS[split]}.txt"
    (root / "Flickr8k_text" / name).unlink()
    with pytest.raises(
        FileNotFoundError, match=rf"No {name} in .*no {split} split; there is Flickr_8k"
    ):
        read_flickr8k(root, split)


def test_a_photo_in_two_lists_is_named(root):
    path = root / "Flickr8k_text" / "Flickr_8k.testImages.txt"
    path.write_text("1003_c0de.png\n1001_c0de.png\n")
    message = r"trainImages\.txt and Flickr_8k\.testImages\.txt both list 1 images: 1001_c0de"
    with pytest.raises(ValueError, match=message):
        read_flickr8k(root, "train")


def test_a_split_that_a_hash_leaves_empty_is_named(tmp_path):
    root = Path(shutil.copytree(SAMPLES / "flickr8k_csv", tmp_path / "set"))
    (root / "captions.txt").write_text("image,caption\n2000_c0de.png,A red square .\n")
    message = r"puts none of its 1 images into val; add Flickr_8k\.devImages\.txt"
    with pytest.raises(ValueError, match=message):
        read_flickr8k(root, "val")


def test_an_id_is_the_photos_number_on_flickr():
    assert photo_id("1000268201_693b08cb0e.jpg") == 1000268201
    assert photo_id("dog_1.jpg") == "dog_1.jpg"


@pytest.mark.data
@pytest.mark.parametrize(("split", "images"), [("train", 6000), ("dev", 1000)])
def test_flickr8k_has_its_photos_and_captions(data_folder, split, images):
    examples = read_flickr8k(data_folder / "flickr8k", split)
    assert len(examples) == images
    assert {len(example.captions) for example in examples} == {5}
    assert len({example.image_id for example in examples}) == images


@pytest.mark.data
def test_flickr8k_reads_the_same_from_both_of_its_files(data_folder, tmp_path):
    original = data_folder / "flickr8k"
    for path in (*original.glob("*.zip"), *(original / "Flickr8k_text").iterdir()):
        if path.name != "Flickr8k.token.txt":
            (tmp_path / path.name).symlink_to(path)
    examples = read_flickr8k(tmp_path, "dev")
    assert [e.captions for e in examples] == [e.captions for e in read_flickr8k(original, "dev")]


@pytest.mark.data
def test_the_missing_list_of_test_photos_is_named(data_folder):
    with pytest.raises(FileNotFoundError, match=r"No Flickr_8k\.testImages\.txt"):
        read_flickr8k(data_folder / "flickr8k", "test")
