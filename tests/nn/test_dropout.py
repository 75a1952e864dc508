import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.nn.dropout import Dropout, SequenceDropout


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.5, 0.9])
def test_the_share_of_dropped_elements_is_the_probability(probability):
    torch.manual_seed(0)
    dropped = (Dropout(probability)(torch.ones(400, 500)) == 0).float()
    assert dropped.mean().item() == pytest.approx(probability, abs=0.004)
    # Also along the four places that one draw decides, and independently of the neighbour.
    by_place = dropped.view(-1, 4).mean(dim=0)
    torch.testing.assert_close(by_place, torch.full((4,), probability), atol=0.008, rtol=0)
    both = (dropped[:, 1:] * dropped[:, :-1]).mean().item()
    assert both == pytest.approx(probability**2, abs=0.006)


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.5, 0.9])
def test_the_kept_elements_are_scaled_so_that_the_mean_stays(probability):
    torch.manual_seed(0)
    kept = Dropout(probability)(torch.ones(1000))
    torch.testing.assert_close(
        kept[kept > 0], torch.full_like(kept[kept > 0], 1 / (1 - probability)), rtol=1e-4, atol=0
    )


def test_the_gradient_passes_where_the_value_did():
    torch.manual_seed(0)
    values = torch.randn(7, 9, requires_grad=True)
    dropped = Dropout(0.4)(values)
    dropped.sum().backward()
    torch.testing.assert_close(dropped, values * values.grad)


def test_evaluation_and_a_probability_of_0_change_nothing():
    values = torch.randn(3, 5)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0)(values) is values


@given(
    shape=st.lists(st.integers(0, 5), max_size=4), dtype=st.sampled_from(["float32", "bfloat16"])
)
@settings(max_examples=30, deadline=None)
def test_shape_and_precision_do_not_change(shape, dtype):
    values = torch.ones(shape, dtype=getattr(torch, dtype))
    dropped = Dropout(0.5)(values)
    assert dropped.shape == values.shape
    assert dropped.dtype == values.dtype


def test_the_same_seed_drops_the_same_elements():
    values = torch.ones(100)
    torch.manual_seed(3)
    first = Dropout(0.5)(values)
    torch.manual_seed(3)
    torch.testing.assert_close(Dropout(0.5)(values), first, atol=0, rtol=0)


@pytest.mark.parametrize("probability", [-0.1, 1.0])
def test_a_probability_out_of_range_is_refused(probability):
    with pytest.raises(ValueError, match="at least 0 and less than 1, got"):
        Dropout(probability)


@pytest.mark.gpu
def test_a_gpu_drops_with_the_same_probability():
    dropped = Dropout(0.3)(torch.ones(500, 500, device="cuda")) == 0
    assert dropped.float().mean().item() == pytest.approx(0.3, abs=0.005)


def test_a_sequence_keeps_the_same_features_at_every_step_and_the_next_one_others():
    torch.manual_seed(0)
    dropped = SequenceDropout(0.3)(torch.ones(40, 7, 500))
    assert (dropped == dropped[:, :1]).all()
    assert not torch.equal(dropped[0], dropped[1])
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)


def test_sequence_dropout_is_for_training_only():
    values = torch.randn(2, 3, 4)
    assert SequenceDropout(0.5).eval()(values) is values
    assert SequenceDropout(0.0)(values) is values
