import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from multimodal.training.penalties import activation_penalty, change_penalty, weight_penalty

FULL = torch.ones(3, 5, dtype=torch.bool)


def test_they_are_those_of_the_released_awd_lstm_on_a_full_window():
    torch.manual_seed(0)
    outputs = torch.randn(3, 5, 4)
    by_time = outputs.transpose(0, 1)
    torch.testing.assert_close(activation_penalty(outputs, FULL), by_time.pow(2).mean())
    changes = (by_time[1:] - by_time[:-1]).pow(2).mean()
    torch.testing.assert_close(change_penalty(outputs, FULL), changes)


@given(lengths=st.lists(st.integers(1, 4), min_size=1, max_size=4), filler=st.floats(-9, 9))
@settings(max_examples=20, deadline=None)
def test_padding_counts_for_nothing(lengths, filler):
    torch.manual_seed(0)
    mask = torch.arange(5) < torch.tensor(lengths).unsqueeze(1)
    outputs = torch.randn(len(lengths), 5, 4)
    padded = torch.where(mask.unsqueeze(-1), outputs, filler)
    for penalty in (activation_penalty, change_penalty):
        torch.testing.assert_close(penalty(padded, mask), penalty(outputs, mask))


def test_constant_outputs_do_not_change():
    assert change_penalty(torch.ones(3, 5, 4), FULL) == 0
    assert change_penalty(torch.ones(3, 1, 4), FULL[:, :1]) == 0


def test_both_have_a_gradient_also_in_half_precision():
    outputs = torch.randn(3, 5, 4, dtype=torch.bfloat16, requires_grad=True)
    (activation_penalty(outputs, FULL) + change_penalty(outputs, FULL)).backward()
    assert outputs.grad.all()


def test_the_gradient_of_l2_is_the_weight_and_that_of_l1_its_sign():
    layer = nn.Linear(3, 2)
    weight_penalty(layer.parameters(), l1=0.5, l2=2.0).backward()
    torch.testing.assert_close(layer.weight.grad, 2 * layer.weight + 0.5 * layer.weight.sign())
    assert layer.bias.grad is None


def test_frozen_weights_are_not_counted():
    layer = nn.Linear(3, 2).requires_grad_(False)
    assert weight_penalty(layer.parameters(), l1=1.0, l2=1.0) == 0
