"""Run programs in a process of their own, where shapes and types are not checked."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def run_apart() -> Callable[[str], bytes]:
    """Return a function that runs a program in a process of its own and returns its output."""

    def run(program: str) -> bytes:
        return subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": "3"},
        ).stdout

    return run
