import math

import pytest
import tiny_critic
import torch

from multimodal.attribution.baselines import mean_word
from multimodal.loading import load
from multimodal.sentiment.evidence import text_evidence, word_contributions
from multimodal.sentiment.model import SentimentClassifier


def model(**changes):
    torch.manual_seed(0)
    return SentimentClassifier(tiny_critic.settings(**changes), vocab_size=30, num_classes=3).eval()


def first_logit(logits, index):
    return logits[:, 0]


def padded(lengths):
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    tokens = torch.randint(4, 30, mask.shape, generator=torch.Generator().manual_seed(1))
    return tokens.where(mask, 0), mask


def test_each_text_has_a_number_for_each_word_whatever_the_order_of_lengths():
    lengths = [3, 1, 17, 2, 9, 9, 4, 12, 5, 30]
    results = word_contributions(model(), *padded(lengths), first_logit)
    assert [len(words) for words in results] == lengths


def test_batched_equals_single():
    critic, lengths = model(), [3, 17, 2, 9, 30, 1, 1, 1, 5, 6]
    tokens, mask = padded(lengths)
    for row, words in enumerate(word_contributions(critic, tokens, mask, first_logit)):
        here = slice(row, row + 1), slice(0, lengths[row])
        (alone,) = word_contributions(critic, tokens[here], mask[here], first_logit)
        assert words == pytest.approx(alone, abs=1e-4)


def test_the_score_gets_the_index_of_each_rows_text():
    tokens, mask = padded([4, 2, 7])
    factors = torch.tensor([1.0, 10.0, 100.0])

    def score(logits, index):
        return factors[index] * logits[:, 0]

    plain = word_contributions(model(), tokens, mask, first_logit)
    scaled = word_contributions(model(), tokens, mask, score)
    for row, words in enumerate(scaled):
        expected = [float(factors[row]) * value for value in plain[row]]
        assert words == pytest.approx(expected, rel=0.05, abs=0.02)


def test_long_texts_go_through_the_model_in_batches(monkeypatch):
    tokens, mask = padded([5, 12])
    whole = word_contributions(model(), tokens, mask, first_logit)
    monkeypatch.setattr("multimodal.sentiment.evidence._WORDS", 1)
    for one, other in zip(
        word_contributions(model(), tokens, mask, first_logit), whole, strict=True
    ):
        assert one == pytest.approx(other, abs=1e-5)


def test_a_mean_word_contributes_nothing():
    critic = model()
    with torch.no_grad():
        for _ in range(30):  # setting one word to the mean moves the mean
            critic.embedding.weight[9] = mean_word(critic.embedding)
    tokens = torch.tensor([[9, 12, 9, 5]])
    ((first, _, third, _),) = word_contributions(critic, tokens, tokens != 0, first_logit)
    assert (first, third) == pytest.approx((0, 0), abs=1e-5)


@pytest.mark.parametrize("target", ["label", "number"])
def test_the_score_of_a_text_is_the_log_odds_of_its_label_or_its_number(tmp_path, target):
    classifier = load(tiny_critic.save(tmp_path / "best.ckpt", target=target))
    sentiment = classifier("the film is not bad")
    scores = text_evidence(classifier, "the film is not bad").text
    probability = sentiment.probability
    expected = (
        math.log(probability / (1 - probability)) if target == "label" else sentiment.value - 3.0
    )
    assert scores.score_words(scores.vectors).item() == pytest.approx(expected, rel=1e-3)
    assert scores.mean_word.shape == scores.vectors.shape[2:]
