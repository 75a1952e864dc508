import pytest
import torch

from multimodal.decoding.rules import Rules, check_at_least

INF = float("inf")


def forbidden(rules, words, vocab=10):
    """Return the ids a rule forbids after these words."""
    log_probs = torch.zeros(1, 1, vocab)
    rules.forbid(log_probs, len(words), (torch.tensor([[words]]),))
    return {int(word) for word in log_probs.isneginf().nonzero()[:, 2]}


def test_special_words_are_never_chosen():
    assert forbidden(Rules(max_length=5), []) == {0, 1, 3}


def test_banned_words_join_the_special_ones():
    assert forbidden(Rules(max_length=5, banned=[7, 9]), [4]) == {0, 1, 3, 7, 9}


@pytest.mark.parametrize(("count", "ends"), [(0, False), (1, False), (2, True), (3, True)])
def test_eos_waits_for_the_least_length(count, ends):
    assert (2 not in forbidden(Rules(max_length=5, min_length=2), [4] * count)) == ends


@pytest.mark.parametrize(
    ("ngram", "words", "expected"),
    [
        (1, [], set()),
        (1, [4], {4}),
        (1, [4, 6, 5], {4, 5, 6}),
        (2, [4], set()),
        (2, [4, 4], {4}),
        (2, [4, 5, 4], {5}),
        (2, [4, 5, 4, 6, 4], {5, 6}),
        (2, [4, 5, 6], set()),
        (3, [4, 5, 6, 4, 5], {6}),
        (3, [4, 5, 6, 5, 5], set()),
        (4, [4, 5, 6], set()),
    ],
)
def test_no_ngram_occurs_twice(ngram, words, expected):
    assert forbidden(Rules(max_length=9, no_repeat_ngram=ngram), words) == {0, 1, 3} | expected


def test_each_beam_has_a_history_of_its_own():
    log_probs = torch.zeros(2, 2, 7)
    history = torch.tensor([[[4, 4], [4, 5]], [[6, 6], [5, 5]]])
    Rules(max_length=9, no_repeat_ngram=2).forbid(log_probs, 2, (history,))
    assert log_probs.isneginf().nonzero().tolist() == [
        [image, beam, word]
        for image, beam, words in [
            (0, 0, [0, 1, 3, 4]),
            (0, 1, [0, 1, 3]),
            (1, 0, [0, 1, 3, 6]),
            (1, 1, [0, 1, 3, 5]),
        ]
        for word in words
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_length": 0}, "`max_length` must be 1 or more, got 0"),
        ({"min_length": -1}, "`min_length` must be 0 or more, got -1"),
        ({"min_length": 6}, "`min_length` must be at most `max_length`, got 6 and 5"),
        ({"no_repeat_ngram": -2}, "`no_repeat_ngram` must be 0 or more, got -2"),
        ({"banned": [4, -7]}, r"`banned` must hold word ids of 0 or more, got \[4, -7\]"),
    ],
)
def test_a_rule_out_of_range_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        Rules(**{"max_length": 5, **wrong})


def test_logits_without_a_beam_axis_are_refused():
    with pytest.raises(
        ValueError, match=r"\(images, beams, vocab\) = \(2, 1, vocab\), got \(2, 9\)"
    ):
        Rules(max_length=5).check_logits(torch.zeros(2, 9), torch.ones(2, 1, dtype=torch.long))


def test_a_vocabulary_without_the_special_words_is_refused():
    with pytest.raises(ValueError, match=r"below the vocabulary's size 3, got \[0, 1, 3\]"):
        Rules(max_length=5).check_logits(torch.zeros(2, 1, 3), torch.ones(2, 1, dtype=torch.long))


def test_an_argument_below_its_least_value_is_named():
    check_at_least(2, width=2, height=3)
    with pytest.raises(ValueError, match="`height` must be 2 or more, got 1"):
        check_at_least(2, width=2, height=1)
