import shutil
from collections import Counter
from itertools import chain
from pathlib import Path
from zipfile import ZipFile

import pytest
from samples import SAMPLES

from multimodal.data.examples import TextExample
from multimodal.data.readers.nltk_corpora import (
    read_movie_reviews,
    read_sentence_polarity,
    read_subjectivity,
)

SAMPLE = SAMPLES / "nltk_data"
READERS = {
    "sentence_polarity": read_sentence_polarity,
    "movie_reviews": read_movie_reviews,
    "subjectivity": read_subjectivity,
}


def test_sentence_polarity_is_read_exactly():
    examples = read_sentence_polarity(SAMPLE, "all")
    assert examples[1] == TextExample("not one joke that lands .", "negative", "rt-polarity.neg:2")
    assert examples[12] == TextExample("a warm and funny film .", "positive", "rt-polarity.pos:1")
    assert Counter(e.label for e in examples) == {"negative": 12, "positive": 12}


def test_movie_reviews_are_read_exactly():
    examples = read_movie_reviews(SAMPLE, "all")
    assert [e.text_id for e in examples[2:4]] == ["neg/cv002_3.txt", "pos/cv000_1.txt"]
    assert examples[3].text.startswith("a warm and funny film . \nnot a dull minute in it .")
    assert examples[3].label == "positive"


def test_subjectivity_is_read_exactly():
    examples = read_subjectivity(SAMPLE, "all")
    assert Counter(e.label for e in examples) == {"objective": 6, "subjective": 6}
    assert examples[0].text_id == "plot.tok.gt9.5000:1"


@pytest.mark.parametrize("reader", READERS.values())
def test_a_hash_of_the_text_makes_the_splits(reader):
    parts = [reader(SAMPLE, split) for split in ("train", "dev", "test")]
    assert sorted(chain.from_iterable(parts), key=lambda e: e.text_id) == sorted(
        reader(SAMPLE, "all"), key=lambda e: e.text_id
    )
    assert len(parts[0]) > len(parts[1]) + len(parts[2])


@pytest.mark.parametrize("name", READERS)
def test_packed_and_unpacked_corpora_are_read_from_every_root(name, tmp_path):
    wanted = READERS[name](SAMPLE, "all")
    corpora = SAMPLE / "corpora"
    folder = tmp_path / "unpacked" / name
    if (corpora / name).is_dir():
        shutil.copytree(corpora / name, folder)
        archive = Path(shutil.make_archive(str(tmp_path / name), "zip", corpora, name))
    else:
        archive = corpora / f"{name}.zip"
        with ZipFile(archive) as packed:
            packed.extractall(tmp_path / "unpacked")
    for root in (corpora, archive, folder, folder.parent):
        assert READERS[name](root, "all") == wanted


def test_a_corpus_without_its_files_is_named(tmp_path):
    (tmp_path / "sentence_polarity").mkdir()
    (tmp_path / "movie_reviews").mkdir()
    with pytest.raises(FileNotFoundError, match=r"No file rt-polarity\.neg in "):
        read_sentence_polarity(tmp_path, "all")
    with pytest.raises(FileNotFoundError, match=r"No reviews neg/\*\.txt and pos/\*\.txt in "):
        read_movie_reviews(tmp_path, "all")


def test_a_line_that_is_not_utf8_is_named(tmp_path):
    folder = tmp_path / "sentence_polarity"
    folder.mkdir()
    (folder / "rt-polarity.neg").write_bytes(b"fine .\nna\xefve .\n")
    with pytest.raises(ValueError, match=r"rt-polarity.neg:2 is not UTF-8 \(byte 0xef\)"):
        read_sentence_polarity(tmp_path, "all")


@pytest.mark.data
def test_the_real_corpora_have_all_their_texts(data_folder):
    root = data_folder / "nltk_data"
    number = {"sentence_polarity": 10_662, "movie_reviews": 2_000, "subjectivity": 10_000}
    for name, reader in READERS.items():
        examples = reader(root, "all")
        counts = Counter(example.label for example in examples)
        assert set(counts.values()) == {number[name] // 2}
        assert len({example.text_id for example in examples}) == number[name]
