"""The built-in reviews: texts from a small grammar, each with a verdict that follows by rule.

`sample_review` draws a review of a film, a restaurant or a hotel with all that it says of which
aspect, and the label and stars that follow from it. Nothing is stored: a review is a pure function
of (seed, index, split).
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
