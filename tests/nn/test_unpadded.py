import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from multimodal.nn.unpadded import read_unpadded


@given(seed=st.integers(0, 2**16), lengths=st.lists(st.integers(1, 6), min_size=1, max_size=7))
@settings(max_examples=25, deadline=None)
def test_outputs_and_gradients_are_those_of_torch_on_a_packed_sequence(seed, lengths):
    torch.manual_seed(seed)
    lengths = sorted(lengths, reverse=True)
    lstm = nn.LSTM(3, 4, batch_first=True).double()
    padded = torch.randn(len(lengths), max(lengths), 3, dtype=torch.double)
    packed = pack_padded_sequence(padded, torch.tensor(lengths), batch_first=True)
    words = packed.data.clone().requires_grad_()
    state = tuple(
        torch.randn(len(lengths), 4, dtype=torch.double, requires_grad=True) for _ in range(2)
    )
    first = tuple(part.unsqueeze(0) for part in state)
    expected, _ = lstm(packed._replace(data=words), first)
    ours = read_unpadded(words, state, lstm.all_weights[0], packed.batch_sizes.tolist())
    torch.testing.assert_close(ours, expected.data)
    sought = [words, *state, *lstm.parameters()]
    weight = torch.randn_like(ours)
    for mine, theirs in zip(
        torch.autograd.grad((ours * weight).sum(), sought),
        torch.autograd.grad((expected.data * weight).sum(), sought),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    shapes = [(5, 2), (3, 3), (3, 3), (12, 2), (12, 3), (12,), (12,)]
    values = [torch.randn(shape, dtype=torch.double, requires_grad=True) for shape in shapes]

    def read(words, hidden, cell, *weights):
        return read_unpadded(words, (hidden, cell), weights, [3, 1, 1])

    assert torch.autograd.gradcheck(read, values)


def test_a_sentence_without_words_is_left_out():
    torch.manual_seed(0)
    lstm = nn.LSTM(3, 4)
    state = torch.randn(3, 4, requires_grad=True), torch.zeros(3, 4)
    outputs = read_unpadded(torch.randn(3, 3), state, lstm.all_weights[0], [2, 1])
    outputs.sum().backward()
    assert outputs.shape == (3, 4)
    assert state[0].grad[2].abs().sum() == 0
    assert state[0].grad[:2].abs().sum() > 0


@pytest.mark.parametrize("sizes", [[], [0, 0]])
def test_no_words_at_all_give_no_outputs(sizes):
    lstm = nn.LSTM(3, 4)
    state = torch.zeros(2, 4), torch.zeros(2, 4)
    outputs = read_unpadded(torch.zeros(0, 3), state, lstm.all_weights[0], sizes)
    outputs.sum().backward()
    assert outputs.shape == (0, 4)
