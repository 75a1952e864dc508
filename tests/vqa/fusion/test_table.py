from dataclasses import fields
from typing import get_args

from multimodal.vqa.fusion.table import FUSIONS, FusionName
from multimodal.vqa.model import AnswererSettings


def test_the_names_are_those_of_the_rows():
    assert get_args(FusionName) == tuple(FUSIONS)


def test_every_row_states_its_purpose_and_takes_settings_of_the_model():
    names = {field.name for field in fields(AnswererSettings)}
    for row in FUSIONS.values():
        assert row.purpose
        assert names.issuperset(row.settings)
