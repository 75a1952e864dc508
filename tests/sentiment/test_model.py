import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.sentiment.model import SentimentClassifier, SentimentSettings

SIZES = {"embedding_dim": 6, "hidden_dim": 5}
POOLINGS = [["last"], ["mean"], ["max"], ["attention"], ["last", "mean", "max", "attention"]]


def _classifier(classes=3, *, reader=None, **changes):
    torch.manual_seed(0)
    built = TextEncoderSettings(**{**SIZES, **(reader or {})})
    return SentimentClassifier(SentimentSettings(built, **changes), 20, classes)


def _texts(lengths, time=None):
    torch.manual_seed(1)
    mask = torch.arange(time or max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    return torch.randint(4, 20, mask.shape).where(mask, 0), mask


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("pooling", POOLINGS, ids=" ".join)
def test_every_text_gets_a_score_for_each_class(cell, pooling):
    classifier = _classifier(reader={"cell": cell, "num_layers": 2}, pooling=pooling, head_dim=7)
    assert classifier(*_texts([4, 1, 3])).shape == (3, 3)


@given(
    lengths=st.lists(st.integers(0, 7), min_size=1, max_size=6),
    more=st.integers(0, 9),
    filler=st.integers(0, 19),
    cell=st.sampled_from(["lstm", "gru", "rnn"]),
    directions=st.sampled_from(["ahead", "both", "apart"]),
)
@settings(max_examples=12, deadline=None)
def test_a_text_alone_gets_the_score_it_gets_in_a_padded_batch(
    lengths, more, filler, cell, directions
):
    reader = {"cell": cell, "directions": directions, "num_layers": 2}
    classifier = _classifier(reader=reader, pooling=POOLINGS[-1])
    tokens, mask = _texts(lengths, max(lengths) + more)
    whole = classifier(tokens.where(mask, filler), mask)
    for row, length in enumerate(lengths):
        alone = classifier(tokens[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(alone[0], whole[row], atol=1e-5, rtol=0)


def test_texts_without_words_get_a_score_and_harm_no_gradient():
    classifier = _classifier(pooling=POOLINGS[-1])
    empty = torch.zeros(2, 0, dtype=torch.long), torch.zeros(2, 0, dtype=torch.bool)
    logits = classifier(*empty)
    assert logits.isfinite().all()
    torch.testing.assert_close(classifier(*_texts([0, 3]))[0], logits[0])
    classifier(*_texts([0, 3])).square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in classifier.parameters())


@pytest.mark.parametrize("directions", ["ahead", "both", "apart"])
def test_every_parameter_gets_a_gradient_and_is_in_one_group(directions):
    reader = {"directions": directions, "num_layers": 2}
    classifier = _classifier(reader=reader, pooling=POOLINGS[-1], head_dim=4)
    classifier(*_texts([6, 2, 4, 5, 1])).square().sum().backward()
    silent = [name for name, each in classifier.named_parameters() if not each.grad.any()]
    assert silent == []
    groups = classifier.parameters_by_depth()
    found = [id(parameter) for group in groups for parameter in group]
    assert sorted(found) == sorted(map(id, classifier.parameters()))
    assert groups[0] == [classifier.embedding.weight]
    assert any(parameter is classifier.head[-1].weight for parameter in groups[-1])
    assert len(groups) == 4


def test_frozen_word_vectors_get_no_gradient_and_are_in_no_group():
    classifier = _classifier(freeze_embedding=True)
    classifier(*_texts([3, 2])).sum().backward()
    assert classifier.embedding.weight.grad is None
    found = [id(each) for group in classifier.parameters_by_depth() for each in group]
    assert id(classifier.embedding.weight) not in found


@pytest.mark.parametrize(
    "reader",
    [
        {name: 0.5}
        for name in ["embedding_dropout", "input_dropout", "output_dropout", "weight_drop"]
    ],
    ids=lambda reader: next(iter(reader)),
)
def test_each_dropout_is_for_training_only(reader):
    classifier, texts = _classifier(reader=reader), _texts([5, 3, 5, 4])
    assert not torch.equal(classifier(*texts), classifier(*texts))
    classifier.eval()
    assert torch.equal(classifier(*texts), classifier(*texts))


def test_word_vectors_may_be_given_in_place_of_words():
    classifier, (tokens, mask) = _classifier().eval(), _texts([5, 3])
    vectors = classifier.embedding(tokens).detach().requires_grad_()
    logits = classifier.classify(vectors, mask)
    torch.testing.assert_close(logits, classifier(tokens, mask))
    logits[:, 0].sum().backward()
    assert vectors.grad[mask].any(dim=-1).all()
    assert not vectors.grad[~mask].any()


def test_weights_survive_a_round_trip():
    ours, other = _classifier(), _classifier()
    with torch.no_grad():
        ours.embedding.weight.mul_(2)
    other.load_state_dict(ours.state_dict())
    assert torch.equal(ours(*_texts([4, 2])), other(*_texts([4, 2])))


def _learn(classifier, tokens, mask, loss, steps):
    optimizer = torch.optim.Adam(classifier.parameters(), lr=5e-2)
    for _ in range(steps):
        value = loss(classifier(tokens, mask))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return classifier.eval()(tokens, mask)


@pytest.mark.parametrize("directions", ["ahead", "both", "apart"])
def test_eight_texts_are_learnt_by_heart(directions):
    tokens, mask = _texts([4, 2, 4, 3, 1, 3, 4, 2])
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    classifier = _classifier(reader={"directions": directions})
    logits = _learn(classifier, tokens, mask, lambda found: F.cross_entropy(found, labels), 20)
    assert logits.argmax(dim=1).equal(labels)


def test_a_number_is_learnt_by_heart():
    tokens, mask = _texts([4, 2, 4, 3, 1, 3, 4, 2])
    stars = torch.tensor([1.0, 2, 3, 4, 5, 1, 2, 3])
    classifier = _classifier(classes=1)

    def loss(found):
        return F.mse_loss(found.squeeze(1), stars)

    found = _learn(classifier, tokens, mask, loss, 50).squeeze(1)
    torch.testing.assert_close(found, stars, atol=0.3, rtol=0)
