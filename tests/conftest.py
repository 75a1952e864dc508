"""Markers that depend on the machine, and fixtures that several files use."""

import os
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# So that every test can import the tiny models of tests/fixtures.
sys.path.insert(0, str(Path(__file__).parent / "fixtures"))

# One thread: the tensors of tests are small, and a process that is forked after a thread pool has
# started (as the tests of killed runs do) waits for threads that it does not have.
torch.set_num_threads(1)

# A loaded machine is slow, which is no fault of the code under test. `scripts/test --all` looks for
# counterexamples longer than the default run, which is to end within minutes.
settings.register_profile("multimodal", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "multimodal"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    data = os.environ.get("MULTIMODAL_DATA")
    no_data = pytest.mark.skip(reason="set MULTIMODAL_DATA to a folder of data sets")
    no_gpu = pytest.mark.skip(reason="no CUDA device")
    for item in items:
        if item.get_closest_marker("data") and not (data and Path(data).is_dir()):
            item.add_marker(no_data)
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(no_gpu)


@pytest.fixture
def data_folder() -> Path:
    """The folder of real data sets; only for tests marked ``data``."""
    return Path(os.environ["MULTIMODAL_DATA"])


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A checkpoint of a captioner that knows three colours."""
    import tiny_captioner

    return tiny_captioner.save(tmp_path_factory.mktemp("model") / "best.ckpt")


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """A checkpoint of a tiny model of each task, by the task's name."""
    import tiny_answerer
    import tiny_captioner
    import tiny_classifier
    import tiny_critic
    import tiny_writer

    modules = {
        "captioning": tiny_captioner,
        "vqa": tiny_answerer,
        "sentiment": tiny_critic,
        "classification": tiny_classifier,
        "language_model": tiny_writer,
    }
    folder = tmp_path_factory.mktemp("models")
    return {task: module.save(folder / f"{task}.ckpt") for task, module in modules.items()}


@pytest.fixture
def photos(tmp_path):
    """A folder of three pictures, one for each colour."""
    import tiny_captioner

    folder = tmp_path / "photos"
    folder.mkdir()
    for colour in tiny_captioner.COLOURS:
        tiny_captioner.picture(colour).save(folder / f"{colour}.png")
    return folder
