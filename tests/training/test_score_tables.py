import pytest

from multimodal.data.examples import TextExample
from multimodal.training.score_tables import Predicted, number_table, share_of_commonest


def predicted(prediction, label):
    return Predicted(TextExample("text", label, "1"), prediction)


def test_numbers_are_compared_with_the_mean_of_training():
    results = [predicted((2.0,), 1.0), predicted((5.0,), 1.0)]
    _, _, ours, mean = number_table("", results, [3.0, 5.0], "mean").splitlines()
    assert ours.split()[1:6] == ["this", "model", "|", "2.500", "|"]
    assert mean.split()[1:4] == ["mean", "|", "3.000"]


def test_the_commonest_label_is_that_of_training():
    results = [predicted((), "neg"), predicted((), "pos"), predicted((), "pos")]
    assert share_of_commonest(results, ["neg", "neg", "pos"]) == pytest.approx(1 / 3)
