import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from multimodal.nn.bidirectional import SentenceReader

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def _torchs(reader, cell, layers, bidirectional):
    """torch's own network with the reader's weights."""
    theirs = CELLS[cell](3, 4, num_layers=layers, bidirectional=bidirectional, batch_first=True)
    if not bidirectional:
        theirs.load_state_dict(reader.ahead[0].layers.state_dict())
        return theirs
    weights = {}
    for layer, (ahead, back) in enumerate(zip(reader.ahead, reader.back, strict=True)):
        for name, tensor in ahead.layers.state_dict().items():
            weights[name.replace("_l0", f"_l{layer}")] = tensor
        for name, tensor in back.layers.state_dict().items():
            weights[name.replace("_l0", f"_l{layer}_reverse")] = tensor
    theirs.load_state_dict(weights)
    return theirs


def _packed(theirs, inputs, lengths):
    packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    outputs, last = theirs(packed)
    hidden = last[0] if isinstance(last, tuple) else last
    directions = 2 if theirs.bidirectional else 1
    states = hidden[-directions:].transpose(0, 1).flatten(1)
    return pad_packed_sequence(outputs, batch_first=True)[0], states


def _mask(lengths):
    return torch.arange(int(lengths.max())) < lengths.unsqueeze(1)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_states_and_gradients_are_torchs_on_a_packed_batch(cell, layers, bidirectional):
    torch.manual_seed(0)
    reader = SentenceReader(3, 4, cell=cell, bidirectional=bidirectional, num_layers=layers)
    theirs = _torchs(reader, cell, layers, bidirectional)
    # More rows than the groups in which other cells than the LSTM are read.
    inputs = torch.randn(40, 7, 3, requires_grad=True)
    lengths = torch.cat([torch.tensor([7]), torch.randint(1, 8, (39,))])
    outputs, states = reader(inputs, _mask(lengths))
    expected, expected_states = _packed(theirs, inputs, lengths)
    torch.testing.assert_close(outputs, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(states, expected_states, atol=1e-5, rtol=0)
    weight, state_weight = torch.randn_like(outputs), torch.randn_like(states)
    (ours,) = torch.autograd.grad(
        (outputs * weight).sum() + (states * state_weight).sum(), [inputs], retain_graph=True
    )
    (packed,) = torch.autograd.grad(
        (expected * weight).sum() + (expected_states * state_weight).sum(), [inputs]
    )
    torch.testing.assert_close(ours, packed, atol=1e-5, rtol=0)


@given(
    seed=st.integers(0, 2**16),
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any),
    more=st.integers(0, 3),
    cell=st.sampled_from(sorted(CELLS)),
)
@settings(max_examples=30)
def test_what_stands_at_the_padding_changes_nothing(seed, lengths, more, cell):
    torch.manual_seed(seed)
    reader = SentenceReader(3, 4, cell=cell, bidirectional=True, num_layers=2)
    mask = _mask(torch.tensor(lengths))
    inputs = torch.randn(*mask.shape, 3)
    wider = nn.functional.pad(mask, (0, more))
    padded = torch.full((*wider.shape, 3), 100.0)
    padded[:, : mask.shape[1]][mask] = inputs[mask]
    outputs, states = reader(inputs, mask)
    others, other_states = reader(padded, wider)
    torch.testing.assert_close(other_states, states, atol=1e-6, rtol=0)
    torch.testing.assert_close(others[wider], outputs[mask], atol=1e-6, rtol=0)
    assert not others[~wider].any()
    assert not outputs[~mask].any()


def test_torch_on_padding_is_another_result():
    torch.manual_seed(0)
    reader = SentenceReader(3, 4, bidirectional=True)
    inputs, lengths = torch.randn(2, 5, 3), torch.tensor([5, 2])
    naive, _ = _torchs(reader, "lstm", 1, True)(inputs)
    outputs, _ = reader(inputs, _mask(lengths))
    assert (naive[1, :2] - outputs[1, :2]).abs().max() > 0.01


def test_a_sentence_without_words_has_a_state_of_zeros():
    reader = SentenceReader(3, 4, bidirectional=True)
    _, states = reader(torch.randn(2, 3, 3), _mask(torch.tensor([0, 3])))
    assert states[0].tolist() == [0.0] * 8
    assert states[1].all()


@pytest.mark.parametrize("cell", CELLS)
def test_every_parameter_gets_a_gradient(cell):
    torch.manual_seed(0)
    reader = SentenceReader(3, 4, cell=cell, bidirectional=True, num_layers=2)
    _, states = reader(torch.randn(3, 5, 3), _mask(torch.tensor([5, 1, 3])))
    states.square().sum().backward()
    assert all(parameter.grad.any() for parameter in reader.parameters())


def test_reading_in_half_precision_is_close():
    torch.manual_seed(0)
    reader = SentenceReader(3, 4, bidirectional=True, num_layers=2)
    inputs, mask = torch.randn(40, 6, 3), _mask(torch.tensor([6, *range(1, 6)] * 6 + [6] * 4))
    expected, expected_states = reader(inputs, mask)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, states = reader(inputs, mask)
    assert outputs.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.float(), expected, atol=2e-2, rtol=0)
    torch.testing.assert_close(states.float(), expected_states, atol=2e-2, rtol=0)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_dropout_between_layers_is_for_training_only(bidirectional):
    torch.manual_seed(0)
    reader = SentenceReader(3, 4, bidirectional=bidirectional, num_layers=2, dropout=0.5)
    inputs, mask = torch.randn(2, 5, 3), torch.ones(2, 5, dtype=torch.bool)
    assert not torch.equal(reader(inputs, mask)[0], reader(inputs, mask)[0])
    reader.eval()
    torch.testing.assert_close(reader(inputs, mask)[0], reader(inputs, mask)[0], atol=0, rtol=0)


@pytest.mark.gpu
@pytest.mark.parametrize("cell", CELLS)
def test_a_gpu_gives_the_same(cell):
    torch.manual_seed(0)
    reader = SentenceReader(3, 4, cell=cell, bidirectional=True, num_layers=2)
    inputs, mask = torch.randn(3, 5, 3), _mask(torch.tensor([5, 1, 3]))
    outputs, states = reader(inputs, mask)
    others, other_states = reader.cuda()(inputs.cuda(), mask.cuda())
    torch.testing.assert_close(others.cpu(), outputs, atol=1e-3, rtol=0)
    torch.testing.assert_close(other_states.cpu(), states, atol=1e-3, rtol=0)
