import subprocess
import sys

import pytest
import tiny_answerer
import tiny_classifier
import tiny_critic
import tiny_writer
from tiny_captioner import CAPTIONS, picture, save

import multimodal
from multimodal.captioning.predictor import CaptionPredictor
from multimodal.classification.predictor import ClassificationPredictor
from multimodal.language_model.predictor import Writer
from multimodal.loading import load
from multimodal.sentiment.predictor import SentimentPredictor
from multimodal.vqa.predictor import VQAPredictor


def test_load_gives_the_predictor_of_the_checkpoints_task(checkpoint):
    predictor = load(checkpoint, device="cpu")
    assert isinstance(predictor, CaptionPredictor)
    assert predictor(picture("red")).text == CAPTIONS["red"]


def test_load_gives_an_answerer_for_a_checkpoint_of_one(tmp_path):
    predictor = load(tiny_answerer.save(tmp_path / "answers.ckpt"), device="cpu")
    assert isinstance(predictor, VQAPredictor)
    assert predictor(picture("red"), tiny_answerer.WHAT).answer == "red"


def test_load_gives_a_sentiment_classifier_for_a_checkpoint_of_one(tmp_path):
    predictor = load(tiny_critic.save(tmp_path / "critic.ckpt"), device="cpu")
    assert isinstance(predictor, SentimentPredictor)
    assert predictor("the film is great").label == "positive"


def test_load_gives_a_writer_for_a_language_model(tmp_path):
    writer = load(tiny_writer.save(tmp_path / "poet.ckpt"), device="cpu", precision="bfloat16")
    assert isinstance(writer, Writer)
    assert writer("roses", temperature=0.0).text == tiny_writer.TEXT
    assert writer.precision == "bfloat16"


def test_load_gives_a_classifier_for_a_checkpoint_of_one(tmp_path):
    predictor = load(tiny_classifier.save(tmp_path / "classes.ckpt"), device="cpu")
    assert isinstance(predictor, ClassificationPredictor)
    assert predictor(picture("red")).label == "red"


def test_the_package_offers_load_by_its_own_name(checkpoint):
    assert multimodal.load is load
    assert str(multimodal.load(str(checkpoint))(picture("blue"))) == CAPTIONS["blue"]


def test_device_and_precision_are_passed_on(checkpoint):
    predictor = load(checkpoint, device="cpu", precision="bfloat16")
    assert (predictor.device.type, predictor.precision) == ("cpu", "bfloat16")


def test_a_task_without_predictor_is_named(tmp_path):
    path = save(tmp_path / "newer.ckpt", task="poetry")
    with pytest.raises(
        ValueError, match=r"newer\.ckpt is a checkpoint of the task 'poetry', .* no predictor"
    ):
        load(path)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.ckpt"):
        load(tmp_path / "nothing.ckpt")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    picture("red").save(tmp_path / "photo.png")
    with pytest.raises(ValueError, match=r"photo\.png"):
        load(tmp_path / "photo.png")


def test_no_predictor_imports_lightning_or_what_else_is_slow():
    program = (
        "import sys, multimodal.loading; "
        "print([name for name in "
        "('lightning', 'torchmetrics', 'torchvision', 'matplotlib', 'nltk', 'sklearn') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
