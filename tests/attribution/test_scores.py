import pytest
import torch

from multimodal.attribution.scores import check_positive, gradients_of, log_odds, scores_of


def weighted(rows, index):
    """A score that depends on the input each row comes from."""
    return rows[:, 0] * (index + 1)


def test_scores_use_the_index_of_each_row():
    scores = scores_of(weighted, torch.ones(3, 2), torch.tensor([2, 0, 0]))
    assert scores.tolist() == [3.0, 1.0, 1.0]


def test_gradients_are_computed_row_by_row():
    gradients = gradients_of(weighted, torch.ones(2, 2), torch.tensor([0, 4]))
    assert gradients.tolist() == [[1.0, 0.0], [5.0, 0.0]]


def test_gradients_are_computed_in_inference_mode():
    with torch.inference_mode():
        rows = torch.ones(1, 2)
        assert gradients_of(weighted, rows, torch.tensor([0])).tolist() == [[1.0, 0.0]]


def test_gradients_leave_inputs_and_parameters_unchanged():
    weight, rows = torch.ones(2, requires_grad=True), torch.ones(1, 2)
    gradients = gradients_of(lambda points, index: points @ weight, rows, torch.tensor([0]))
    assert weight.grad is None
    assert not rows.requires_grad
    assert not gradients.requires_grad


def test_a_score_gives_one_number_for_each_row():
    with pytest.raises(ValueError, match=r"one number for each of 2 rows, got \(2, 3\)"):
        scores_of(lambda rows, index: rows, torch.ones(2, 3), torch.arange(2))


def test_numbers_below_1_are_refused():
    with pytest.raises(ValueError, match="`steps` must be 1 or more, got 0"):
        check_positive(batch_size=3, steps=0)


@pytest.mark.parametrize("classes", [2, 5])
def test_log_odds_are_those_of_the_probability(classes):
    torch.manual_seed(0)
    logits, chosen = torch.randn(20, classes).double(), torch.randint(classes, (20,))
    probabilities = logits.softmax(dim=1).gather(1, chosen[:, None])[:, 0]
    expected = (probabilities / (1 - probabilities)).log()
    torch.testing.assert_close(log_odds(logits, chosen), expected)


def test_log_odds_stay_finite_where_the_model_is_certain():
    logits = torch.tensor([[500.0, -500.0], [0.0, 0.0]])
    assert log_odds(logits, torch.tensor([0, 1])).tolist() == [1000, 0]
