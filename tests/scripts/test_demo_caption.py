import runpy
from pathlib import Path

import pytest
from PIL import Image
from tiny_captioner import CAPTIONS

import multimodal

SCRIPT = Path(__file__).parents[2] / "scripts" / "demo_caption.py"


@pytest.fixture(scope="module")
def demo():
    return runpy.run_path(str(SCRIPT))["main"]


def test_the_demo_prints_the_captions_and_draws_a_map_for_each_word(
    demo, checkpoint, photos, tmp_path, capsys
):
    output = tmp_path / "drawn" / "caption.png"
    assert demo([str(checkpoint), str(photos / "red.png"), "--output", str(output)]) == 0
    best, second, third, drawn = capsys.readouterr().out.splitlines()
    assert best.endswith(f"  {CAPTIONS['red']}")
    assert 0 > float(best.split()[0]) > float(second.split()[0]) > float(third.split()[0])
    assert drawn == f"Drawn to {output}"
    with Image.open(output) as image:
        assert min(image.size) > 300


def test_a_scene_is_drawn_where_no_picture_is_at_hand(demo, checkpoint, tmp_path, capsys):
    output = tmp_path / "scene.png"
    assert demo([str(checkpoint), "scene:3", "--output", str(output), "--beam-size", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert output.is_file()


@pytest.mark.parametrize("image", ["nowhere.png", "scene:x", "scene:-1"])
def test_a_picture_that_is_not_there_is_named(image, demo, checkpoint, tmp_path, capsys):
    assert demo([str(checkpoint), image, "--output", str(tmp_path / "x.png")]) == 1
    assert f"demo_caption: No picture {image}" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_a_missing_model_is_named(demo, tmp_path, capsys):
    assert demo([str(tmp_path / "nothing.ckpt"), "scene:3"]) == 1
    assert "demo_caption: No checkpoint at" in capsys.readouterr().err


def test_an_output_that_is_no_picture_is_refused(demo, checkpoint, tmp_path, capsys):
    assert demo([str(checkpoint), "scene:3", "--output", str(tmp_path / "x.txt")]) == 1
    assert "demo_caption: A picture is written as .png" in capsys.readouterr().err


def test_the_help_says_how_to_do_without_a_picture(demo, capsys):
    with pytest.raises(SystemExit):
        demo(["--help"])
    assert "scene:INDEX" in capsys.readouterr().out


def test_the_model_that_ships_and_a_scene_stand_in_where_none_is_named(
    demo, checkpoint, requested, tmp_path
):
    names = requested(multimodal.CaptionPredictor, checkpoint)
    assert demo(["--output", str(tmp_path / "x.png")]) == 0
    assert names == ["captioning-scenes"]
