import math

import pytest

from multimodal.data.labels import class_of, number_of

NUMBERS = {"dog": 0, "cat": 1}


def test_a_missing_label_is_minus_one_or_nan():
    assert class_of(None, NUMBERS, "a") == -1
    assert math.isnan(number_of(None, "a"))


def test_a_label_that_training_lacks_is_named_with_its_example_and_the_training_labels():
    with pytest.raises(
        ValueError, match=r"a\.png: the label 'bird' is none of .* \(dog, cat\)\. C"
    ):
        class_of("bird", NUMBERS, "a.png")


@pytest.mark.parametrize("label", ["cat", ("cat", "dog")])
def test_a_class_is_refused_as_a_number(label):
    with pytest.raises(ValueError, match=r"a: the label must be a number, got .*Set `target` to"):
        number_of(label, "a")
