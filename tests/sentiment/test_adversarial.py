import pytest
import torch

from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.sentiment.adversarial import adversarial_loss, worst_move
from multimodal.sentiment.model import SentimentClassifier, SentimentSettings

TOKENS = torch.tensor([[4, 5, 6, 7], [8, 4, 0, 0]])
LABELS = torch.tensor([0, 1])


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    settings = SentimentSettings(TextEncoderSettings(embedding_dim=5, hidden_dim=6))
    return SentimentClassifier(settings, vocab_size=9, num_classes=2).double()


def _loss(classifier, vectors):
    logits = classifier.classify(vectors, TOKENS != 0)
    return torch.nn.functional.cross_entropy(logits, LABELS, reduction="none")


def _gradient(loss, vectors):
    return torch.autograd.grad(loss, vectors, retain_graph=True)[0]


def test_loss_and_gradients_are_those_of_both_readings(classifier):
    def loss_of(vectors):
        return _loss(classifier, vectors).mean()

    vectors, mask = classifier.embedding(TOKENS), TOKENS != 0
    plain = loss_of(vectors)
    move = worst_move(_gradient(plain, vectors), vectors, mask, size=0.5)
    expected = (plain + loss_of(vectors + move)) / 2
    parameters = dict(classifier.named_parameters())
    gradients = torch.autograd.grad(expected, list(parameters.values()))

    above = [each for name, each in parameters.items() if not name.startswith("embedding")]
    loss = adversarial_loss(loss_of, classifier.embedding(TOKENS), mask, above, size=0.5)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, msg=name)


def test_no_move_of_that_length_raises_the_loss_more(classifier):
    vectors, mask = classifier.embedding(TOKENS), TOKENS != 0
    losses = _loss(classifier, vectors)
    move = worst_move(_gradient(losses.sum(), vectors), vectors, mask, size=1e-3)
    raised = _loss(classifier, vectors + move) - losses
    lengths = move.square().sum(dim=(1, 2)).sqrt()
    for seed in range(50):
        other = torch.randn(move.shape, generator=torch.Generator().manual_seed(seed)).double()
        other *= (lengths / other.square().sum(dim=(1, 2)).sqrt())[:, None, None]
        assert (_loss(classifier, vectors + other) - losses < raised).all()


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_it_is_as_long_as_asked_in_lengths_of_the_average_word(classifier, scale):
    with torch.no_grad():
        classifier.embedding.weight.mul_(scale)
    vectors, mask = classifier.embedding(TOKENS), TOKENS != 0
    gradient = _gradient(_loss(classifier, vectors).sum(), vectors)
    move = worst_move(gradient, vectors, mask, size=0.5)
    for row, words in ((0, 4), (1, 2)):
        average = vectors[row, :words].square().sum(dim=1).mean().sqrt()
        torch.testing.assert_close(move[row].norm(), 0.5 * average)
    assert not move[1, 2:].any()
    assert not move.requires_grad


def test_a_text_without_a_label_stays_where_it_is(classifier):
    vectors, mask = classifier.embedding(TOKENS), TOKENS != 0
    gradient = _gradient(_loss(classifier, vectors)[0], vectors)
    move = worst_move(gradient, vectors, mask, size=0.5)
    assert move[0].any()
    assert not move[1].any()
