import pytest
import torch
from torch import nn

from multimodal.nn.convolutions import build_normalisation, check_layers, convolution

OURS = {"normalisation": "batch", "activation": "relu", "initialisation": "kaiming"}


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("size", [4, 7])
def test_a_convolution_keeps_height_and_width(kernel_size, size):
    layer = convolution(3, 8, kernel_size=kernel_size, **OURS)
    assert layer(torch.zeros(1, 3, size, size + 1)).shape == (1, 8, size, size + 1)


def test_a_stride_of_two_halves_it():
    assert convolution(3, 8, stride=2, **OURS)(torch.zeros(1, 3, 8, 8)).shape == (1, 8, 4, 4)


def test_only_without_normalisation_a_convolution_has_a_bias():
    assert convolution(3, 8, **OURS).bias is None
    assert convolution(3, 8, **{**OURS, "normalisation": "none"}).bias is not None


def test_its_weights_are_those_that_torchs_own_initialisation_draws():
    torch.manual_seed(0)
    layer = convolution(3, 8, **OURS)
    torch.manual_seed(0)
    reference = nn.Conv2d(3, 8, 3, bias=False)
    nn.init.kaiming_normal_(reference.weight, mode="fan_out", nonlinearity="relu")
    torch.testing.assert_close(layer.weight, reference.weight, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["batch", "group"])
def test_normalisation_gives_mean_zero_and_variance_one(name):
    torch.manual_seed(0)
    maps = build_normalisation(name, 16)(3 + 2 * torch.randn(8, 16, 6, 6))
    assert abs(maps.mean()) < 1e-3
    assert maps.std().item() == pytest.approx(1, abs=0.02)


def test_none_changes_nothing():
    maps = torch.randn(1, 3, 2, 2)
    assert build_normalisation("none", 3)(maps) is maps


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (([8], [2, 2], "batch"), r"of one length, got \[8\] and \[2, 2\]"),
        (([], [], "batch"), "must be positive and of one length"),
        (([8, 0], [2, 2], "batch"), "must be positive and of one length"),
        (([8], [0], "none"), "must be positive and of one length"),
        (([12], [2], "group"), r"multiples of 8, got \[12\]"),
        (([8], [2], "layer"), 'must be "batch", "group" or "none", got "layer"'),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, message):
    with pytest.raises(ValueError, match=message):
        check_layers(*layers)
