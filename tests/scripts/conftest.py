import importlib
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))


@pytest.fixture(scope="module")
def benchmark(request):
    """The benchmark that the file of tests names."""
    return importlib.import_module(request.module.BENCHMARK)


@pytest.fixture(scope="module")
def sides(request):
    """The two sides that the file of tests names."""
    return importlib.import_module(request.module.SIDES)


@pytest.fixture
def precision():
    before = torch.get_float32_matmul_precision()
    yield before
    torch.set_float32_matmul_precision(before)


@pytest.fixture
def machine(precision):
    return importlib.import_module("machine").Machine(torch.device("cpu"), False, precision)


@pytest.fixture
def untuned(monkeypatch, precision):
    """A benchmark's `main` leaves the process of the tests as it is."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("machine.tune_cpu", tuple)
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)


@pytest.fixture
def asked(monkeypatch):
    """Give a predictor's class another checkpoint to read; returns the names it was asked for."""

    def watch(kind, path):
        names, original = [], kind.from_checkpoint
        monkeypatch.setattr(
            kind, "from_checkpoint", lambda name: names.append(str(name)) or original(path)
        )
        return names

    return watch
