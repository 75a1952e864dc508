import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.vqa.questions import QuestionEncoder

TOKENS = torch.tensor([[4, 5, 6, 7], [8, 4, 0, 0], [5, 0, 0, 0]])


def _encoder(**changes):
    torch.manual_seed(0)
    sizes = {"directions": "ahead", "embedding_dim": 3, "hidden_dim": 5}
    return QuestionEncoder(TextEncoderSettings(**{**sizes, **changes}), 9)


def test_the_state_is_torchs_after_the_last_real_word():
    encoder = _encoder()
    theirs = nn.LSTM(3, 5, batch_first=True)
    theirs.load_state_dict(encoder.reader.ahead[0].layers.state_dict())
    packed = pack_padded_sequence(
        encoder.embedding(TOKENS), torch.tensor([4, 2, 1]), batch_first=True
    )
    _, (hidden, _) = theirs(packed)
    questions = encoder(TOKENS, TOKENS != 0)
    torch.testing.assert_close(questions.states, hidden[-1], atol=1e-5, rtol=0)
    torch.testing.assert_close(questions.outputs[1, 1], questions.states[1])


def test_word_vectors_give_the_result_of_their_token_ids():
    encoder = _encoder(directions="both")
    whole, parts = (
        encoder(TOKENS, TOKENS != 0),
        encoder.encode(encoder.embedding(TOKENS), TOKENS != 0),
    )
    torch.testing.assert_close(parts, whole)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("directions", ["ahead", "both"])
def test_shapes_are_as_promised(cell, directions):
    encoder = _encoder(cell=cell, directions=directions, num_layers=2)
    questions = encoder(TOKENS, TOKENS != 0)
    assert encoder.output_dim == (10 if directions == "both" else 5)
    assert questions.states.shape == (3, encoder.output_dim)
    assert questions.outputs.shape == (3, 4, encoder.output_dim)
    assert torch.equal(questions.mask, TOKENS != 0)


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    more=st.integers(0, 4),
    filler=st.integers(0, 8),
    directions=st.sampled_from(["ahead", "both"]),
)
@settings(max_examples=30)
def test_padding_never_changes_anything(lengths, more, filler, directions):
    encoder = _encoder(directions=directions)
    mask = torch.arange(max(lengths) + more) < torch.tensor(lengths).unsqueeze(1)
    tokens = torch.randint(4, 9, mask.shape)
    questions = encoder(tokens.where(mask, filler), mask)
    assert not questions.outputs[~mask].any()
    for row, length in enumerate(lengths):
        alone = encoder(tokens[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(questions.states[row], alone.states[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(
            questions.outputs[row, :length], alone.outputs[0], atol=1e-6, rtol=0
        )


@pytest.mark.parametrize("directions", ["ahead", "both"])
def test_every_parameter_gets_a_gradient(directions):
    encoder = _encoder(directions=directions, num_layers=2)
    encoder(TOKENS, TOKENS != 0).states.square().sum().backward()
    assert all(parameter.grad.any() for parameter in encoder.parameters())


def test_dropout_is_for_training_only():
    encoder = _encoder(input_dropout=0.5)
    mask = TOKENS != 0
    assert not torch.equal(encoder(TOKENS, mask).states, encoder(TOKENS, mask).states)
    encoder.eval()
    assert torch.equal(encoder(TOKENS, mask).states, encoder(TOKENS, mask).states)


def test_weights_survive_a_round_trip():
    ours, other = _encoder(directions="both"), _encoder(directions="both")
    with torch.no_grad():
        ours.embedding.weight.mul_(2)
    other.load_state_dict(ours.state_dict())
    mask = TOKENS != 0
    assert torch.equal(ours(TOKENS, mask).outputs, other(TOKENS, mask).outputs)
