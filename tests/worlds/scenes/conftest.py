"""Many questions, asked in a process of its own, where shapes and types are not checked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

PROGRAM = """
import json, sys
from dataclasses import astuple
from multimodal.worlds.scenes import ask, sample_scene
number = {"train": 1200, "comp_train": 300, "comp_test": 400}
asked = {
    split: [astuple(q) for at in range(scenes) for q in ask(sample_scene(1, at, split))]
    for split, scenes in number.items()
}
json.dump(asked, sys.stdout)
"""


class Asked(NamedTuple):
    """A question as `SceneQuestion` has it."""

    text: str
    answer: str
    kind: str
    program: tuple[tuple[str, ...], ...]


@pytest.fixture(scope="session")
def asked() -> dict[str, list[Asked]]:
    """Ask ten questions about each of the first scenes of some splits, in order."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={"PYTHONHASHSEED": "3"},
    )
    return {
        split: [
            Asked(text, answer, kind, tuple(tuple(step) for step in program))
            for text, answer, kind, program in questions
        ]
        for split, questions in json.loads(run.stdout).items()
    }
