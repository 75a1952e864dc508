from pathlib import Path

import pytest

from multimodal.data.readers.scenes import (
    read_scene_captions,
    read_scene_labels,
    read_scene_questions,
)

READERS = [read_scene_captions, read_scene_questions, read_scene_labels]
FEW = {"train": 6, "val": 2, "test": 3}


@pytest.mark.parametrize("read", READERS)
def test_every_split_has_its_number_and_its_own_scenes(read):
    parts = [read(Path(), split, **FEW) for split in FEW]
    assert [len(part) for part in parts] == list(FEW.values())
    assert {example.image.split for part in parts for example in part} == set(FEW)
    assert read(Path(), "val", **FEW, seed=1) != parts[1]


@pytest.mark.parametrize("read", READERS)
def test_the_compositional_world_has_splits_of_its_own(read):
    examples = read(Path(), "test", **FEW, compositional=True)
    assert {example.image.split for example in examples} == {"comp_test"}


def test_questions_are_numbered_through():
    examples = read_scene_questions(Path(), "train", **FEW, questions=4)
    asked = [question for example in examples for question in example.questions]
    assert [question.question_id for question in asked] == list(range(24))


def test_scenes_have_several_labels_or_a_number():
    several = read_scene_labels(Path(), "train", **FEW, label="shapes", target="labels")
    assert all(isinstance(example.label, tuple) for example in several)
    numbers = read_scene_labels(Path(), "train", **FEW, label="count", target="number")
    assert all(isinstance(example.label, float) for example in numbers)
