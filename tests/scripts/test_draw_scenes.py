import runpy
from pathlib import Path

import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "scripts" / "draw_scenes.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))["main"]


def test_a_sheet_says_of_every_caption_whether_it_is_true(script, checkpoint, tmp_path, capsys):
    output = tmp_path / "sheet.png"
    assert script([str(checkpoint), "--output", str(output), "--count", "2"]) == 0
    *lines, drawn = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.endswith(("(true)", "(not all of it is true)")) for line in lines)
    assert drawn == f"Drawn to {output}"
    with Image.open(output) as image:
        assert min(image.size) > 100


def test_a_missing_model_is_one_sentence(script, tmp_path, capsys):
    assert script([str(tmp_path / "no.ckpt"), "--output", str(tmp_path / "sheet.png")]) == 1
    assert "No checkpoint at" in capsys.readouterr().err
