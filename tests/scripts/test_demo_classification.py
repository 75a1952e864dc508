import runpy
from pathlib import Path

import pytest
from PIL import Image
from tiny_classifier import save

SCRIPT = Path(__file__).parents[2] / "scripts" / "demo_classification.py"


@pytest.fixture(scope="module")
def demo():
    return runpy.run_path(str(SCRIPT))["main"]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A checkpoint of a classifier of three colours."""
    return str(save(tmp_path_factory.mktemp("model") / "classes.ckpt"))


def test_the_demo_prints_the_ranked_labels_and_draws_them(
    demo, classifier, photos, tmp_path, capsys
):
    output = tmp_path / "drawn" / "class.png"
    assert demo([classifier, str(photos / "red.png"), "--output", str(output)]) == 0
    label, *ranked, drawn = capsys.readouterr().out.splitlines()
    assert label == "red"
    assert len(ranked) == 3
    assert ranked[0].endswith(" %  red")
    shares = [float(line.split()[0]) for line in ranked]
    assert shares == sorted(shares, reverse=True)
    assert drawn == f"Drawn to {output}"
    with Image.open(output) as image:
        assert min(image.size) > 300


def test_a_scene_is_drawn_where_no_picture_is_at_hand(demo, classifier, tmp_path, capsys):
    output = tmp_path / "scene.svg"
    assert demo([classifier, "scene:3", "--output", str(output), "--top", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert output.is_file()


def test_a_count_is_drawn_without_labels(demo, photos, tmp_path, capsys):
    path = save(tmp_path / "counts.ckpt", target="count")
    output = ["--output", str(tmp_path / "x.png")]
    assert demo([str(path), str(photos / "blue.png"), *output]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "3"


@pytest.mark.parametrize("image", ["nowhere.png", "scene:x", "scene:-1"])
def test_a_picture_that_is_not_there_is_named(image, demo, classifier, tmp_path, capsys):
    assert demo([classifier, image, "--output", str(tmp_path / "x.png")]) == 1
    assert f"demo_classification: No picture {image}" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--top", "0"], "`top` must be 1 or more, got 0"),
        (["--output", "x.txt"], "A picture is written as .png"),
    ],
)
def test_a_mistake_is_a_sentence_and_code_1(arguments, sentence, demo, classifier, capsys):
    assert demo([classifier, "scene:3", *arguments]) == 1
    assert f"demo_classification: {sentence}" in capsys.readouterr().err


def test_a_missing_model_is_named(demo, tmp_path, capsys):
    assert demo([str(tmp_path / "nothing.ckpt"), "scene:3"]) == 1
    assert "demo_classification: No checkpoint at" in capsys.readouterr().err


def test_a_captioner_is_refused(demo, checkpoint, capsys):
    assert demo([str(checkpoint), "scene:3"]) == 1
    assert "best.ckpt is a checkpoint of the task 'captioning'" in capsys.readouterr().err


def test_the_help_says_how_to_do_without_a_picture(demo, capsys):
    with pytest.raises(SystemExit):
        demo(["--help"])
    assert "scene:INDEX" in capsys.readouterr().out
