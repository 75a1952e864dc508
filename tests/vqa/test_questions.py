import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from multimodal.vqa.questions import QuestionEncoder

TOKENS = torch.tensor([[4, 5, 6, 7], [8, 4, 0, 0], [5, 0, 0, 0]])


def _encoder(**changes):
    torch.manual_seed(0)
    return QuestionEncoder(9, **{"embedding_dim": 3, "hidden_dim": 5, **changes})


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


def test_questions_given_as_word_vectors_are_read_alike():
    encoder = _encoder(bidirectional=True)
    whole, parts = (
        encoder(TOKENS, TOKENS != 0),
        encoder.read(encoder.embedding(TOKENS), TOKENS != 0),
    )
    torch.testing.assert_close(parts, whole)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_shapes_are_as_promised(cell, bidirectional):
    encoder = _encoder(cell=cell, bidirectional=bidirectional, num_layers=2)
    questions = encoder(TOKENS, TOKENS != 0)
    assert encoder.output_dim == (10 if bidirectional else 5)
    assert questions.states.shape == (3, encoder.output_dim)
    assert questions.outputs.shape == (3, 4, encoder.output_dim)
    assert torch.equal(questions.mask, TOKENS != 0)


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    more=st.integers(0, 4),
    filler=st.integers(0, 8),
    bidirectional=st.booleans(),
)
@settings(max_examples=30)
def test_padding_never_changes_anything(lengths, more, filler, bidirectional):
    encoder = _encoder(bidirectional=bidirectional)
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


@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_parameter_gets_a_gradient(bidirectional):
    encoder = _encoder(bidirectional=bidirectional, num_layers=2)
    encoder(TOKENS, TOKENS != 0).states.square().sum().backward()
    assert all(parameter.grad.any() for parameter in encoder.parameters())


def test_given_vectors_are_where_it_starts():
    vectors = torch.randn(9, 3)
    encoder = _encoder(vectors=vectors)
    assert torch.equal(encoder.embedding.weight[1:], vectors[1:])
    assert not encoder.embedding.weight[0].any()
    assert encoder.embedding.weight.requires_grad
    vectors.zero_()
    assert encoder.embedding.weight[1:].all()


def test_a_frozen_embedding_gets_no_gradient():
    encoder = _encoder(vectors=torch.randn(9, 3), freeze_embedding=True)
    encoder(TOKENS, TOKENS != 0).states.sum().backward()
    assert encoder.embedding.weight.grad is None


def test_vectors_of_another_shape_are_refused():
    message = r"one vector per token of the vocabulary, \(9, 3\), got \(9, 4\)"
    with pytest.raises(ValueError, match=message):
        _encoder(vectors=torch.randn(9, 4))


def test_dropout_is_for_training_only():
    encoder = _encoder(dropout=0.5)
    mask = TOKENS != 0
    assert not torch.equal(encoder(TOKENS, mask).states, encoder(TOKENS, mask).states)
    encoder.eval()
    assert torch.equal(encoder(TOKENS, mask).states, encoder(TOKENS, mask).states)


def test_weights_survive_a_round_trip():
    ours, other = _encoder(bidirectional=True), _encoder(bidirectional=True)
    with torch.no_grad():
        ours.embedding.weight.mul_(2)
    other.load_state_dict(ours.state_dict())
    mask = TOKENS != 0
    assert torch.equal(ours(TOKENS, mask).outputs, other(TOKENS, mask).outputs)
