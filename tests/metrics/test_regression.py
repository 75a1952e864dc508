import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.metrics.regression import CountScores, RegressionScores


def test_scores_equal_those_of_numpy():
    generator = torch.Generator().manual_seed(0)
    predictions = torch.randn(50, generator=generator)
    targets = predictions + torch.randn(50, generator=generator)
    metric = RegressionScores()
    metric.update(list(range(20)), predictions[:20], targets[:20])
    metric.update(list(range(20, 50)), predictions[20:], targets[20:])
    errors = (predictions - targets).double().numpy()
    scores = metric.compute()
    assert scores["mean_error"] == pytest.approx(np.abs(errors).mean(), rel=1e-6)
    assert scores["root_mean_square"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-6)
    expected = np.corrcoef(predictions.numpy(), targets.numpy())[0, 1]
    assert scores["correlation"] == pytest.approx(expected, rel=1e-5)


def test_one_number_for_all_has_no_correlation():
    metric = RegressionScores()
    metric.update([0, 1], torch.ones(2), torch.tensor([1.0, 2.0]))
    assert metric.compute()["correlation"] == 0.0


@given(st.lists(st.integers(0, 20), min_size=1, max_size=9))
def test_expectations_near_the_counts_are_right(counts):
    metric, right = CountScores(), torch.tensor(counts).float()
    metric.update(range(len(counts)), right + 0.4, right)
    assert metric.compute()["accuracy"] == 1


def test_counts_have_the_errors_of_numbers():
    expected, counts = torch.tensor([1.0, 2.5, 4.0]), torch.tensor([1.0, 4.0, 4.0])
    metric, numbers = CountScores(), RegressionScores()
    metric.update([0, 1, 2], expected, counts)
    numbers.update([0, 1, 2], expected, counts)
    found = metric.compute()
    assert found.pop("accuracy") == pytest.approx(2 / 3)
    assert found == numbers.compute()
