from collections import Counter
from zipfile import ZipFile

import pytest
from samples import SAMPLES

from multimodal.data.examples import TextExample
from multimodal.data.readers.imdb import read_imdb


@pytest.mark.parametrize("root", ["imdb", "imdb_zip", "imdb_zip/aclImdb.zip"])
def test_the_sample_is_read_exactly_packed_or_not(root):
    examples = read_imdb(SAMPLES / root, "train")
    assert [e.text_id for e in examples] == [
        "train/neg/0_2.txt", "train/neg/1_3.txt", "train/pos/0_8.txt", "train/pos/1_9.txt",
    ]  # fmt: skip
    assert examples[2] == TextExample(
        "Slow in the beginning, but it picks up pace later on. The last scene is a marvel.",
        "positive",
        "train/pos/0_8.txt",
    )


def test_folders_above_do_not_matter(tmp_path):
    path = tmp_path / "data" / "aclImdb" / "test" / "pos" / "7_10.txt"
    path.parent.mkdir(parents=True)
    path.write_text("Fine.")
    assert read_imdb(tmp_path, "test") == [TextExample("Fine.", "positive", "test/pos/7_10.txt")]


def test_stars_can_be_the_target():
    labels = [e.label for e in read_imdb(SAMPLES / "imdb", "test", target="number")]
    assert labels == [2.0, 3.0, 8.0, 9.0]


def test_reviews_without_labels_are_read_on_request():
    examples = read_imdb(SAMPLES / "imdb", "train", target="number", unlabelled=True)
    assert Counter(e.label for e in examples)[None] == 2


def test_an_empty_review_is_named(tmp_path):
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train/neg/3_1.txt", "<br />")
    with pytest.raises(ValueError, match=r"a.zip/train/neg/3_1.txt: the text is empty"):
        read_imdb(tmp_path, "train")


@pytest.mark.data
def test_the_real_archive_is_read_in_place(data_folder):
    examples = read_imdb(data_folder / "imdb", "train")
    assert Counter(e.label for e in examples) == {"positive": 2_500, "negative": 2_500}
    assert not any("<br" in e.text for e in examples)
