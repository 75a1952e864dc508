import json
import subprocess
import sys

import pytest
from PIL import Image

from multimodal.attribution.methods import METHODS
from multimodal.cli.explain import run
from multimodal.cli.main import main


def explain(*arguments):
    return run([*map(str, arguments), "--device", "cpu"])


def test_a_caption_is_drawn_with_a_map_for_each_word(checkpoint, photos, tmp_path, capsys):
    picture = tmp_path / "why.png"
    assert explain(checkpoint, photos / "red.png", "--output", picture) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(
        "a red picture that isn't green. How much hiding each region lowers"
    )
    assert printed.out.endswith(f"Wrote {picture}.\n")
    assert printed.err == ""
    assert Image.open(picture).size[0] > 500


def test_an_answer_is_explained_with_the_words_that_count(tiny_models, photos, tmp_path, capsys):
    picture = tmp_path / "why.svg"
    blue = photos / "blue.png"
    assert explain(tiny_models["vqa"], blue, "Is it blue?", "--output", picture) == 0
    assert "yes. How much hiding each region lowers" in (printed := capsys.readouterr().out)
    assert "blue +" in printed
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize("method", METHODS)
def test_json_holds_the_numbers(tiny_models, photos, tmp_path, capsys, method):
    picture = tmp_path / "why.png"
    arguments = (tiny_models["classification"], photos / "red.png", "--output", picture)
    assert explain(*arguments, "--method", method, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["said"], values["method"]) == ("red", method)
    assert values["picture"] == str(picture)
    assert len({len(row) for row in values["maps"][0]}) == 1


def test_a_text_is_explained(tiny_models, tmp_path, capsys):
    picture = tmp_path / "why.png"
    text = "the film is not bad"
    assert explain(tiny_models["sentiment"], text, "--output", picture) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("positive. How much hiding each word lowers")
    assert picture.is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["m", "i"], "--output is missing"),
        (["m", "i", "--output", "why.txt"], "--output must end in .png, .jpg, .pdf, .svg, got why"),
        (["m", "i", "--output", "a.png", "--method", "lime"], "--method must be one of saliency"),
        (["m"], "INPUT and --output are missing"),
    ],
)
def test_a_wrong_call_leaves_with_2(capsys, arguments, sentence):
    with pytest.raises(SystemExit) as left:
        run(arguments)
    assert left.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("task", "given", "sentence"),
    [
        ("vqa", ["PHOTO"], "This model answers questions. Give one with the picture."),
        ("classification", ["PHOTO", "Why?"], "This model answers no questions"),
        ("classification", ["a good film"], "This model takes pictures: give a file."),
        ("classification", ["nowhere.png"], "nowhere.png"),
        ("sentiment", ["good", "--method", "grad_cam"], "Grad-CAM is for pictures"),
        ("language_model", ["to be"], "got Writer, which has no prediction to explain"),
    ],
)
def test_arguments_that_do_not_match_the_model_are_refused_in_a_sentence(
    tiny_models, photos, tmp_path, capsys, *, task, given, sentence
):
    picture = tmp_path / "why.png"
    arguments = [str(photos / "red.png") if part == "PHOTO" else part for part in given]
    code = main(["explain", str(tiny_models[task]), *arguments, "--output", str(picture)])
    assert code == 1
    assert sentence in (message := capsys.readouterr().err)
    assert len(message.splitlines()) <= 3
    assert not picture.exists()


def test_help_has_examples_and_needs_no_torch():
    program = "import sys; from multimodal.cli.main import main\n"
    program += (
        "try: main(['explain', '--help'])\nexcept SystemExit: assert 'torch' not in sys.modules"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )
    assert "multimodal explain vqa-scenes photo.jpg" in result.stdout
