import math

import pytest
import tiny_classifier
import torch
from tiny_captioner import picture

from multimodal.classification.evidence import class_evidence
from multimodal.classification.model import Classifier
from multimodal.classification.predictor import ClassificationPredictor
from multimodal.data.transforms import EvalTransform
from multimodal.loading import load
from multimodal.nn.encoders import EncoderSettings


def log_odds(probability):
    return math.log(probability / (1 - probability))


def score(evidence):
    return evidence.picture.score_pixels(evidence.picture.image).item()


@pytest.mark.parametrize("target", ["label", "labels"])
def test_the_score_of_a_label_is_its_log_odds(tmp_path, target):
    classifier = load(tiny_classifier.save(tmp_path / "best.ckpt", target=target))
    result = classifier(picture("green"))
    evidence = class_evidence(classifier, picture("green"))
    assert evidence.unit == f"the log-odds of {result.label}"
    assert score(evidence) == pytest.approx(log_odds(result.probability), rel=1e-3)


@pytest.mark.parametrize("target", ["count", "number"])
def test_the_score_of_a_number_has_its_unit(tmp_path, target):
    classifier = load(tiny_classifier.save(tmp_path / "best.ckpt", target=target))
    value = classifier(picture("green")).value
    expected = math.log(value) if target == "count" else value - tiny_classifier.CENTRE
    evidence = class_evidence(classifier, picture("green"))
    assert score(evidence) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_grey_pictures_are_scored_with_their_mirror_images_where_predictions_are():
    encoder = EncoderSettings(channels=[8, 16], strides=[4, 2], normalisation="group")
    settings = tiny_classifier.settings(encoder=encoder, mirror=True, pooling="max")
    torch.manual_seed(0)
    model = Classifier(settings, 3, channels=1)
    classifier = ClassificationPredictor(
        model, ["a", "b", "c"], EvalTransform(tiny_classifier.transform())
    )
    image = torch.rand(3, 32, 32)
    evidence = class_evidence(classifier, image)
    assert score(evidence) == pytest.approx(log_odds(classifier(image).probability), abs=2e-3)
    maps = evidence.picture.encode(evidence.picture.image)
    one_side = evidence.picture.score_maps(maps).item()
    assert score(evidence) != pytest.approx(one_side, abs=1e-6)
