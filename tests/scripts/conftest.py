import importlib
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))


@pytest.fixture
def precision():
    before = torch.get_float32_matmul_precision()
    yield before
    torch.set_float32_matmul_precision(before)


@pytest.fixture
def machine(precision):
    timing = importlib.import_module("sides.timing")
    return timing.Machine(torch.device("cpu"), False, precision)


@pytest.fixture
def untuned(monkeypatch, precision):
    """A benchmark leaves the settings of the tests' process as they are."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("sides.timing.tune_cpu", tuple)
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)


@pytest.fixture
def requested(monkeypatch):
    """Give a predictor's class another checkpoint to read; returns the names it is asked for."""

    def watch(kind, path):
        names, original = [], kind.from_checkpoint
        monkeypatch.setattr(
            kind, "from_checkpoint", lambda name: names.append(str(name)) or original(path)
        )
        return names

    return watch
