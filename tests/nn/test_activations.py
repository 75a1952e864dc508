from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from multimodal.nn.activations import Activation, build_activation, initialise

DEEP = 12


@pytest.mark.parametrize("name", get_args(Activation))
def test_an_activation_is_torchs_own_function_of_that_name(name):
    values = torch.linspace(-3, 3, 13)
    expected = {
        "relu": values.clamp(min=0),
        "leaky_relu": torch.where(values > 0, values, 0.01 * values),
        "elu": torch.where(values > 0, values, values.exp() - 1),
        "gelu": nn.functional.gelu(values, approximate="tanh"),
        "tanh": values.tanh(),
        "sigmoid": 1 / (1 + (-values).exp()),
    }[name]
    torch.testing.assert_close(build_activation(name)(values.clone()), expected)


@given(st.sampled_from(get_args(Activation)), st.integers(0, 5))
def test_every_activation_grows_or_stays(name, seed):
    values = torch.randn(50, generator=torch.Generator().manual_seed(seed)).sort().values
    values = values[values > -0.7]  # GELU falls below that
    outputs = build_activation(name)(values.clone())
    assert (outputs.diff() >= 0).all()


@pytest.mark.parametrize(
    ("name", "how"), [("relu", "kaiming"), ("leaky_relu", "kaiming"), ("tanh", "xavier")]
)
def test_a_gradient_keeps_its_size_through_many_layers(name, how):
    torch.manual_seed(0)
    layers = [nn.Linear(256, 256) for _ in range(DEEP)]
    for layer in layers:
        initialise(layer, how, name)
    inputs = torch.randn(64, 256, requires_grad=True)
    hidden = inputs
    for layer in layers:
        hidden = build_activation(name)(layer(hidden))
    hidden.backward(torch.randn_like(hidden))
    assert 0.2 < inputs.grad.std() < 5


def test_a_convolution_counts_its_whole_window():
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 64, 3)
    initialise(layer, "kaiming", "relu")
    assert layer.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)
    assert not layer.bias.any()


def test_dirac_starts_as_the_identity():
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 8, 3, padding=1)
    initialise(layer, "dirac", "relu")
    maps = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(layer(maps)[:, :4], maps)
    assert layer.weight[4:].std().item() == pytest.approx((2 / 72) ** 0.5, rel=0.2)


def test_names_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"`activation` must be one of relu, .*, got 'swish'"):
        build_activation("swish")
    with pytest.raises(
        ValueError, match=r"`initialisation` must be one of kaiming, xavier, dirac, got"
    ):
        initialise(nn.Linear(2, 2), "zeros", "relu")
