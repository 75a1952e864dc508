import numpy as np
import pytest

from multimodal.data.pixels import PixelSet, join


def pixels(labels, number=3, classes=("a", "b")) -> PixelSet:
    images = np.arange(number * 12, dtype=np.uint8).reshape(number, 3, 2, 2)
    return PixelSet("batch", images, np.array(labels, np.int64), classes)


def test_a_set_names_the_classes_of_its_images():
    found = pixels([1, 0, 1])
    assert len(found) == 3
    assert [found.label(index) for index in range(3)] == ["b", "a", "b"]
    assert repr(found) == "PixelSet(batch: 3 images of 3 x 2 x 2, 2 classes)"


def test_sets_are_joined_in_order():
    whole = join([pixels([1, 0, 1]), pixels([0, 0, 0])], "all")
    assert whole.name == "all"
    assert whole.labels.tolist() == [1, 0, 1, 0, 0, 0]
    np.testing.assert_array_equal(whole.images[3:], pixels([0, 0, 0]).images)


def test_as_many_labels_as_images_are_needed():
    with pytest.raises(ValueError, match="batch has 3 images and 2 labels; copy or download"):
        pixels([0, 1])


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_that_is_no_class_is_named(label):
    with pytest.raises(
        ValueError, match=f"batch: the label of image 1 must be from 0 to 1, got {label}"
    ):
        pixels([0, label, 1])
