import pytest
import torch

from multimodal.explain.scores import check_least, scores_of, slopes_of


def own_weight(rows, which):
    """A score that knows whose each row is."""
    return rows[:, 0] * (which + 1)


def test_scores_are_those_of_the_rows_own_inputs():
    scores = scores_of(own_weight, torch.ones(3, 2), torch.tensor([2, 0, 0]))
    assert scores.tolist() == [3.0, 1.0, 1.0]


def test_slopes_are_gradients_row_by_row():
    slopes = slopes_of(own_weight, torch.ones(2, 2), torch.tensor([0, 4]))
    assert slopes.tolist() == [[1.0, 0.0], [5.0, 0.0]]


def test_slopes_are_found_where_gradients_are_off():
    with torch.inference_mode():
        rows = torch.ones(1, 2)
        assert slopes_of(own_weight, rows, torch.tensor([0])).tolist() == [[1.0, 0.0]]


def test_slopes_leave_inputs_and_parameters_alone():
    weight, rows = torch.ones(2, requires_grad=True), torch.ones(1, 2)
    slopes = slopes_of(lambda points, which: points @ weight, rows, torch.tensor([0]))
    assert weight.grad is None
    assert not rows.requires_grad
    assert not slopes.requires_grad


def test_a_score_gives_one_number_for_each_row():
    with pytest.raises(ValueError, match=r"one number for each of 2 rows, got \(2, 3\)"):
        scores_of(lambda rows, which: rows, torch.ones(2, 3), torch.arange(2))


def test_numbers_of_things_are_one_or_more():
    with pytest.raises(ValueError, match="`steps` must be 1 or more, got 0"):
        check_least(together=3, steps=0)
