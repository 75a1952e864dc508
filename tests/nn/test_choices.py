from types import SimpleNamespace

import pytest
from torch import nn

from multimodal.nn.choices import Choice, build_choice

TABLE = {"linear": Choice(nn.Linear, ("bias",), "a matrix")}


def test_a_network_gets_the_widths_and_the_settings_of_its_row():
    layer = build_choice(TABLE, "layer", SimpleNamespace(layer="linear", bias=False, depth=3), 2, 5)
    assert layer.weight.shape == (5, 2)
    assert layer.bias is None


def test_a_name_that_is_not_in_the_table_is_refused():
    with pytest.raises(ValueError, match="`layer` must be one of linear, got 'sum'"):
        build_choice(TABLE, "layer", SimpleNamespace(layer="sum"), 2, 5)
