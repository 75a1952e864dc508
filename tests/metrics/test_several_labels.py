import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score

from multimodal.metrics.several_labels import SeveralLabelsScores, average_precision

CLASSES = ["cat", "dog", "cow"]


def draws(size=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    # Few different numbers, so that some are equal.
    probabilities = torch.randint(0, 11, (size, 3), generator=generator) / 10
    return probabilities, (torch.rand(size, 3, generator=generator) < probabilities).float()


@given(st.integers(0, 1000))
def test_average_precision_equals_that_of_scikit_learn(seed):
    probabilities, labels = draws(seed=seed)
    mine = average_precision(probabilities[:, 0], labels[:, 0] > 0)
    theirs = average_precision_score(labels[:, 0].numpy(), probabilities[:, 0].numpy())
    assert mine == pytest.approx(theirs)


def test_scores_equal_those_of_scikit_learn():
    metric, (probabilities, labels) = SeveralLabelsScores(CLASSES), draws()
    metric.update(range(40), probabilities, labels)
    found = metric.compute()
    said = (probabilities > 0.5).numpy()
    for name in ("micro", "macro"):
        assert found[f"{name}_f1"] == pytest.approx(f1_score(labels.numpy(), said, average=name))
    expected = average_precision_score(labels.numpy(), probabilities.numpy())
    assert found["mean_average_precision"] == pytest.approx(expected)


def test_an_example_counts_once():
    probabilities, labels = draws()
    once, twice = SeveralLabelsScores(CLASSES), SeveralLabelsScores(CLASSES)
    once.update(range(40), probabilities, labels)
    twice.update(range(40), probabilities, labels)
    twice.update([3], 1 - probabilities[:1], labels[:1])
    assert once.compute() == twice.compute()


def test_labels_of_no_example_are_left_out():
    metric = SeveralLabelsScores(CLASSES)
    metric.update([0, 1], torch.tensor([[0.9, 0.1, 0.2], [0.8, 0.1, 0.3]]),
                  torch.tensor([[1.0, 0, 0], [1.0, 0, 0]]))  # fmt: skip
    assert set(metric.compute().values()) == {1.0}


def test_scores_without_a_hit_are_zero():
    metric = SeveralLabelsScores(CLASSES)
    metric.update([0], torch.zeros(1, 3), torch.zeros(1, 3))
    scores = metric.compute()
    assert scores["exact_match"] == 1
    assert scores["macro_f1"] == scores["micro_f1"] == scores["mean_average_precision"] == 0


def test_other_classes_and_no_relevant_example_are_refused():
    with pytest.raises(ValueError, match=r"must be \(batch, classes\) with 3 classes, got \(1, 2"):
        SeveralLabelsScores(CLASSES).update([0], torch.zeros(1, 2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="needs an example for which the label holds"):
        average_precision(torch.zeros(2), torch.tensor([False, False]))
