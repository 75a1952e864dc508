"""Many reviews, sampled once."""

import pickle

import pytest

from multimodal.worlds.reviews import Review

PROGRAM = """
import pickle, sys
from multimodal.worlds.reviews import sample_review
number = {"train": 1500, "val": 400, "test": 400}
reviews = {
    split: [sample_review(seed, index, split) for seed in (0, 1) for index in range(many)]
    for split, many in number.items()
}
pickle.dump(reviews, sys.stdout.buffer)
"""


@pytest.fixture(scope="session")
def reviews(run_apart) -> dict[str, list[Review]]:
    """Sample the first reviews of each split, of two seeds."""
    return pickle.loads(run_apart(PROGRAM))
