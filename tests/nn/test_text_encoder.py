import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from multimodal.nn.dropout import Dropout
from multimodal.nn.embedding import WordEmbedding
from multimodal.nn.text_encoder import TextEncoder, TextEncoderSettings, parameters_by_depth

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
DIRECTIONS = ["ahead", "both", "apart"]


def _encoder(**changes):
    torch.manual_seed(0)
    return TextEncoder(TextEncoderSettings(**{"embedding_dim": 3, "hidden_dim": 4, **changes}))


def _mask(lengths, time=None):
    lengths = torch.as_tensor(lengths)
    return torch.arange(time or max(1, int(lengths.max()))) < lengths.unsqueeze(1)


def _packed(theirs, inputs, lengths):
    packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    outputs, last = theirs(packed)
    hidden = last[0] if isinstance(last, tuple) else last
    states = hidden[-2 if theirs.bidirectional else -1 :].transpose(0, 1).flatten(1)
    return pad_packed_sequence(outputs, batch_first=True)[0], states


def _torchs(encoder, cell):
    """torch's own network with the encoder's weights."""
    layers, bidirectional = len(encoder.ahead), len(encoder.back) > 0
    theirs = CELLS[cell](3, 4, num_layers=layers, bidirectional=bidirectional, batch_first=True)
    weights = {}
    for suffix, stack in (("", encoder.ahead), ("_reverse", encoder.back)):
        for depth, layer in enumerate(stack):
            for name, tensor in layer.layers.state_dict().items():
                weights[name.replace("_l0", f"_l{depth}{suffix}")] = tensor
    theirs.load_state_dict(weights)
    return theirs


@pytest.mark.parametrize("directions", ["ahead", "both"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_states_and_gradients_are_torchs_on_a_packed_batch(cell, layers, directions):
    encoder = _encoder(cell=cell, num_layers=layers, directions=directions)
    theirs = _torchs(encoder, cell)
    # More rows than the groups in which other cells than the LSTM are read.
    inputs = torch.randn(40, 7, 3, requires_grad=True)
    lengths = torch.cat([torch.tensor([7]), torch.randint(1, 8, (39,))])
    ours = encoder(inputs, _mask(lengths))
    expected = _packed(theirs, inputs, lengths)
    weight = [torch.randn_like(part) for part in ours]
    for mine, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=0)
    gradients = [
        torch.autograd.grad(sum((a * b).sum() for a, b in zip(side, weight, strict=True)), inputs)
        for side in (ours, expected)
    ]
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=0)


def test_torch_on_a_padded_batch_gives_another_result():
    encoder, inputs, lengths = _encoder(), torch.randn(2, 5, 3), torch.tensor([5, 2])
    naive, _ = _torchs(encoder, "lstm")(inputs)
    outputs, _ = encoder(inputs, _mask(lengths))
    assert (naive[1, :2] - outputs[1, :2]).abs().max() > 0.01


@pytest.mark.parametrize("cell", CELLS)
def test_layers_saved_as_one_network_of_torch_are_loaded(cell):
    encoder, other = (
        _encoder(cell=cell, directions="ahead", num_layers=3),
        _encoder(cell=cell, directions="ahead", num_layers=3),
    )
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.normal_()
    saved = {f"ahead.0.layers.{n}": t for n, t in _torchs(encoder, cell).state_dict().items()}
    other.load_state_dict(saved)
    nn.ModuleDict({"reader": other}).load_state_dict({f"reader.{n}": t for n, t in saved.items()})
    torch.testing.assert_close(other.state_dict(), encoder.state_dict(), rtol=0, atol=0)


def test_apart_is_two_networks_that_never_meet():
    encoder = _encoder(directions="apart", num_layers=2)
    theirs = {}
    for way in ("ahead", "back"):
        theirs[way] = nn.LSTM(3, 4, num_layers=2, batch_first=True)
        theirs[way].load_state_dict(
            {
                name.replace("_l0", f"_l{depth}"): tensor
                for depth, layer in enumerate(getattr(encoder, way))
                for name, tensor in layer.layers.state_dict().items()
            }
        )
    inputs, lengths = torch.randn(2, 5, 3), [5, 3]
    outputs, states = encoder(inputs, _mask(lengths))
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
def test_the_content_of_padding_changes_nothing(seed, lengths, more, cell, directions):
    torch.manual_seed(seed)
    encoder = _encoder(cell=cell, directions=directions, num_layers=2, last_dim=5)
    mask = _mask(lengths)
    inputs = torch.randn(*mask.shape, 3)
    wider = nn.functional.pad(mask, (0, more))
    padded = torch.full((*wider.shape, 3), 100.0)
    padded[:, : mask.shape[1]][mask] = inputs[mask]
    outputs, states = encoder(inputs, mask)
    others, other_states = encoder(padded, wider)
    torch.testing.assert_close(other_states, states, atol=1e-5, rtol=0)
    torch.testing.assert_close(others[wider], outputs[mask], atol=1e-5, rtol=0)
    assert not others[~wider].any()
    assert not states[~mask.any(dim=1)].any()


@pytest.mark.parametrize("cell", CELLS)
def test_reading_in_parts_equals_reading_at_once(cell):
    encoder = _encoder(cell=cell, directions="apart", num_layers=2, last_dim=5)
    inputs = torch.randn(2, 7, 3)
    first, state = encoder.resume(inputs[:, :3], encoder.start(2))
    second, _ = encoder.resume(inputs[:, 3:], state)
    outputs, _ = encoder(inputs, torch.ones(2, 7, dtype=torch.bool))
    torch.testing.assert_close(torch.cat([first, second], dim=1), outputs[..., :5])
    backwards = encoder.read_backwards(inputs, torch.ones(2, 7, dtype=torch.bool))
    torch.testing.assert_close(backwards, outputs[..., 5:])
    assert all(len(part) == 2 for part in state)


@pytest.mark.parametrize("name", ["input_dropout", "hidden_dropout", "output_dropout"])
@pytest.mark.parametrize("directions", DIRECTIONS)
def test_each_dropout_is_one_mask_for_a_whole_text_and_for_training_only(name, directions):
    encoder = _encoder(directions=directions, num_layers=2, **{name: 0.5})
    inputs, mask = torch.randn(2, 5, 3), torch.ones(2, 5, dtype=torch.bool)
    assert not torch.equal(encoder(inputs, mask)[0], encoder(inputs, mask)[0])
    if name == "output_dropout":
        gone = encoder(inputs, mask)[0] == 0
        assert (gone == gone[:, :1]).all()
        assert gone.any()
    encoder.eval()
    torch.testing.assert_close(encoder(inputs, mask)[0], encoder(inputs, mask)[0], atol=0, rtol=0)


@pytest.mark.parametrize("directions", DIRECTIONS)
def test_dropout_may_drop_each_element_independently(directions):
    settings = TextEncoderSettings(
        directions=directions, embedding_dim=3, hidden_dim=4, num_layers=2, output_dropout=0.5
    )
    encoder, mask = TextEncoder(settings, dropout=Dropout), torch.ones(2, 5, dtype=torch.bool)
    dropped = encoder(torch.randn(2, 5, 3), mask)[0] == 0
    assert (dropped != dropped[:, :1]).any()
    assert not (encoder.eval()(torch.randn(2, 5, 3), mask)[0] == 0).any()


def test_weight_drop_reaches_every_layer():
    encoder = _encoder(num_layers=2, weight_drop=0.5, hidden_dim=16)
    encoder(torch.randn(4, 6, 3), _mask([6, 4, 3, 2]))[0].square().sum().backward()
    for layer in [*encoder.ahead, *encoder.back]:
        idle = (layer.layers.weight_hh_l0.grad == 0).float().mean().item()
        assert idle == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("directions", DIRECTIONS)
def test_every_parameter_gets_a_gradient_and_is_in_one_group(directions):
    encoder, embedding = _encoder(directions=directions, num_layers=2), WordEmbedding(9, 3)
    tokens = torch.tensor([[4, 5, 6, 7], [4, 5, 0, 0]])
    encoder(embedding(tokens), tokens != 0)[0].square().sum().backward()
    groups = parameters_by_depth(embedding, encoder)
    found = [parameter for group in groups for parameter in group]
    assert all(parameter.grad.any() for parameter in found)
    every = [*embedding.parameters(), *encoder.parameters()]
    assert sorted(map(id, found)) == sorted(map(id, every))
    assert len(groups) == 3
    assert groups[0] == [embedding.weight]


@pytest.mark.parametrize("directions", DIRECTIONS)
def test_half_precision_is_close(directions):
    encoder = _encoder(directions=directions, num_layers=2)
    inputs, mask = torch.randn(40, 6, 3), _mask([6, *range(1, 6)] * 6 + [6] * 4)
    expected, expected_states = encoder(inputs, mask)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, states = encoder(inputs, mask)
    torch.testing.assert_close(outputs.float(), expected, atol=2e-2, rtol=0)
    torch.testing.assert_close(states.float(), expected_states, atol=2e-2, rtol=0)


def test_reading_on_in_half_precision_is_close():
    encoder, inputs = _encoder(directions="ahead", num_layers=2), torch.randn(3, 5, 3)
    expected, state = encoder.resume(inputs, encoder.start(3))
    again, _ = encoder.resume(inputs, state)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, state = encoder.resume(inputs, encoder.start(3))
        repeated, _ = encoder.resume(inputs, state)
    torch.testing.assert_close(outputs.float(), expected, atol=2e-2, rtol=0)
    torch.testing.assert_close(repeated.float(), again, atol=2e-2, rtol=0)


def test_an_unknown_way_of_reading_is_refused():
    strange = TextEncoderSettings()
    object.__setattr__(strange, "directions", "left")  # as from a file: not checked there
    with pytest.raises(ValueError, match="`directions` must be ahead, both or apart, got 'left'"):
        TextEncoder(strange)


def test_a_stack_without_layers_is_refused():
    with pytest.raises(ValueError, match="`num_layers` must be 1 or more, got 0"):
        _encoder(num_layers=0)


@pytest.mark.gpu
@pytest.mark.parametrize("cell", CELLS)
def test_a_gpu_gives_the_same(cell):
    encoder = _encoder(cell=cell, num_layers=2)
    inputs, mask = torch.randn(3, 5, 3), _mask([5, 1, 3])
    outputs, states = encoder(inputs, mask)
    others, other_states = encoder.cuda()(inputs.cuda(), mask.cuda())
    torch.testing.assert_close(others.cpu(), outputs, atol=1e-3, rtol=0)
    torch.testing.assert_close(other_states.cpu(), states, atol=1e-3, rtol=0)
