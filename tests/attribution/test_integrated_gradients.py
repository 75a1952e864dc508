import inspect
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.attribution.integrated_gradients import integrated_gradients


def linear(weights):
    return lambda points, index: points @ weights


def cube(points, index):
    return points.pow(3).sum(dim=1)


def steep(points, index):
    return torch.sigmoid(200 * (points.sum(dim=1) - 0.37))


def kinked(points, index):
    return points.amax(dim=1) + (points[:, 0] - 0.3).abs()


def test_a_linear_function_gives_each_part_its_weight():
    weights = torch.tensor([2.0, -1.0, 0.0])
    inputs = torch.tensor([[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]])
    result = integrated_gradients(linear(weights), inputs)
    torch.testing.assert_close(result.values, inputs * weights)
    torch.testing.assert_close(result.differences, inputs @ weights)
    torch.testing.assert_close(result.gaps, torch.zeros(2), atol=1e-6, rtol=0)


@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_a_polynomial_is_integrated_exactly_where_it_is_a_parabola(values):
    inputs, baselines = torch.tensor([values]), torch.tensor([[0.5, -1.0, 0.0]])
    result = integrated_gradients(
        lambda points, index: points.square().sum(dim=1), inputs, baselines, steps=1
    )
    torch.testing.assert_close(result.values, inputs**2 - baselines**2, atol=1e-5, rtol=1e-4)


@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_any_other_polynomial_is_integrated_closely(values):
    inputs, baselines = torch.tensor([values]), torch.tensor([[0.5, -1.0, 0.0]])
    result = integrated_gradients(cube, inputs, baselines, steps=64)
    torch.testing.assert_close(result.values, inputs**3 - baselines**3, atol=0.01, rtol=0.01)


@pytest.mark.parametrize("steps", [16, 33])
def test_values_equal_captum(network, images, steps):
    attr = pytest.importorskip("captum.attr")
    classes, baselines = torch.tensor([0, 2, 1]), torch.full_like(images, 0.5)
    expected = attr.IntegratedGradients(network).attribute(
        images, baselines, target=classes, n_steps=steps, method="riemann_middle"
    )

    def score(rows, index):
        return network(rows)[torch.arange(len(rows)), classes[index]]

    result = integrated_gradients(score, images, baselines, steps=steps, most_steps=steps)
    torch.testing.assert_close(result.values, expected.float(), atol=1e-7, rtol=1e-4)


def test_symmetric_parts_get_equal_values_and_ignored_parts_get_zero():
    result = integrated_gradients(
        lambda points, index: (points[:, 0] + points[:, 1]).tanh(), torch.tensor([[1.5, 1.5, 9.0]])
    )
    assert result.values[0, 0] == result.values[0, 1]
    assert result.values[0, 2] == 0
    assert float(result.values.sum()) == pytest.approx(math.tanh(3), abs=0.01)


@pytest.mark.parametrize("score", [cube, steep, kinked])
def test_contributions_add_up_to_the_difference_of_the_scores(score):
    torch.manual_seed(0)
    inputs = torch.rand(20, 4)
    result = integrated_gradients(score, inputs, tolerance=0.01, most_steps=1024)
    expected = score(inputs, None) - score(torch.zeros(20, 4), None)
    torch.testing.assert_close(result.differences, expected)
    torch.testing.assert_close(result.differences - result.values.sum(dim=1), result.gaps)
    assert (result.gaps.abs() <= 0.01 * expected.abs().clamp(min=1)).all()


def test_only_inputs_whose_gap_is_too_large_take_more_steps():
    rows = []

    def score(points, index):
        if points.requires_grad:
            rows.extend(index.tolist())
        smooth = points.sum(dim=1)
        return torch.where(index == 1, steep(points, index), smooth)

    inputs = torch.full((3, 2), 0.4)
    result = integrated_gradients(score, inputs, steps=4, most_steps=64)
    assert [rows.count(row) for row in range(3)] == [4, 4 + 8 + 16 + 32 + 64, 4]
    assert result.gaps[[0, 2]].abs().max() < 1e-6


def test_there_are_never_more_steps_than_allowed():
    count = 0

    def score(points, index):
        nonlocal count
        count += len(points) * points.requires_grad
        return steep(points, index)

    result = integrated_gradients(score, torch.ones(1, 2), tolerance=1e-9, steps=3, most_steps=11)
    assert count == 3 + 6
    assert abs(float(result.gaps)) > 1e-9


def test_batched_equals_single():
    torch.manual_seed(1)
    inputs = torch.rand(7, 4)
    whole = integrated_gradients(steep, inputs, batch_size=1000)
    parts = integrated_gradients(steep, inputs, batch_size=3)
    alone = [integrated_gradients(steep, row[None]).values for row in inputs]
    torch.testing.assert_close(parts.values, whole.values)
    torch.testing.assert_close(torch.cat(alone), whole.values)


def test_inputs_may_have_any_shape():
    inputs = torch.rand(2, 3, 4, 5)
    result = integrated_gradients(lambda points, index: points.flatten(1).sum(dim=1), inputs)
    torch.testing.assert_close(result.values, inputs)


def test_no_inputs_give_no_contributions():
    result = integrated_gradients(cube, torch.zeros(0, 4))
    assert result.values.shape == (0, 4)
    assert result.gaps.shape == (0,)


def test_gradients_that_are_switched_off_change_nothing_and_weights_get_no_gradient():
    weights = torch.ones(3, requires_grad=True)
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            result = integrated_gradients(linear(weights), torch.ones(1, 3))
        assert result.values.tolist() == [[1, 1, 1]]
        assert not result.values.requires_grad
    assert weights.grad is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "`steps` must be 1 or more, got 0"),
        ({"most_steps": 0}, "`most_steps` must be 1 or more, got 0"),
        ({"batch_size": -1}, "`batch_size` must be 1 or more, got -1"),
        ({"tolerance": 0.0}, "`tolerance` must be more than 0, got 0.0"),
        ({"baselines": torch.zeros(3, 2)}, r"shape of the inputs, \(2, 2\), got \(3, 2\)"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    attribute = inspect.unwrap(integrated_gradients)
    with pytest.raises(ValueError, match=message):
        attribute(cube, torch.ones(2, 2), **options)


def test_a_score_that_is_not_one_number_for_each_row_is_refused():
    with pytest.raises(ValueError, match=r"one number for each of 2 rows, got \(2, 3\)"):
        integrated_gradients(lambda points, index: points, torch.ones(2, 3))
