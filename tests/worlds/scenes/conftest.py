"""Many questions, asked once."""

import pickle

import pytest

from multimodal.worlds.scenes import SceneQuestion

PROGRAM = """
import pickle, sys
from multimodal.worlds.scenes import ask, sample_scene
number = {"train": 1200, "comp_train": 300, "comp_test": 400}
asked = {
    split: [question for at in range(scenes) for question in ask(sample_scene(1, at, split))]
    for split, scenes in number.items()
}
pickle.dump(asked, sys.stdout.buffer)
"""


@pytest.fixture(scope="session")
def asked(run_apart) -> dict[str, list[SceneQuestion]]:
    """Ask ten questions about each of the first scenes of some splits, in order."""
    return pickle.loads(run_apart(PROGRAM))
