import json
from pathlib import Path

import pytest
import tiny_answerer
import tiny_captioner
import tiny_classifier
import tiny_critic
import tiny_writer
import torch
from PIL import Image
from tiny_captioner import COLOURS, picture

import multimodal
from multimodal.attribution.explanation import explain
from multimodal.attribution.methods import METHODS
from multimodal.captioning.result import Caption
from multimodal.loading import load
from multimodal.sentiment.predictor import SentimentPredictor

MODULES = {
    "captioning": tiny_captioner,
    "vqa": tiny_answerer,
    "classification": tiny_classifier,
    "sentiment": tiny_critic,
}
TEXT = "the film is not bad"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {task: load(module.save(folder / f"{task}.ckpt")) for task, module in MODULES.items()}


def inputs(task):
    """The arguments of a predictor of the task."""
    given = TEXT if task == "sentiment" else picture("red")
    return (given, tiny_answerer.WHAT) if task == "vqa" else (given,)


CASES = [
    (task, method)
    for task in MODULES
    for method in METHODS
    if task != "sentiment" or "words" in METHODS[method].parts
]


@pytest.mark.parametrize(("task", "method"), CASES)
def test_every_task_is_explained_by_every_method(models, task, method):
    why = explain(models[task], *inputs(task), method=method)
    assert (why.task, why.method) == (task, method)
    predicted = models[task](*inputs(task))
    assert why.prediction == str(predicted)
    assert len(why.maps) == {"captioning": len(why.words), "sentiment": 0}.get(task, 1)
    assert all(torch.tensor(grid).isfinite().all() for grid in why.maps)
    if task in ("vqa", "sentiment") and method != "grad_cam":
        assert len(why.contributions) == len(why.words) == 5
    values = json.loads(why.to_json())
    assert values["said"] == why.prediction
    assert "image" not in values
    assert str(why) == f"{why.prediction}, by {METHODS[method].title}"


@pytest.mark.parametrize("task", MODULES)
def test_an_explanation_is_drawn(models, task, tmp_path):
    why = explain(models[task], *inputs(task))
    why.save(tmp_path / "why.png")
    assert Image.open(tmp_path / "why.png").size[0] > 500
    assert why._repr_png_()[1:4] == b"PNG"
    written = [text.get_text() for text in why.figure().texts]
    assert any(why.prediction in line for line in written)
    assert any("How much hiding each" in line for line in written)


def test_the_note_names_the_unit(models):
    why = explain(models["classification"], picture("red"), method="grad_cam")
    assert why.note == "Regions that raise the log-odds of red, by Grad-CAM."
    why = explain(models["sentiment"], TEXT, method="saliency")
    assert why.note == "How strongly a small change of each word changes the log-odds of positive."


def test_contributions_of_a_text_are_those_of_its_prediction(models):
    why = explain(models["sentiment"], TEXT, method="integrated_gradients")
    assert why.contributions == pytest.approx(models["sentiment"](TEXT).contributions, rel=1e-4)


def test_the_colour_in_a_question_contributes_most_to_the_answer(models):
    why = explain(models["vqa"], picture("red"), "Is it red?", method="occlusion")
    words = dict(zip(why.words, why.contributions, strict=True))
    assert max(words, key=words.get) == "red"


@pytest.mark.parametrize("target", ["count", "number"])
def test_numbers_are_explained(tmp_path, target):
    model = load(tiny_classifier.save(tmp_path / "best.ckpt", target=target))
    why = explain(model, picture("green"), method="grad_cam")
    assert why.prediction == str(model(picture("green")))
    assert why.unit == {"count": "the logarithm of the count", "number": "the number"}[target]
    assert why.ranked == ()
    assert why.figure().texts[0].get_text() == why.prediction


def test_stars_are_explained(tmp_path):
    model = load(tiny_critic.save(tmp_path / "best.ckpt", target="number"))
    why = explain(model, TEXT, method="occlusion")
    assert why.unit == "the number"
    assert why.figure().texts[0].get_text() == why.prediction


def test_an_explanation_in_inference_mode_is_the_same(models):
    with torch.inference_mode():
        inside = explain(models["vqa"], *inputs("vqa"), method="integrated_gradients")
    assert inside == explain(models["vqa"], *inputs("vqa"), method="integrated_gradients")


def test_explaining_leaves_no_gradients_behind(models):
    for task in MODULES:
        explain(models[task], *inputs(task), method="saliency")
        assert all(parameter.grad is None for parameter in models[task].model.parameters())


@pytest.mark.parametrize("colour", COLOURS)
def test_a_caption_has_a_map_for_each_word_over_the_picture(models, colour):
    why = explain(models["captioning"], picture(colour), method="grad_cam")
    assert why.words[1] == colour
    assert why.image.shape == (3, 40, 48)
    assert {(len(grid), len(grid[0])) for grid in why.maps} == {(4, 4)}


def test_grad_cam_of_a_text_is_refused(models):
    with pytest.raises(
        ValueError, match=r"Grad-CAM is for pictures. Explain a text by one of saliency"
    ):
        explain(models["sentiment"], TEXT, method="grad_cam")


def test_an_answerer_needs_a_question(models):
    with pytest.raises(ValueError, match=r"This model answers questions. Give one"):
        explain(models["vqa"], picture("red"))


def test_other_models_take_no_question(models):
    with pytest.raises(ValueError, match="This model answers no questions, got 'Why"):
        explain(models["classification"], picture("red"), "Why?")


def test_a_text_is_a_string(models):
    with pytest.raises(TypeError, match="This model reads texts, got Image"):
        explain(models["sentiment"], picture("red"))


@pytest.mark.parametrize("predictor", [SentimentPredictor, None, "captioning-scenes"])
def test_only_predictors_are_explained(predictor):
    message = r"`explain` takes a predictor.*got (the class SentimentPredictor|NoneType|str),"
    with pytest.raises(TypeError, match=message):
        explain(predictor, TEXT)


def test_a_language_model_has_nothing_to_explain(tmp_path):
    writer = load(tiny_writer.save(tmp_path / "best.ckpt"))
    with pytest.raises(TypeError, match="got Writer, which has no prediction to explain"):
        explain(writer, TEXT)


def test_a_caption_without_words_has_nothing_to_explain(models, monkeypatch):
    captioner = models["captioning"]
    monkeypatch.setattr(type(captioner), "__call__", lambda *_, **__: Caption("", (), -1.0))
    with pytest.raises(ValueError, match="wrote no word, so that there is nothing to explain"):
        explain(captioner, picture("red"))


@pytest.mark.parametrize("name", multimodal.__all__)
def test_no_public_name_is_hidden_by_a_module_of_the_same_name(name):
    folder = Path(multimodal.__file__).parent
    assert not (folder / f"{name}.py").exists()
    assert not (folder / name / "__init__.py").exists()


def test_the_public_function_is_the_same_after_models_were_loaded(models):
    assert models
    assert multimodal.explain is explain
