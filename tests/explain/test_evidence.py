import math

import pytest
import tiny_answerer
import tiny_captioner
import tiny_classifier
import tiny_critic
import torch
from tiny_captioner import picture

from multimodal.classification.model import Classifier
from multimodal.classification.predictor import ClassificationPredictor
from multimodal.data.transforms import EvalTransform
from multimodal.explain.evidence import (
    answer_evidence,
    caption_evidence,
    class_evidence,
    text_evidence,
)
from multimodal.loading import load
from multimodal.nn.encoders import EncoderSettings


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")

    def opened(module, **options):
        return load(module.save(folder / f"{len(list(folder.iterdir()))}.ckpt", **options))

    return opened


def odds(probability):
    return math.log(probability / (1 - probability))


def test_the_words_of_a_caption_have_their_log_probabilities(models):
    captioner = models(tiny_captioner)
    caption = captioner(picture("red"), beam_size=1)
    found = caption_evidence(captioner, picture("red"), caption.tokens)
    scores = found.score(found.image).detach()
    assert scores.shape == (1, found.outputs) == (1, len(caption.tokens))
    # What is left of the caption's score is that of its end.
    assert caption.score <= float(scores.sum()) <= 0
    torch.testing.assert_close(scores, found.judge(found.encode(found.image)).detach())


@pytest.mark.parametrize("loss", ["cross_entropy", "soft"])
def test_an_answer_has_its_log_odds_from_the_picture_and_from_the_words(models, loss):
    answerer = models(tiny_answerer, extra={"loss": loss})
    answer = answerer(picture("blue"), tiny_answerer.WHAT)
    seen, read = answer_evidence(answerer, picture("blue"), tiny_answerer.WHAT, answer.answer)
    score = seen.score(seen.image).detach()
    # A model that is very sure has a probability of 1 in single precision, and still log-odds.
    assert score.sigmoid().item() == pytest.approx(answer.probability, abs=1e-6)
    assert read.score(read.vectors).item() == pytest.approx(score.item(), rel=1e-4)
    assert read.vectors.shape[:2] == (1, 5)


@pytest.mark.parametrize("target", ["label", "labels"])
def test_a_label_has_its_log_odds(models, target):
    classifier = models(tiny_classifier, target=target)
    found = classifier(picture("green"))
    evidence = class_evidence(classifier, picture("green"), found.label)
    expected = odds(found.probability)
    assert evidence.score(evidence.image).item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("target", ["count", "number"])
def test_a_number_is_explained_in_its_unit(models, target):
    classifier = models(tiny_classifier, target=target)
    value = classifier(picture("green")).value
    evidence = class_evidence(classifier, picture("green"), "")
    expected = math.log(value) if target == "count" else value - tiny_classifier.CENTRE
    assert evidence.score(evidence.image).item() == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_grey_pictures_are_judged_with_their_mirror_images_where_predictions_are():
    encoder = EncoderSettings(channels=[8, 16], strides=[4, 2], normalisation="group")
    settings = tiny_classifier.settings(encoder=encoder, mirror=True, pooling="max")
    torch.manual_seed(0)
    model = Classifier(settings, 3, channels=1)
    classifier = ClassificationPredictor(
        model, ["a", "b", "c"], EvalTransform(tiny_classifier.transform())
    )
    image = torch.rand(3, 32, 32)
    found = classifier(image)
    evidence = class_evidence(classifier, image, found.label)
    score = evidence.score(evidence.image).item()
    assert score == pytest.approx(odds(found.probability), abs=2e-3)
    assert score != pytest.approx(evidence.judge(evidence.encode(evidence.image)).item(), abs=1e-6)


@pytest.mark.parametrize("target", ["label", "number"])
def test_a_verdict_has_its_log_odds_or_its_number(models, target):
    critic = models(tiny_critic, target=target)
    verdict = critic("the film is not bad")
    evidence = text_evidence(critic, verdict.tokens, verdict.label)
    expected = odds(verdict.probability) if target == "label" else verdict.value - 3.0
    assert evidence.score(evidence.vectors).item() == pytest.approx(expected, rel=1e-3)
    assert evidence.average.shape == evidence.vectors.shape[2:]
