import json

import pytest

from multimodal.captioning.model import CaptionerSettings
from multimodal.classification.model import ClassifierSettings
from multimodal.language_model.model import LanguageModelSettings
from multimodal.nn.encoders import EncoderSettings
from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.sentiment.model import SentimentSettings
from multimodal.vqa.model import AnswererSettings

ENCODER = EncoderSettings(channels=[8, 8], weights="pretrained")
READER = TextEncoderSettings(cell="gru")
EVERY = [
    CaptionerSettings(ENCODER, decoder="up_down"),
    AnswererSettings(ENCODER, fusion="film", blind="image"),
    ClassifierSettings(ENCODER, hidden=[3]),
    SentimentSettings(READER, pooling=["attention"]),
    LanguageModelSettings(READER, tie_embeddings=False),
]

every = pytest.mark.parametrize("settings", EVERY, ids=lambda each: type(each).__name__)


@every
def test_settings_survive_json(settings):
    assert type(settings).from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


@every
def test_settings_for_loading_start_from_no_other_weights(settings):
    loaded = type(settings).for_loading(settings.to_dict())
    if hasattr(settings, "encoder"):
        assert loaded.encoder.weights == "none"
        assert loaded.encoder.channels == [8, 8]
    else:
        assert loaded == settings


@every
def test_an_unknown_setting_is_refused(settings):
    with pytest.raises(TypeError, match="colour"):
        type(settings).for_loading({**settings.to_dict(), "colour": "red"})
