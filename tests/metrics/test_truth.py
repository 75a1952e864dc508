import copy

import pytest

from multimodal.metrics.truth import CaptionTruth


def check(scene, caption):
    return [word in scene for word in caption.split()]


def test_statements_and_captions_are_counted():
    metric = CaptionTruth(check)
    metric.update([1, 2], ["red dog", "blue cat"], ["red dog", "blue red dog"])
    metric.update([3], ["a"], ["a"])
    assert metric.compute() == {"truth/statements": 4 / 6, "truth/captions": 2 / 3}


def test_a_caption_without_statements_counts_as_one_false_statement():
    metric = CaptionTruth(check)
    metric.update([1, 2], ["red", "red"], ["", "red"])
    assert metric.compute() == {"truth/statements": 0.5, "truth/captions": 0.5}


def test_an_image_counts_once():
    metric = CaptionTruth(check)
    metric.update([1], ["red"], ["red"])
    metric.update([1], ["red"], ["blue"])
    assert metric.compute() == {"truth/statements": 1.0, "truth/captions": 1.0}


def test_a_copy_keeps_the_checker():
    metric = copy.deepcopy(CaptionTruth(check)).to("cpu")
    metric.update([1], ["red"], ["blue"])
    assert metric.compute() == {"truth/statements": 0.0, "truth/captions": 0.0}


def test_different_numbers_are_refused():
    with pytest.raises(ValueError, match="got 2 ids, 1 scenes and 2 captions"):
        CaptionTruth(check).update([1, 2], ["red"], ["red", "red"])
