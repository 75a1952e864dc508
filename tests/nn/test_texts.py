import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from multimodal.nn.embedding import WordEmbedding
from multimodal.nn.texts import ReaderSettings, TextReader, parameters_by_depth

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
DIRECTIONS = ["ahead", "both", "apart"]


def _reader(**changes):
    torch.manual_seed(0)
    return TextReader(ReaderSettings(**{"embedding_dim": 3, "hidden_dim": 4, **changes}))


def _mask(lengths, time=None):
    lengths = torch.as_tensor(lengths)
    return torch.arange(time or max(1, int(lengths.max()))) < lengths.unsqueeze(1)


def _packed(theirs, inputs, lengths):
    packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    outputs, last = theirs(packed)
    hidden = last[0] if isinstance(last, tuple) else last
    states = hidden[-2 if theirs.bidirectional else -1 :].transpose(0, 1).flatten(1)
    return pad_packed_sequence(outputs, batch_first=True)[0], states


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_both_ways_is_torchs_bidirectional_network_on_a_packed_batch(cell, layers):
    reader = _reader(cell=cell, num_layers=layers)
    theirs = CELLS[cell](3, 4, num_layers=layers, bidirectional=True, batch_first=True)
    weights = {}
    for layer, (ahead, back) in enumerate(zip(reader.ahead, reader.back, strict=True)):
        for name, tensor in ahead.layers.state_dict().items():
            weights[name.replace("_l0", f"_l{layer}")] = tensor
        for name, tensor in back.layers.state_dict().items():
            weights[name.replace("_l0", f"_l{layer}_reverse")] = tensor
    theirs.load_state_dict(weights)
    inputs = torch.randn(40, 7, 3, requires_grad=True)
    lengths = torch.cat([torch.tensor([7]), torch.randint(1, 8, (39,))])
    ours = reader(inputs, _mask(lengths))
    expected = _packed(theirs, inputs, lengths)
    weight = [torch.randn_like(part) for part in ours]
    for mine, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=0)
    gradients = [
        torch.autograd.grad(sum((a * b).sum() for a, b in zip(side, weight, strict=True)), inputs)
        for side in (ours, expected)
    ]
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=0)


def test_apart_is_two_networks_that_never_meet():
    reader = _reader(directions="apart", num_layers=2)
    theirs = {}
    for way in ("ahead", "back"):
        theirs[way] = nn.LSTM(3, 4, num_layers=2, batch_first=True)
        theirs[way].load_state_dict(
            {
                name.replace("_l0", f"_l{depth}"): tensor
                for depth, layer in enumerate(getattr(reader, way))
                for name, tensor in layer.layers.state_dict().items()
            }
        )
    inputs, lengths = torch.randn(2, 5, 3), [5, 3]
    outputs, states = reader(inputs, _mask(lengths))
    for row, length in enumerate(lengths):
        words = inputs[row : row + 1, :length]
        ahead, (hidden, _) = theirs["ahead"](words)
        back = theirs["back"](words.flip(1))[0].flip(1)
        expected = torch.cat([ahead, back], dim=-1)[0]
        torch.testing.assert_close(outputs[row, :length], expected, atol=1e-6, rtol=0)
        torch.testing.assert_close(states[row, :4], hidden[-1, 0], atol=1e-6, rtol=0)
        torch.testing.assert_close(states[row, 4:], back[0, 0], atol=1e-6, rtol=0)


@given(
    seed=st.integers(0, 2**16),
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=6),
    more=st.integers(0, 6),
    cell=st.sampled_from(sorted(CELLS)),
    directions=st.sampled_from(DIRECTIONS),
)
@settings(max_examples=40, deadline=None)
def test_what_stands_at_the_padding_changes_nothing(seed, lengths, more, cell, directions):
    torch.manual_seed(seed)
    reader = _reader(cell=cell, directions=directions, num_layers=2, last_dim=5)
    mask = _mask(lengths)
    inputs = torch.randn(*mask.shape, 3)
    wider = nn.functional.pad(mask, (0, more))
    padded = torch.full((*wider.shape, 3), 100.0)
    padded[:, : mask.shape[1]][mask] = inputs[mask]
    outputs, states = reader(inputs, mask)
    others, other_states = reader(padded, wider)
    torch.testing.assert_close(other_states, states, atol=1e-5, rtol=0)
    torch.testing.assert_close(others[wider], outputs[mask], atol=1e-5, rtol=0)
    assert not others[~wider].any()
    assert not states[~mask.any(dim=1)].any()


@pytest.mark.parametrize("cell", CELLS)
def test_reading_on_gives_what_reading_at_once_gives(cell):
    reader = _reader(cell=cell, directions="apart", num_layers=2, last_dim=5)
    inputs = torch.randn(2, 7, 3)
    first, state = reader.resume(inputs[:, :3], reader.start(2))
    second, _ = reader.resume(inputs[:, 3:], state)
    outputs, _ = reader(inputs, torch.ones(2, 7, dtype=torch.bool))
    torch.testing.assert_close(torch.cat([first, second], dim=1), outputs[..., :5])
    backwards = reader.read_backwards(inputs, torch.ones(2, 7, dtype=torch.bool))
    torch.testing.assert_close(backwards, outputs[..., 5:])
    assert all(len(part) == 2 for part in state)


@pytest.mark.parametrize("name", ["input_dropout", "hidden_dropout", "output_dropout"])
@pytest.mark.parametrize("directions", DIRECTIONS)
def test_each_dropout_is_one_mask_for_a_whole_text_and_for_training_only(name, directions):
    reader = _reader(directions=directions, num_layers=2, **{name: 0.5})
    inputs, mask = torch.randn(2, 5, 3), torch.ones(2, 5, dtype=torch.bool)
    assert not torch.equal(reader(inputs, mask)[0], reader(inputs, mask)[0])
    if name == "output_dropout":
        gone = reader(inputs, mask)[0] == 0
        assert (gone == gone[:, :1]).all()
        assert gone.any()
    reader.eval()
    torch.testing.assert_close(reader(inputs, mask)[0], reader(inputs, mask)[0], atol=0, rtol=0)


def test_weight_drop_reaches_every_layer():
    reader = _reader(num_layers=2, weight_drop=0.5, hidden_dim=16)
    reader(torch.randn(4, 6, 3), _mask([6, 4, 3, 2]))[0].square().sum().backward()
    for layer in [*reader.ahead, *reader.back]:
        idle = (layer.layers.weight_hh_l0.grad == 0).float().mean().item()
        assert idle == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("directions", DIRECTIONS)
def test_every_parameter_gets_a_gradient_and_is_in_one_group(directions):
    reader, embedding = _reader(directions=directions, num_layers=2), WordEmbedding(9, 3)
    tokens = torch.tensor([[4, 5, 6, 7], [4, 5, 0, 0]])
    reader(embedding(tokens), tokens != 0)[0].square().sum().backward()
    groups = parameters_by_depth(embedding, reader)
    found = [parameter for group in groups for parameter in group]
    assert all(parameter.grad.any() for parameter in found)
    every = [*embedding.parameters(), *reader.parameters()]
    assert sorted(map(id, found)) == sorted(map(id, every))
    assert len(groups) == 3
    assert groups[0] == [embedding.weight]


@pytest.mark.parametrize("directions", DIRECTIONS)
def test_half_precision_is_close(directions):
    reader = _reader(directions=directions, num_layers=2)
    inputs, mask = torch.randn(40, 6, 3), _mask([6, *range(1, 6)] * 6 + [6] * 4)
    expected, expected_states = reader(inputs, mask)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, states = reader(inputs, mask)
    torch.testing.assert_close(outputs.float(), expected, atol=2e-2, rtol=0)
    torch.testing.assert_close(states.float(), expected_states, atol=2e-2, rtol=0)


def test_reading_on_in_half_precision_is_close():
    reader, inputs = _reader(directions="ahead", num_layers=2), torch.randn(3, 5, 3)
    expected, state = reader.resume(inputs, reader.start(3))
    again, _ = reader.resume(inputs, state)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, state = reader.resume(inputs, reader.start(3))
        repeated, _ = reader.resume(inputs, state)
    torch.testing.assert_close(outputs.float(), expected, atol=2e-2, rtol=0)
    torch.testing.assert_close(repeated.float(), again, atol=2e-2, rtol=0)


def test_an_unknown_way_of_reading_is_refused():
    strange = ReaderSettings()
    object.__setattr__(strange, "directions", "left")  # as from a file: not checked there
    with pytest.raises(ValueError, match="`directions` must be ahead, both or apart, got 'left'"):
        TextReader(strange)


def test_a_stack_without_layers_is_refused():
    with pytest.raises(ValueError, match="`num_layers` must be 1 or more, got 0"):
        _reader(num_layers=0)


@pytest.mark.gpu
@pytest.mark.parametrize("cell", CELLS)
def test_a_gpu_gives_the_same(cell):
    reader = _reader(cell=cell, num_layers=2)
    inputs, mask = torch.randn(3, 5, 3), _mask([5, 1, 3])
    outputs, states = reader(inputs, mask)
    others, other_states = reader.cuda()(inputs.cuda(), mask.cuda())
    torch.testing.assert_close(others.cpu(), outputs, atol=1e-3, rtol=0)
    torch.testing.assert_close(other_states.cpu(), states, atol=1e-3, rtol=0)
