from collections import Counter

import pytest

from multimodal.data.readers.scene_labels import read_scenes
from multimodal.worlds.scenes import SHAPES


@pytest.mark.parametrize("label", ["shape", "colour"])
def test_the_largest_object_is_the_only_large_one_or_alone(label):
    for example in read_scenes("train", 60, label=label):
        things = example.image.objects
        largest = max(things, key=lambda thing: (thing.size == "large", thing.radius))
        assert example.label == getattr(largest, label)
        assert all(thing.size == "small" for thing in things if thing is not largest)
        assert len(things) == 1 or largest.size == "large"


def test_every_shape_labels_about_equally_many_scenes():
    counts = Counter(example.label for example in read_scenes("val", 300))
    assert set(counts) == set(SHAPES)
    assert max(counts.values()) < 2 * min(counts.values())


def test_counts_are_classes_or_numbers():
    classes = read_scenes("test", 20, label="count")
    numbers = read_scenes("test", 20, label="count", target="number")
    assert [float(example.label) for example in classes] == [e.label for e in numbers]
    assert [len(example.image.objects) for example in numbers] == [e.label for e in numbers]


@pytest.mark.parametrize("label", ["shapes", "colours"])
def test_several_labels_are_all_that_there_are(label):
    for example in read_scenes("train", 20, label=label, target="labels"):
        there = {getattr(thing, label.removesuffix("s")) for thing in example.image.objects}
        assert example.label == tuple(sorted(there))


def test_light_is_a_number_about_one():
    numbers = [e.label for e in read_scenes("train", 50, label="light", target="number")]
    assert all(0.5 < number < 1.5 for number in numbers)
    assert len(set(numbers)) > 10


def test_scenes_depend_on_seed_and_split_and_keep_their_numbers():
    assert read_scenes("train", 9, seed=1) == read_scenes("train", 12, seed=1)[:9]
    assert read_scenes("train", 9, seed=1) != read_scenes("train", 9, seed=2)
    assert [e.image_id for e in read_scenes("comp_test", 3, label="count")] == [0, 1, 2]


def test_an_unknown_label_is_refused():
    with pytest.raises(
        ValueError, match=r"`options\.label` must be one of shape, colour, count, sha"
    ):
        read_scenes("train", 1, label="mood")


@pytest.mark.parametrize(("label", "target"), [("shape", "number"), ("shapes", "label")])
def test_a_target_that_does_not_fit_is_refused(label, target):
    with pytest.raises(
        ValueError, match=rf"With `options\.label` {label}, `target` must be label.*, got"
    ):
        read_scenes("train", 1, label=label, target=target)
