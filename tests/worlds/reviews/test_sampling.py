import re
from collections import Counter
from itertools import chain

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from multimodal.text import tokenize
from multimodal.worlds.reviews import HELD_OUT_PAIRS, MAX_WORDS, MIN_WORDS, SPLITS, sample_review
from multimodal.worlds.reviews.lexicon import (
    FRAMES,
    HEARSAY,
    NEGATORS,
    OPINION_WORDS,
    STRENGTHENERS,
    WEAKENERS,
)


@pytest.fixture(scope="module")
def everything(reviews):
    return list(chain.from_iterable(drawn[:400] for drawn in reviews.values()))


class Reading:
    """A reader of tokens, as a model is one, that knows the words but not how a review is drawn.

    From left to right it needs three things: whether a denial, a report or a concession is open,
    and the last opinion.
    """

    def __init__(self) -> None:
        def spaced(texts):
            return "|".join(sorted((" ".join(tokenize(t)) for t in texts), key=len, reverse=True))

        def words(*kinds, form="past"):
            return spaced(getattr(word, form) for word in OPINION_WORDS if word.kind in kinds)

        hearsay = "|".join(re.sub(r"{\w+}", r"\\w+", report) for report in HEARSAY).lower()
        degrees = spaced([*WEAKENERS, *STRENGTHENERS])
        tails = spaced(n.past.removeprefix("was ") for n in NEGATORS["adjective"] if " " in n.past)
        verb = f"{words('phrase')}|{words('phrase', form='present')}|(?:{words('verb')})(?= the)"
        bare = f"{words('phrase', form='base')}|(?:{words('verb', form='base')})(?= the)"
        self.pattern = re.compile(
            rf"\b(?:(?P<frame>{spaced(FRAMES)})|(?P<hearsay>{hearsay})"
            rf"|(?:is|was|seems|seemed) (?:(?P<neg>{tails}|n't) )?(?:(?P<degree>{degrees}) )?"
            rf"(?P<word>{words('adjective')})"
            rf"|(?P<never>(?:never|hardly) )?(?P<verb>{verb})|(?P<did>(?:did|does) (?:not|n't)) "
            rf"(?P<bare>{bare})|(?P<concede>although|even though|while)|(?P<turn>but|yet))(?!\S)"
        )
        self.positive = {
            " ".join(tokenize(form)): word.positive
            for word in OPINION_WORDS
            for form in (word.base, word.present, word.past)
        }

    def scores(self, text: str) -> list[int]:
        """Return the part of each opinion in the review's score, in order."""
        scores: list[int] = []
        denied = uncounted = False
        for match in self.pattern.finditer(" ".join(tokenize(text))):
            part = match.groupdict()
            if part["turn"]:
                scores[-1] = 0
            elif part["frame"] or part["hearsay"] or part["concede"]:
                denied = denied or bool(part["frame"])
                uncounted = uncounted or not part["frame"]
            else:
                word = part["word"] or part["verb"] or part["bare"]
                reversed_ = bool(part["neg"] or part["never"] or part["did"]) != denied
                score = self.strength(part) * (1 if self.positive[word] != reversed_ else -1)
                scores.append(0 if uncounted else score)
                denied = uncounted = False
        return scores

    def strength(self, part) -> int:
        if part["neg"] in ("not very", "not particularly") or part["degree"] in WEAKENERS:
            return 1
        return 3 if part["degree"] in STRENGTHENERS else 2


def test_the_words_alone_without_signs_decide_every_opinion_and_the_label(everything):
    reading = Reading()
    for review in everything:
        scores = reading.scores(review.text)
        assert scores == [opinion.score for opinion in review.opinions], review.text
        assert review.label == ("positive" if sum(scores) > 0 else "negative")


def test_reviews_have_5_to_200_words(everything):
    lengths = [len(review.text.split()) for review in everything]
    assert min(lengths) >= MIN_WORDS == 5
    assert max(lengths) <= MAX_WORDS == 200
    assert min(lengths) < 8
    assert max(lengths) > 180


def test_no_training_review_shows_a_held_out_pair_and_every_test_review_does(reviews):
    def held_out(review):
        return [
            any(
                (constituent, opinion.word) in HELD_OUT_PAIRS
                for constituent in (*opinion.negators, opinion.aspect)
            )
            for opinion in review.opinions
        ]

    assert not any(any(held_out(review)) for review in reviews["train"] + reviews["val"])
    assert all(all(held_out(review)) for review in reviews["test"])


def test_test_reviews_have_no_word_that_training_lacks(reviews):
    words = {
        split: {word for review in reviews[split] for word in review.text.lower().split()}
        for split in SPLITS
    }
    assert words["test"] <= words["train"]


def test_no_text_is_in_two_splits(reviews):
    texts = {split: {review.text for review in reviews[split]} for split in SPLITS}
    assert not texts["train"] & texts["val"]
    assert not texts["test"] & (texts["train"] | texts["val"])


def test_both_labels_are_equally_frequent_in_all_lengths(reviews):
    for short in (True, False):
        labels = [r.label for r in reviews["train"] if (len(r.text.split()) < 40) == short]
        assert 0.4 < labels.count("positive") / len(labels) < 0.6


def test_stars_follow_the_label(everything):
    assert {review.stars for review in everything} <= {n / 2 for n in range(2, 11)} - {3.0}
    assert all((review.stars > 3) == (review.label == "positive") for review in everything)


def test_every_construction_of_the_grammar_appears(reviews):
    opinions = [opinion for review in reviews["train"] for opinion in review.opinions]
    assert {len(opinion.negators) for opinion in opinions} == {0, 1, 2}
    assert {opinion.strength for opinion in opinions} == {1, 2, 3}
    assert 0.1 < sum(not opinion.counts for opinion in opinions) / len(opinions) < 0.4
    aspects = [len({o.aspect for o in review.opinions}) for review in reviews["train"]]
    assert max(Counter(aspects)) >= 5


def test_a_review_is_the_same_in_another_process(reviews):
    assert sample_review(0, 7, "test") == reviews["test"][7]


def test_another_seed_is_another_world():
    assert sample_review(0, 0, "train") != sample_review(1, 0, "train")


def test_a_bag_of_ngrams_learns_something_and_not_the_rest(reviews):
    texts = {split: [review.text for review in reviews[split]] for split in SPLITS}
    labels = {split: [review.label for review in reviews[split]] for split in SPLITS}
    counts = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = LogisticRegression(C=10, max_iter=500)
    model.fit(counts.fit_transform(texts["train"]), labels["train"])
    accuracy = model.score(counts.transform(texts["test"]), labels["test"])
    assert 0.65 < accuracy < 0.85
