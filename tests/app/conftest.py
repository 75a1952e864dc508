import pytest
import tiny_answerer
import tiny_captioner
import tiny_classifier
import tiny_critic

from multimodal.app.models import Models
from multimodal.app.replies import Replies


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """A tiny model for each tab."""
    folder = tmp_path_factory.mktemp("models")
    modules = {
        "captioning": tiny_captioner,
        "vqa": tiny_answerer,
        "sentiment": tiny_critic,
        "classification": tiny_classifier,
    }
    return {task: str(module.save(folder / f"{task}.ckpt")) for task, module in modules.items()}


@pytest.fixture(scope="session")
def replies(checkpoints):
    return Replies(Models(checkpoints, "cpu"))


@pytest.fixture
def red(tmp_path):
    """The file of a red picture."""
    path = tmp_path / "red.png"
    tiny_captioner.picture("red").save(path)
    return str(path)
