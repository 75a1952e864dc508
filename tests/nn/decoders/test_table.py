from dataclasses import fields
from typing import get_args

from multimodal.captioning.model import CaptionerSettings
from multimodal.nn.decoders.table import DECODERS, DecoderName


def test_the_names_are_those_of_the_rows():
    assert get_args(DecoderName) == tuple(DECODERS)


def test_every_row_states_its_purpose_and_takes_settings_of_the_model():
    names = {field.name for field in fields(CaptionerSettings)}
    for row in DECODERS.values():
        assert row.purpose
        assert names.issuperset(row.settings)
