import pytest
import torch
from tiny_critic import settings as tiny_settings

from multimodal.explain.contributions import average_word, log_odds, word_contributions
from multimodal.sentiment.model import SentimentClassifier


def model(**changes):
    torch.manual_seed(0)
    return SentimentClassifier(tiny_settings(**changes), vocab_size=30, num_classes=3).eval()


def first_logit(logits, which):
    return logits[:, 0]


def padded(lengths):
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    tokens = torch.randint(4, 30, mask.shape, generator=torch.Generator().manual_seed(1))
    return tokens.where(mask, 0), mask


def test_each_text_has_a_number_for_each_word_whatever_the_order_of_lengths():
    lengths = [3, 1, 17, 2, 9, 9, 4, 12, 5, 30]
    found = word_contributions(model(), *padded(lengths), first_logit)
    assert [len(words) for words in found] == lengths


def test_padding_and_the_other_texts_change_nothing():
    critic, lengths = model(), [3, 17, 2, 9, 30, 1, 1, 1, 5, 6]
    tokens, mask = padded(lengths)
    for row, words in enumerate(word_contributions(critic, tokens, mask, first_logit)):
        here = slice(row, row + 1), slice(0, lengths[row])
        (alone,) = word_contributions(critic, tokens[here], mask[here], first_logit)
        assert words == pytest.approx(alone, abs=1e-4)


def test_the_score_is_told_which_text_each_row_is():
    tokens, mask = padded([4, 2, 7])
    place = torch.tensor([1.0, 10.0, 100.0])

    def score(logits, which):
        return place[which] * logits[:, 0]

    plain = word_contributions(model(), tokens, mask, first_logit)
    scaled = word_contributions(model(), tokens, mask, score)
    for row, words in enumerate(scaled):
        expected = [float(place[row]) * share for share in plain[row]]
        assert words == pytest.approx(expected, rel=0.05, abs=0.02)


def test_long_texts_go_through_the_model_in_parts(monkeypatch):
    tokens, mask = padded([5, 12])
    whole = word_contributions(model(), tokens, mask, first_logit)
    monkeypatch.setattr("multimodal.explain.contributions._WORDS", 1)
    for one, other in zip(
        word_contributions(model(), tokens, mask, first_logit), whole, strict=True
    ):
        assert one == pytest.approx(other, abs=1e-5)


def test_an_average_word_contributes_nothing():
    critic = model()
    with torch.no_grad():
        for _ in range(30):  # setting one word to the mean moves the mean
            critic.embedding.weight[9] = average_word(critic.embedding)
    tokens = torch.tensor([[9, 12, 9, 5]])
    ((first, _, third, _),) = word_contributions(critic, tokens, tokens != 0, first_logit)
    assert (first, third) == pytest.approx((0, 0), abs=1e-5)


def test_special_tokens_do_not_count_for_the_average():
    critic = model()
    expected = critic.embedding.weight[4:].mean(dim=0)
    torch.testing.assert_close(average_word(critic.embedding), expected)
    with torch.no_grad():
        critic.embedding.weight[:4] = 99
    torch.testing.assert_close(average_word(critic.embedding), expected)
    empty = SentimentClassifier(tiny_settings(), vocab_size=4, num_classes=2)
    assert average_word(empty.embedding).tolist() == [0.0] * 12


@pytest.mark.parametrize("classes", [2, 5])
def test_log_odds_are_those_of_the_probability(classes):
    torch.manual_seed(0)
    logits, which = torch.randn(20, classes).double(), torch.randint(classes, (20,))
    shares = logits.softmax(dim=1).gather(1, which[:, None])[:, 0]
    torch.testing.assert_close(log_odds(logits, which), (shares / (1 - shares)).log())


def test_log_odds_stay_finite_where_the_model_is_certain():
    logits = torch.tensor([[500.0, -500.0], [0.0, 0.0]])
    assert log_odds(logits, torch.tensor([0, 1])).tolist() == [1000, 0]
