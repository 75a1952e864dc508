"""The built-in reviews: texts from a small grammar, each with a verdict that follows by rule.

`sample_review` draws a review of a film, a restaurant or a hotel with all that it says of which
aspect, and the label and stars that follow from it. Nothing is stored: a review is a pure function
of (seed, index, split).
"""

from multimodal.data.reviews.clauses import HELD_OUT_PAIRS, Opinion
from multimodal.data.reviews.sampling import (
    MAX_WORDS,
    MIN_WORDS,
    SPLITS,
    Review,
    sample_review,
)

__all__ = [
    "HELD_OUT_PAIRS",
    "MAX_WORDS",
    "MIN_WORDS",
    "SPLITS",
    "Opinion",
    "Review",
    "sample_review",
]
