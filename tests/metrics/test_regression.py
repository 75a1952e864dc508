import numpy as np
import pytest
import torch

from multimodal.metrics.regression import RegressionScores


def test_scores_equal_numpys():
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
