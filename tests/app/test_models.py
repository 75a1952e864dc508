import pytest

from multimodal.app.models import Models
from multimodal.captioning.predictor import CaptionPredictor
from multimodal.sentiment.predictor import SentimentPredictor


def test_every_task_has_its_predictor(checkpoints):
    models = Models(checkpoints, "cpu")
    assert models.problems == {}
    assert isinstance(models.get("captioning", CaptionPredictor), CaptionPredictor)
    assert models.picture_size("captioning") == 32
    assert models.picture_size("sentiment") is None


def test_a_model_that_is_not_there_is_a_sentence_and_the_others_stay(checkpoints):
    sources = {**checkpoints, "captioning": "nowhere.ckpt"}
    models = Models(sources, "cpu")
    assert set(models.problems) == {"captioning"}
    assert "No model for captions: " in models.problems["captioning"]
    assert "nowhere.ckpt" in models.problems["captioning"]
    with pytest.raises(ValueError, match="No model for captions: "):
        models.get("captioning", CaptionPredictor)
    assert models.picture_size("captioning") is None
    assert models.get("sentiment", SentimentPredictor)


def test_a_model_of_another_task_is_refused(checkpoints):
    models = Models({"captioning": checkpoints["vqa"]}, "cpu")
    assert "is a VQAPredictor, expected a CaptionPredictor" in models.problems["captioning"]


def test_a_task_without_a_name_is_told():
    with pytest.raises(ValueError, match="No model for texts was named"):
        Models({}).get("sentiment", SentimentPredictor)
