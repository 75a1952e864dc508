import pytest

from multimodal.app.models import Models
from multimodal.tasks import TASKS


def test_every_task_has_its_predictor(checkpoints):
    models = Models(checkpoints, "cpu")
    assert models.problems == {}
    for task in checkpoints:
        assert type(models.get(task)).__name__ == TASKS[task].predictor
    assert models.picture_size("captioning") == 32


def test_a_missing_model_is_a_sentence_and_the_others_are_opened(checkpoints):
    sources = {**checkpoints, "captioning": "nowhere.ckpt"}
    models = Models(sources, "cpu")
    assert set(models.problems) == {"captioning"}
    assert "No model for captions: " in models.problems["captioning"]
    assert "nowhere.ckpt" in models.problems["captioning"]
    with pytest.raises(ValueError, match="No model for captions: "):
        models.get("captioning")
    assert models.picture_size("captioning") is None
    assert models.get("sentiment")


def test_a_model_of_another_task_is_refused(checkpoints):
    models = Models({"captioning": checkpoints["vqa"]}, "cpu")
    assert "is a VQAPredictor, expected a CaptionPredictor" in models.problems["captioning"]


def test_a_task_without_a_source_is_named():
    with pytest.raises(ValueError, match="No model for texts was named"):
        Models({}).get("sentiment")
