import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.metrics.counts import CountScores
from multimodal.metrics.regression import RegressionScores


@given(st.lists(st.integers(0, 20), min_size=1, max_size=9))
def test_expectations_near_the_counts_are_right(counts):
    metric, right = CountScores(), torch.tensor(counts).float()
    metric.update(range(len(counts)), right + 0.4, right)
    assert metric.compute()["accuracy"] == 1


def test_the_errors_are_those_of_numbers():
    expected, counts = torch.tensor([1.0, 2.5, 4.0]), torch.tensor([1.0, 4.0, 4.0])
    metric, numbers = CountScores(), RegressionScores()
    metric.update([0, 1, 2], expected, counts)
    numbers.update([0, 1, 2], expected, counts)
    found = metric.compute()
    assert found.pop("accuracy") == pytest.approx(2 / 3)
    assert found == numbers.compute()
