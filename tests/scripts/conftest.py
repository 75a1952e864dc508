import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures"))

import tiny_captioner


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A checkpoint of a captioner that knows three colours."""
    return tiny_captioner.save(tmp_path_factory.mktemp("model") / "best.ckpt")


@pytest.fixture
def photos(tmp_path):
    """A folder of three pictures, one for each colour."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for colour in tiny_captioner.COLOURS:
        tiny_captioner.picture(colour).save(folder / f"{colour}.png")
    return folder
