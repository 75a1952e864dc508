import pytest
import tiny_captioner

from multimodal.app.models import Models
from multimodal.app.replies import Replies


@pytest.fixture(scope="session")
def checkpoints(tiny_models):
    """A tiny model for each tab."""
    return {task: str(path) for task, path in tiny_models.items() if task != "language_model"}


@pytest.fixture(scope="session")
def replies(checkpoints):
    return Replies(Models(checkpoints, "cpu"))


@pytest.fixture
def red(tmp_path):
    """The file of a red picture."""
    path = tmp_path / "red.png"
    tiny_captioner.picture("red").save(path)
    return str(path)
