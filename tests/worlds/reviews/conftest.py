"""Many reviews, drawn in a process of its own, where types are not checked."""

import pickle
import subprocess
import sys
from pathlib import Path

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
def reviews() -> dict[str, list[Review]]:
    """Sample the first reviews of each split, of two seeds."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={"PYTHONHASHSEED": "3"},
    )
    return pickle.loads(run.stdout)
