import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

import multimodal
from multimodal.cli.configs import find_config
from multimodal.data.readers import read_digits
from multimodal.saving.names import PRETRAINED, shipped_models
from multimodal.worlds.reviews import sample_review
from multimodal.worlds.scenes import ask, describe, sample_scene

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_pretrained.py"
NAMES = ["captioning-scenes", "vqa-scenes", "classification-digits", "sentiment-reviews"]


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


class Scripted:
    """A predictor whose results a function gives."""

    def __init__(self, predict):
        self.predict = predict

    def stream(self, inputs, **_):
        return map(self.predict, inputs)


def test_captions_are_measured_by_their_truth_and_their_references(script):
    right = Scripted(lambda scene: SimpleNamespace(text=describe(scene)[0]))
    scores = script["measure_captions"](right, 5)
    assert scores["truth/captions"] == scores["truth/statements"] == 1
    assert scores["bleu4"] == pytest.approx(1)
    assert scores["cider"] > 1
    wrong = Scripted(lambda scene: SimpleNamespace(text="a nice day"))
    assert script["measure_captions"](wrong, 5)["truth/captions"] == 0


def test_answers_are_measured_by_how_many_are_right(script):
    scenes = [sample_scene(0, index, "test") for index in range(3)]
    right = {(scene, each.text): each.answer for scene in scenes for each in ask(scene, 10)}
    assert len(right) == 30
    first = next(iter(right))
    model = Scripted(lambda pair: SimpleNamespace(answer="?" if pair == first else right[pair]))
    assert script["measure_answers"](model, 3) == {"accuracy": 29 / 30}


def test_digits_are_those_of_the_test_part(script):
    images, labels = read_digits().images, read_digits().labels
    label_of = {image.tobytes(): str(label) for image, label in zip(images, labels, strict=True)}
    inputs = []

    def predict(image):
        inputs.append(image)
        return SimpleNamespace(label=label_of[image.tobytes()])

    assert script["measure_digits"](Scripted(predict), 1_000) == {"accuracy": 1}
    assert len(inputs) == 449
    assert inputs[0].shape == (8, 8)


def test_sentiments_are_measured_on_test_reviews(script):
    right = {sample_review(0, index, "test").text: index for index in range(4)}
    model = Scripted(
        lambda text: SimpleNamespace(label=sample_review(0, right[text], "test").label)
    )
    assert script["measure_sentiments"](model, 4) == {"accuracy": 1}


def test_every_model_has_a_shipped_configuration(script):
    assert list(script["RECIPES"]) == NAMES
    for recipe in script["RECIPES"].values():
        assert find_config(recipe.config).is_file()
        assert not recipe.start or NAMES.index(recipe.start) == 0


def test_quick_models_never_go_into_the_package(script, capsys):
    assert script["main"](["--quick"]) == 2
    assert "--quick needs another --output" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(3600)  # eight processes that import everything, on a machine that may be busy
def test_the_script_makes_all_models(script, tmp_path, capsys):
    assert script["main"](["--quick", "--output", str(tmp_path)]) == 0
    for name in NAMES:
        assert multimodal.load(tmp_path / name, device="cpu")
        metrics = json.loads((tmp_path / name / "metrics.json").read_text())
        assert metrics["exported"].keys() <= metrics["test"].keys()
        card = (tmp_path / name / "README.md").read_text()
        assert f"multimodal fit --config {script['RECIPES'][name].config}" in card
        assert str(tmp_path) not in card
    assert "captioning-scenes/model.safetensors" in (tmp_path / "vqa-scenes/README.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_keeps_the_scores_of_its_card(script, name):
    folder = PRETRAINED / name
    metrics = json.loads((folder / "metrics.json").read_text())
    model = multimodal.load(name, device="cpu")
    found = script["RECIPES"][name].measure(model, metrics["examples"])
    assert found == pytest.approx(metrics["exported"], abs=0.003)
    card = (folder / "README.md").read_text()
    assert all(f"{value:.4f}" in card for value in metrics["exported"].values())


def test_every_model_ships_and_all_are_small():
    assert shipped_models() == sorted(NAMES)
    assert sum(path.stat().st_size for path in PRETRAINED.rglob("*") if path.is_file()) < 12_000_000
