from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.examples import ImageExample, PixelImage
from multimodal.data.readers.image_splits import fold_images, holdout_classes


def examples(labels) -> list[ImageExample]:
    return [ImageExample(PixelImage("x", n), label, n) for n, label in enumerate(labels)]


LABELS = st.lists(st.sampled_from("abc"), min_size=10, max_size=80)


@given(LABELS, st.sampled_from([0.1, 0.25, 0.5]), st.integers(0, 3))
def test_every_class_gives_its_share(labels, fraction, seed):
    images = examples(labels)
    kept, held = holdout_classes(images, fraction, seed)
    assert sorted(kept + held, key=lambda image: image.image_id) == images
    assert abs(len(held) - fraction * len(images)) <= 0.5
    whole, part = Counter(labels), Counter(image.label for image in held)
    assert all(abs(part[label] - fraction * whole[label]) <= 1 for label in whole)


def test_a_holdout_depends_on_the_seed_and_not_on_the_order():
    images = examples("ab" * 40)
    _, held = holdout_classes(images, 0.25, seed=1)
    assert holdout_classes(images[::-1], 0.25, seed=1)[1] == held[::-1]
    assert holdout_classes(images, 0.25, seed=2)[1] != held


def test_no_holdout_keeps_all():
    images = examples("ab")
    assert holdout_classes(images, 0.0) == (images, [])


@pytest.mark.parametrize("folds", [2, 5])
def test_every_image_is_tested_once_and_folds_are_equal(folds):
    images = examples("aab" * 20)
    tested = [fold_images(images, folds, fold)[1] for fold in range(folds)]
    assert sorted(chain.from_iterable(tested), key=lambda image: image.image_id) == images
    assert {len(fold) for fold in tested} == {60 // folds}
    assert {Counter(image.label for image in fold)["a"] for fold in tested} == {40 // folds}


def test_training_has_all_that_is_not_tested():
    images = examples("ab" * 10)
    others, tested = fold_images(images, 4, 2)
    assert sorted(others + tested, key=lambda image: image.image_id) == images


def test_numbers_and_several_labels_are_dealt_as_one_heap():
    images = [*examples([1.5, 2.5, None]), ImageExample(PixelImage("x", 9), ("a", "b"), 9)]
    assert [len(fold_images(images, 2, fold)[1]) for fold in range(2)] == [2, 2]


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_a_holdout_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match="`holdout` must be at least 0 and below 1, got"):
        holdout_classes(examples("ab"), fraction)


def test_a_holdout_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match=r"of 2 images leaves 2 to train on and 0 held out; chan"):
        holdout_classes(examples("ab"), 0.1)


@pytest.mark.parametrize(("folds", "fold"), [(1, 0), (5, 5), (5, -1)])
def test_folds_out_of_range_are_refused(folds, fold):
    with pytest.raises(ValueError, match="`folds` must be 2 or more and `fold` from 0 to"):
        fold_images(examples("ab" * 9), folds, fold)


def test_fewer_images_than_folds_are_refused():
    with pytest.raises(ValueError, match="3 images cannot be dealt to 10 folds; lower `folds`"):
        fold_images(examples("aba"), 10, 0)
