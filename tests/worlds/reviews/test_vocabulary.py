import pytest

from multimodal.text import tokenize
from multimodal.worlds.reviews import sample_review, words


def test_the_list_is_sorted_and_holds_every_token_once():
    assert words() == sorted(set(words()))
    assert [tokenize(word) for word in words()] == [[word] for word in words()]


def test_reviews_show_no_word_that_is_not_listed(reviews):
    texts = (review.text for split in reviews.values() for review in split[:300])
    assert {word for text in texts for word in tokenize(text)} <= set(words())


@pytest.mark.slow
def test_reviews_show_all_listed_words():
    texts = (sample_review(7, at, "train").text for at in range(6000))
    assert sorted({word for text in texts for word in tokenize(text)}) == words()
