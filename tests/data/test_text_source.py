from pathlib import Path

import pytest

from multimodal.data.text_source import TextSource

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
FEW = {"train": 6, "val": 2, "test": 3}


@pytest.mark.parametrize(
    ("format_", "sample", "number"),
    [
        ("polarity", "nltk_data", 24),
        ("movie_reviews", "nltk_data", 6),
        ("subjectivity", "nltk_data", 12),
        ("imdb", "imdb", 4),
        ("sst", "sst", 7),
        ("table", "texts_csv", 24),
        ("text", "verse.txt", 3),
    ],
)
def test_all_of_every_format_is_read(format_, sample, number):
    source = TextSource(format_, str(SAMPLES / sample))
    assert len(source.read("all")) == number


def test_built_in_reviews_need_no_root():
    source = TextSource(options=FEW)
    assert [len(source.read(split)) for split in ("train", "val", "test", "all")] == [6, 2, 3, 11]
    assert {example.label for example in source.read("train")} <= {"positive", "negative"}
    assert TextSource(options=FEW, seed=1).read("val") != source.read("val")


def test_settings_of_a_format_reach_its_reader():
    imdb = TextSource("imdb", str(SAMPLES / "imdb"), {"unlabelled": True})
    assert [example.label for example in imdb.read("train")][-1] is None
    sst = TextSource("sst", str(SAMPLES / "sst"), {"classes": 5, "phrases": True})
    assert len(sst.read("train")) > 4
    options = {"file": "val.tsv", "columns": {"text": "review", "label": "verdict"}}
    table = TextSource("table", str(SAMPLES / "texts_tsv"), options)
    assert len(table.read("all")) == 6


@pytest.mark.parametrize("format_", ["polarity", "imdb", "table", "reviews"])
def test_folds_are_made_of_what_may_be_learned_from(format_):
    root = {"polarity": "nltk_data", "table": "texts_csv"}.get(format_, format_)
    options = FEW if format_ == "reviews" else None
    source = TextSource(format_, str(SAMPLES / root), options, folds=2, fold=1)
    train, test = source.read("train"), source.read("test")
    assert len(train) == len(test)
    assert len(train) + len(test) == {"imdb": 4, "reviews": 6}.get(format_, 24)


def test_folds_leave_no_val():
    with pytest.raises(ValueError, match="`folds` leave no val: set `holdout`"):
        TextSource(options=FEW, folds=2).read("val")
