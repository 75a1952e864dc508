import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from multimodal.nn.recurrent import Recurrent, flip_sequences

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


@pytest.mark.parametrize("cell", CELLS)
def test_outputs_equal_those_of_torch_with_the_same_weights(cell):
    torch.manual_seed(0)
    ours = Recurrent(3, 4, cell=cell, num_layers=2)
    reference = CELLS[cell](3, 4, num_layers=2, batch_first=True)
    reference.load_state_dict(ours.layers.state_dict())
    inputs = torch.randn(2, 5, 3)
    state = tuple(torch.randn(2, 2, 4) for _ in range(ours.num_states))
    turned = tuple(part.transpose(0, 1).contiguous() for part in state)
    expected, last = reference(inputs, turned if cell == "lstm" else turned[0])
    outputs, after = ours(inputs, state)
    torch.testing.assert_close(outputs, expected)
    last = last if cell == "lstm" else (last,)
    for part, other in zip(after, last, strict=True):
        torch.testing.assert_close(part, other.transpose(0, 1))


@pytest.mark.parametrize("cell", CELLS)
def test_two_halves_give_the_outputs_of_the_whole_sequence(cell):
    torch.manual_seed(0)
    ours = Recurrent(3, 4, cell=cell)
    inputs = torch.randn(2, 6, 3)
    zeros = (torch.zeros(2, 1, 4),) * ours.num_states
    whole, _ = ours(inputs, zeros)
    first, state = ours(inputs[:, :3], zeros)
    second, _ = ours(inputs[:, 3:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_reading_without_most_padding_changes_no_real_output(cell, layers):
    torch.manual_seed(0)
    ours = Recurrent(3, 4, cell=cell, num_layers=layers)
    inputs, lengths = torch.randn(70, 6, 3), torch.randint(0, 7, (70,))
    state = tuple(torch.randn(70, layers, 4) for _ in range(ours.num_states))
    expected, _ = ours(inputs, state)
    mask = torch.arange(6) < lengths.unsqueeze(1)
    torch.testing.assert_close(ours.read(inputs, state, lengths)[mask], expected[mask])


def test_a_processor_without_bfloat16_computes_an_lstm_in_single_precision(monkeypatch):
    torch.manual_seed(0)
    ours = Recurrent(3, 4)
    inputs, state = torch.randn(2, 5, 3), (torch.zeros(2, 1, 4),) * 2
    expected, _ = ours(inputs, state)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, last = ours(inputs, state)
    torch.testing.assert_close(outputs, expected.bfloat16())
    assert {part.dtype for part in last} == {torch.bfloat16}


def test_reading_under_autocast_changes_no_real_output():
    torch.manual_seed(0)
    ours = Recurrent(3, 4)
    inputs, lengths = torch.randn(70, 6, 3), torch.randint(0, 7, (70,))
    state = tuple(torch.randn(70, 1, 4) for _ in range(2))
    mask = torch.arange(6) < lengths.unsqueeze(1)
    expected, _ = ours(inputs, state)
    with torch.autocast("cpu", torch.bfloat16):
        read = ours.read(inputs, state, lengths)
    assert read.dtype == torch.bfloat16
    torch.testing.assert_close(read[mask].float(), expected[mask], atol=2e-2, rtol=0)


def test_dropout_between_layers_is_for_training_only():
    torch.manual_seed(0)
    ours = Recurrent(3, 4, num_layers=2, dropout=0.5)
    inputs, lengths = torch.randn(5, 6, 3), torch.full((5,), 6)
    state = tuple(torch.zeros(5, 2, 4) for _ in range(2))
    assert not torch.equal(ours.read(inputs, state, lengths), ours.read(inputs, state, lengths))
    ours.eval()
    torch.testing.assert_close(ours.read(inputs, state, lengths), ours(inputs, state)[0])


def test_the_forget_gate_starts_open():
    bias = Recurrent(3, 4).layers.bias_ih_l0 + Recurrent(3, 4).layers.bias_hh_l0
    assert bias[4:8].tolist() == [1.0] * 4


def test_an_unknown_cell_is_refused():
    with pytest.raises(ValueError, match="`cell` must be one of rnn, gru, lstm, got 'sru'"):
        Recurrent(3, 4, cell="sru")


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_reading_backwards_is_reading_the_flipped_words(cell, layers):
    torch.manual_seed(0)
    ours = Recurrent(3, 4, cell=cell, num_layers=layers)
    inputs, lengths = torch.randn(70, 6, 3), torch.randint(0, 7, (70,))
    state = tuple(torch.randn(70, layers, 4) for _ in range(ours.num_states))
    read = ours.read(inputs, state, lengths, backwards=True)
    for row in range(0, 70, 7):
        words = inputs[row : row + 1, : lengths[row]].flip(1)
        if len(words[0]):
            alone, _ = ours(words, tuple(part[row : row + 1] for part in state))
            torch.testing.assert_close(read[row, : lengths[row]], alone[0].flip(0))


@given(seed=st.integers(0, 2**16), lengths=st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_flipping_turns_the_real_part_around_and_twice_is_nothing(seed, lengths):
    torch.manual_seed(seed)
    values, ends = torch.randn(len(lengths), 5, 2), torch.tensor(lengths)
    flipped = flip_sequences(values, ends)
    for row, length in enumerate(lengths):
        assert torch.equal(flipped[row, :length], values[row, :length].flip(0))
        assert torch.equal(flipped[row, length:], values[row, length:])
    assert torch.equal(flip_sequences(flipped, ends), values)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_batch_with_hardly_any_padding_is_read_the_same(backwards):
    torch.manual_seed(0)
    ours = Recurrent(3, 4)
    inputs, lengths = torch.randn(4, 10, 3), torch.tensor([10, 9, 10, 9])
    state = tuple(torch.zeros(4, 1, 4) for _ in range(2))
    read = ours.read(inputs, state, lengths, backwards=backwards)
    for row, length in enumerate(lengths.tolist()):
        # Alone and with as much padding again, so that it goes the other way.
        wider = torch.cat([inputs[row : row + 1, :length], torch.randn(1, length, 3)], dim=1)
        first = tuple(part[:1] for part in state)
        alone = ours.read(wider, first, lengths[row : row + 1], backwards=backwards)
        torch.testing.assert_close(read[row, :length], alone[0, :length])
