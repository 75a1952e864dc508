import runpy
from pathlib import Path

import pytest
import tiny_answerer
from PIL import Image
from tiny_answerer import WHAT

import multimodal

SCRIPT = Path(__file__).parents[2] / "scripts" / "demo_vqa.py"


@pytest.fixture(scope="module")
def demo():
    return runpy.run_path(str(SCRIPT))["main"]


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    """A checkpoint of an answerer that knows three colours."""
    return str(tiny_answerer.save(tmp_path_factory.mktemp("model") / "answers.ckpt"))


def test_the_demo_prints_the_ranked_answers_and_draws_them(
    demo, answerer, photos, tmp_path, capsys
):
    output = tmp_path / "drawn" / "answer.png"
    assert demo([answerer, str(photos / "red.png"), WHAT, "--output", str(output)]) == 0
    *answers, drawn = capsys.readouterr().out.splitlines()
    assert len(answers) == 5
    assert answers[0].endswith(" %  red")
    shares = [float(line.split()[0]) for line in answers]
    assert shares == sorted(shares, reverse=True)
    assert drawn == f"Drawn to {output}"
    with Image.open(output) as image:
        assert min(image.size) > 300


def test_a_scene_is_drawn_where_no_picture_is_at_hand(demo, answerer, tmp_path, capsys):
    output = tmp_path / "scene.svg"
    assert demo([answerer, "scene:3", WHAT, "--output", str(output), "--top", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert output.is_file()


def test_words_that_the_model_never_saw_are_named(demo, answerer, tmp_path, capsys):
    output = ["--output", str(tmp_path / "x.png")]
    assert demo([answerer, "scene:3", "Is it a red gnu?", *output]) == 0
    assert "The model never saw the words a, gnu." in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("image", ["nowhere.png", "scene:x", "scene:-1"])
def test_a_picture_that_is_not_there_is_named(image, demo, answerer, tmp_path, capsys):
    assert demo([answerer, image, WHAT, "--output", str(tmp_path / "x.png")]) == 1
    assert f"demo_vqa: No picture {image}" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([""], "A question has no word in it: ''. Ask something"),
        ([WHAT, "--top", "0"], "`top` must be 1 or more, got 0"),
        ([WHAT, "--output", "x.txt"], "A picture is written as .png"),
    ],
)
def test_a_mistake_is_a_sentence_and_code_1(arguments, sentence, demo, answerer, capsys):
    assert demo([answerer, "scene:3", *arguments]) == 1
    assert f"demo_vqa: {sentence}" in capsys.readouterr().err


def test_a_missing_model_is_named(demo, tmp_path, capsys):
    assert demo([str(tmp_path / "nothing.ckpt"), "scene:3", WHAT]) == 1
    assert "demo_vqa: No checkpoint at" in capsys.readouterr().err


def test_a_captioner_is_refused(demo, checkpoint, capsys):
    assert demo([str(checkpoint), "scene:3", WHAT]) == 1
    assert "best.ckpt is a checkpoint of the task 'captioning'" in capsys.readouterr().err


def test_the_help_says_how_to_do_without_a_picture(demo, capsys):
    with pytest.raises(SystemExit):
        demo(["--help"])
    assert "scene:INDEX" in capsys.readouterr().out


def test_the_model_that_ships_and_a_scene_stand_in_where_none_is_named(
    demo, answerer, requested, tmp_path
):
    names = requested(multimodal.VQAPredictor, answerer)
    assert demo(["--output", str(tmp_path / "x.png")]) == 0
    assert names == ["vqa-scenes"]
