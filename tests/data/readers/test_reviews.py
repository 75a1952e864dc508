from pathlib import Path

from multimodal.data.readers.reviews import read_reviews

FEW = {"train": 6, "val": 2, "test": 3}


def test_every_split_has_its_number_of_different_reviews():
    parts = [read_reviews(Path(), split, **FEW) for split in FEW]
    assert [len(part) for part in parts] == list(FEW.values())
    assert len({example.text_id for part in parts for example in part}) == 11
    assert {example.label for example in parts[0]} <= {"positive", "negative"}
    assert read_reviews(Path(), "val", **FEW, seed=1) != parts[1]


def test_reviews_have_numbers_of_stars():
    examples = read_reviews(Path(), "train", **FEW, target="number")
    assert all(isinstance(example.label, float) for example in examples)
