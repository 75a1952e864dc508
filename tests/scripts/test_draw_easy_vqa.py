import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "draw_easy_vqa.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))["main"]


def test_a_set_is_drawn_and_counted(script, tmp_path, capsys):
    root = tmp_path / "set"
    assert script([str(root), "--train", "3", "--test", "2", "--seed", "1"]) == 0
    assert capsys.readouterr().out.startswith("3 train images with ")
    assert len(list(root.glob("data/train/images/*.png"))) == 3
    assert len(list(root.glob("data/test/images/*.png"))) == 2


def test_a_folder_with_something_in_it_is_one_sentence(script, tmp_path, capsys):
    (tmp_path / "mine.txt").touch()
    assert script([str(tmp_path)]) == 1
    assert capsys.readouterr().err.strip() == (
        f"draw_easy_vqa: {tmp_path} is not empty; name a new folder."
    )
