import json

import pytest
import tiny_answerer
import tiny_captioner
import tiny_classifier
import tiny_critic
import torch
from PIL import Image
from tiny_captioner import COLOURS, picture

from multimodal.explain.attribution import METHODS
from multimodal.explain.explaining import explain
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


def asked(task):
    """What a model of the task is called with."""
    given = TEXT if task == "sentiment" else picture("red")
    return (given, tiny_answerer.WHAT) if task == "vqa" else (given,)


EVERY = [
    (task, method)
    for task in MODULES
    for method in METHODS
    if (task, method) != ("sentiment", "grad_cam")
]


@pytest.mark.parametrize(("task", "method"), EVERY)
def test_every_task_is_explained_by_every_method(models, task, method):
    why = explain(models[task], *asked(task), method=method)
    assert (why.task, why.method) == (task, method)
    predicted = models[task](*asked(task))
    assert why.said == str(predicted)
    assert len(why.maps) == {"captioning": len(why.words), "sentiment": 0}.get(task, 1)
    assert all(torch.tensor(grid).isfinite().all() for grid in why.maps)
    if task in ("vqa", "sentiment") and method != "grad_cam":
        assert len(why.contributions) == len(why.words) == 5
    told = json.loads(why.to_json())
    assert told["said"] == why.said
    assert "image" not in told
    assert str(why) == f"{why.said}, by {method.replace('_', ' ')}"


@pytest.mark.parametrize("task", MODULES)
def test_an_explanation_is_drawn(models, task, tmp_path):
    why = explain(models[task], *asked(task))
    why.save(tmp_path / "why.png")
    assert Image.open(tmp_path / "why.png").size[0] > 500
    assert why._repr_png_()[1:4] == b"PNG"
    written = [text.get_text() for text in why.figure().texts]
    assert any(why.said in line for line in written)
    assert any("What hiding each" in line for line in written)


def test_the_note_names_what_the_numbers_are_of(models):
    why = explain(models["classification"], picture("red"), method="grad_cam")
    assert why.note == "Where the evidence for the log-odds of red lies, by Grad-CAM."
    why = explain(models["sentiment"], TEXT, method="saliency")
    assert why.note == "How much a small change of each word would change the log-odds of positive."


def test_contributions_of_a_text_are_those_of_its_verdict(models):
    why = explain(models["sentiment"], TEXT, method="integrated_gradients")
    assert why.contributions == pytest.approx(models["sentiment"](TEXT).contributions, rel=1e-4)


def test_what_counts_for_an_answer_is_the_colour_that_is_asked_for(models):
    why = explain(models["vqa"], picture("red"), "Is it red?", method="occlusion")
    words = dict(zip(why.words, why.contributions, strict=True))
    assert max(words, key=words.get) == "red"


@pytest.mark.parametrize("target", ["count", "number"])
def test_numbers_are_explained(tmp_path, target):
    model = load(tiny_classifier.save(tmp_path / "best.ckpt", target=target))
    why = explain(model, picture("green"), method="grad_cam")
    assert why.said == str(model(picture("green")))
    assert why.unit == {"count": "the logarithm of the count", "number": "the number"}[target]
    assert why.ranked == ()
    assert why.figure().texts[0].get_text() == why.said


def test_stars_are_explained(tmp_path):
    model = load(tiny_critic.save(tmp_path / "best.ckpt", target="number"))
    why = explain(model, TEXT, method="occlusion")
    assert why.unit == "the number"
    assert why.figure().texts[0].get_text() == why.said


def test_gradients_are_found_where_a_caller_has_switched_them_off(models):
    with torch.inference_mode():
        inside = explain(models["vqa"], *asked("vqa"), method="integrated_gradients")
    assert inside == explain(models["vqa"], *asked("vqa"), method="integrated_gradients")


def test_explaining_leaves_no_gradients_behind(models):
    for task in MODULES:
        explain(models[task], *asked(task), method="saliency")
        assert all(parameter.grad is None for parameter in models[task].model.parameters())


@pytest.mark.parametrize("colour", COLOURS)
def test_a_caption_has_a_map_for_each_word_over_what_the_model_saw(models, colour):
    why = explain(models["captioning"], picture(colour), method="grad_cam")
    assert why.words[1] == colour
    assert why.image.shape == (3, 40, 48)
    assert {(len(grid), len(grid[0])) for grid in why.maps} == {(4, 4)}


def test_texts_have_no_grad_cam(models):
    with pytest.raises(ValueError, match=r"Grad-CAM is for pictures. Explain a text by saliency"):
        explain(models["sentiment"], TEXT, method="grad_cam")


def test_an_answerer_needs_a_question(models):
    with pytest.raises(ValueError, match=r"This model answers questions. Give one"):
        explain(models["vqa"], picture("red"))


def test_other_models_take_no_question(models):
    with pytest.raises(ValueError, match="This model answers no questions, got 'Why"):
        explain(models["classification"], picture("red"), "Why?")


def test_a_text_is_a_string(models):
    with pytest.raises(TypeError, match="This model judges texts, got Image"):
        explain(models["sentiment"], picture("red"))


def test_only_predictors_are_explained():
    with pytest.raises(TypeError, match=r"`explain` takes a predictor of captions.*got type"):
        explain(SentimentPredictor, TEXT)
