import pytest
import tiny_captioner
import torch

from multimodal.attribution.evidence import (
    Evidence,
    Explainable,
    PictureScores,
    WordScores,
    input_pixels,
    refuse_question,
)
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.language_model.predictor import Writer
from multimodal.tasks import TASKS


def test_every_predictor_but_that_of_a_language_model_has_evidence():
    explainable = {
        name for name, row in TASKS.items() if hasattr(row.load("predictor"), "evidence")
    }
    assert explainable == {"captioning", "vqa", "sentiment", "classification"}
    assert not issubclass(Writer, Explainable)


def test_each_image_is_explained_for_its_own_output():
    score = PictureScores.each(lambda rows: torch.stack([rows, 10 * rows], dim=1))
    assert score(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0, 1, 1])).tolist() == [1, 20, 30]


@pytest.mark.parametrize(("size", "expected"), [(64, 128), (724, 1), (2000, 1)])
def test_large_images_go_through_a_model_one_by_one(size, expected):
    image = torch.zeros(1, 3, 1, size)
    assert PictureScores(image, abs, abs, abs).batch_size == expected


@pytest.mark.parametrize(("time", "expected"), [(0, 16_384), (16, 1024), (20_000, 1)])
def test_long_texts_go_through_a_model_one_by_one(time, expected):
    assert WordScores(torch.zeros(1, time, 2), abs, torch.zeros(2)).batch_size == expected


def test_the_input_is_that_of_a_prediction_from_0_to_1():
    transform = EvalTransform(TransformSettings(size=32))
    pixels = input_pixels(tiny_captioner.picture("red"), transform, torch.device("cpu"))
    assert pixels.shape == (1, 3, 32, 32)
    assert 0 <= pixels.min() <= pixels.max() <= 1
    assert pixels[0, 0].mean() > pixels[0, 1].mean()


def test_a_question_is_refused():
    with pytest.raises(ValueError, match="This model answers no questions, got 'Why"):
        refuse_question("Why?")


def test_evidence_is_given_by_name():
    evidence = Evidence(task="sentiment", prediction="good", unit="the log-odds of good")
    assert (evidence.picture, evidence.text, evidence.words) == (None, None, ())
