import pytest
import torch

from multimodal.language_model.model import LanguageModel, LanguageModelSettings
from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.sentiment.model import SentimentClassifier, SentimentSettings
from multimodal.sentiment.warm_start import start_from_language_model
from multimodal.text import Vocabulary

THEIRS = Vocabulary.build([["good", "bad", "film"]])
OURS = Vocabulary.build([["bad", "dull", "good"]])


def _teacher(**changes):
    torch.manual_seed(1)
    reader = TextEncoderSettings(**{**_sizes("apart"), **changes})
    return LanguageModel(LanguageModelSettings(reader), len(THEIRS))


def _pupil(directions="apart", **changes):
    torch.manual_seed(2)
    reader = TextEncoderSettings(**{**_sizes(directions), **changes})
    return SentimentClassifier(SentimentSettings(reader), len(OURS), 2)


def _sizes(directions):
    return {"directions": directions, "num_layers": 2, "embedding_dim": 4, "hidden_dim": 3}


def test_the_classifier_computes_the_language_models_features():
    teacher, pupil = _teacher().eval(), _pupil().eval()
    assert start_from_language_model(pupil, teacher.state_dict(), THEIRS, OURS) == []
    theirs, ours = (torch.tensor([words.encode(["bad", "good"])]) for words in (THEIRS, OURS))
    mask = torch.ones(1, 2, dtype=torch.bool)
    heard = teacher(theirs, mask, teacher.start(1)).outputs
    back = teacher.backwards(theirs, mask).outputs
    outputs, _ = pupil.reader(pupil.embedding(ours), mask)
    torch.testing.assert_close(outputs, torch.cat([heard, back], dim=-1))


def test_a_new_word_starts_from_the_mean_of_those_that_are_known():
    teacher, pupil = _teacher(), _pupil()
    start_from_language_model(pupil, teacher.state_dict(), THEIRS, OURS)
    (row,) = OURS.encode(["dull"])
    mean = teacher.embedding.weight[4:].mean(dim=0)
    torch.testing.assert_close(pupil.embedding.weight[row], mean)
    assert not pupil.embedding.weight[0].any()


def test_the_head_stays_new_and_one_line_says_what_was_taken(caplog):
    caplog.set_level("INFO")
    pupil = _pupil()
    before = pupil.head[-1].weight.detach().clone()
    start_from_language_model(pupil, _teacher().state_dict(), THEIRS, OURS)
    assert torch.equal(pupil.head[-1].weight, before)
    (line,) = caplog.messages
    assert line == (
        "Started from the language model: 2 of 3 words known, 16 of 16 tensors of the layers."
    )


def test_from_a_model_that_reads_ahead_only_the_other_direction_starts_anew(caplog):
    caplog.set_level("INFO")
    teacher, pupil = _teacher(directions="ahead"), _pupil()
    before = pupil.reader.back[0].layers.weight_hh_l0.detach().clone()
    new = start_from_language_model(pupil, teacher.state_dict(), THEIRS, OURS)
    assert len(new) == 8
    assert all(name.startswith("reader.back.") for name in new)
    assert torch.equal(pupil.reader.back[0].layers.weight_hh_l0, before)
    assert torch.equal(
        pupil.reader.ahead[1].layers.weight_hh_l0, teacher.reader.ahead[1].layers.weight_hh_l0
    )
    assert caplog.messages[0].endswith("the direction from last to first starts anew.")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_dim": 5}, r"weight_ih_l0 is shaped \(12, 4\), expected \(20, 4\)"),
        ({"num_layers": 3}, r"reader.ahead.2.*is not there, expected"),
        ({"embedding_dim": 5}, r"is shaped \(12, 4\), expected \(12, 5\)"),
        ({"directions": "both"}, r"reader.ahead.1.*is shaped \(12, 3\), expected \(12, 6\)"),
    ],
)
def test_another_network_is_refused(changes, message):
    pupil = _pupil(**changes)
    with pytest.raises(ValueError, match=message):
        start_from_language_model(pupil, _teacher().state_dict(), THEIRS, OURS)


def test_word_vectors_of_another_width_are_refused():
    weights = _teacher().state_dict()
    weights["embedding.weight"] = torch.zeros(len(THEIRS), 9)
    with pytest.raises(ValueError, match=r"embedding.weight is shaped \(7, 9\), expected \(7, 4\)"):
        start_from_language_model(_pupil(), weights, THEIRS, OURS)


def test_vocabularies_without_a_common_word_are_refused():
    letters = Vocabulary.build([["g", "o", "d"]])
    with pytest.raises(ValueError, match=r"knows none of the classifier's words\. Is one of them"):
        start_from_language_model(_pupil(), _teacher().state_dict(), letters, OURS)
