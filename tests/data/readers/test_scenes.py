import inspect
from collections import Counter
from pathlib import Path

import pytest

from multimodal.data.readers.scenes import (
    read_scene_captions,
    read_scene_labels,
    read_scene_questions,
)
from multimodal.worlds.scenes import SHAPES

READERS = [read_scene_captions, read_scene_questions, read_scene_labels]
FEW = {"train": 6, "val": 2, "test": 3}


@pytest.mark.parametrize("read", READERS)
def test_every_split_has_its_number_of_different_scenes(read):
    parts = [read(Path(), split, **FEW) for split in FEW]
    assert [len(part) for part in parts] == list(FEW.values())
    assert {example.image.split for part in parts for example in part} == set(FEW)
    assert read(Path(), "val", **FEW, seed=1) != parts[1]


@pytest.mark.parametrize("read", READERS)
def test_the_compositional_world_has_other_splits(read):
    examples = read(Path(), "test", **FEW, compositional=True)
    assert {example.image.split for example in examples} == {"comp_test"}


def test_questions_are_numbered_through():
    examples = read_scene_questions(Path(), "train", **FEW, questions=4)
    questions = [question for example in examples for question in example.questions]
    assert [question.question_id for question in questions] == list(range(24))


# Labels


def labelled(split, number, **options):
    return read_scene_labels(Path(), split, **{split: number}, **options)


@pytest.mark.parametrize("label", ["shape", "colour"])
def test_the_largest_object_is_the_only_large_one_or_alone(label):
    for example in labelled("train", 60, label=label):
        objects = example.image.objects
        largest = max(objects, key=lambda each: (each.size == "large", each.radius))
        assert example.label == getattr(largest, label)
        assert all(each.size == "small" for each in objects if each is not largest)
        assert len(objects) == 1 or largest.size == "large"


def test_every_shape_labels_about_equally_many_scenes():
    counts = Counter(example.label for example in labelled("val", 300))
    assert set(counts) == set(SHAPES)
    assert max(counts.values()) < 2 * min(counts.values())


def test_counts_are_classes_or_numbers():
    classes = labelled("test", 20, label="count")
    numbers = labelled("test", 20, label="count", target="number")
    assert [float(example.label) for example in classes] == [e.label for e in numbers]
    assert [len(example.image.objects) for example in numbers] == [e.label for e in numbers]


@pytest.mark.parametrize("label", ["shapes", "colours"])
def test_several_labels_are_those_of_all_objects(label):
    for example in labelled("train", 20, label=label, target="labels"):
        present = {getattr(each, label.removesuffix("s")) for each in example.image.objects}
        assert example.label == tuple(sorted(present))


def test_light_is_a_number_about_one():
    numbers = [e.label for e in labelled("train", 50, label="light", target="number")]
    assert all(0.5 < number < 1.5 for number in numbers)
    assert len(set(numbers)) > 10


def test_scenes_depend_on_seed_and_split_and_keep_their_numbers():
    assert labelled("train", 9, seed=1) == labelled("train", 12, seed=1)[:9]
    assert labelled("train", 9, seed=1) != labelled("train", 9, seed=2)
    assert [e.image_id for e in labelled("test", 3, label="count")] == [0, 1, 2]


def test_an_unknown_label_is_refused():
    with pytest.raises(
        ValueError, match=r"`options\.label` must be one of shape, colour, count, sha"
    ):
        inspect.unwrap(read_scene_labels)(Path(), "train", train=1, label="mood")


@pytest.mark.parametrize(("label", "target"), [("shape", "number"), ("shapes", "label")])
def test_a_target_that_does_not_fit_is_refused(label, target):
    with pytest.raises(
        ValueError, match=rf"target of `options\.label` {label} must be label.*; set `target`, got"
    ):
        labelled("train", 1, label=label, target=target)
