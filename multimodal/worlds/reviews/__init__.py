"""The built-in reviews: texts from a small grammar, with labels that follow by rule.

`sample_review` draws a review of a film, a restaurant or a hotel with its opinions of each aspect,
and the label and stars that follow from them. Nothing is stored: a review is a pure function of
(seed, index, split).
"""

from multimodal.worlds.reviews.clauses import HELD_OUT_PAIRS, Opinion
from multimodal.worlds.reviews.sampling import MAX_WORDS, MIN_WORDS, SPLITS, Review, sample_review
from multimodal.worlds.reviews.vocabulary import words

__all__ = [
    "HELD_OUT_PAIRS",
    "MAX_WORDS",
    "MIN_WORDS",
    "SPLITS",
    "Opinion",
    "Review",
    "sample_review",
    "words",
]
