"""Activations by name, and the initial weights that suit each of them.

Initial weights should keep the size of the signal and of its gradient through the network; which
size does that depends on the activation that follows.

References:
    Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks", equation 16 (Xavier: for activations that are linear about zero, tanh and sigmoid);
    He et al. 2015, "Delving deep into rectifiers", equation 14 (Kaiming: for ReLU and its kin);
    Zagoruyko and Komodakis 2017, "DiracNets" (convolutions that start as
    the identity); Clevert, Unterthiner and Hochreiter 2016 (ELU); Hendrycks and Gimpel 2016 (GELU).
"""

import math
from typing import Literal, get_args

from torch import nn

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid"]
Initialisation = Literal["kaiming", "xavier", "dirac"]

_SLOPE = 0.01  # of leaky ReLU below zero
# Gains that keep the size of a signal through an activation: torch's where it has them, and ReLU's
# for ELU and GELU, which are of its size on a signal about zero.
_GAINS = {
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / (1 + _SLOPE**2)),
    "elu": math.sqrt(2),
    "gelu": math.sqrt(2),
    "tanh": 5 / 3,
    "sigmoid": 1.0,
    None: 1.0,
}


def build_activation(name: str) -> nn.Module:
    """Build an activation, in place where that is safe.

    Raises:
        ValueError: If there is no such activation.
    """
    match name:
        case "relu":
            return nn.ReLU(inplace=True)
        case "leaky_relu":
            return nn.LeakyReLU(_SLOPE, inplace=True)
        case "elu":
            return nn.ELU()
        case "gelu":
            return nn.GELU(approximate="tanh")
        case "tanh":
            return nn.Tanh()
        case "sigmoid":
            return nn.Sigmoid()
    raise ValueError(f"`activation` must be one of {_names(Activation)}, got {name!r}.")


def initialise(layer: nn.Conv2d | nn.Linear, how: str, activation: str | None) -> None:
    """Draw a layer's weights anew, and set its biases to zero.

    Args:
        layer: Changed in place.
        how: ``kaiming`` keeps the size of gradients, from the number of outputs; ``xavier`` keeps
            that of gradients and signals as well as one number can, from outputs and inputs;
            ``dirac`` is Kaiming's, but a convolution's first outputs are its inputs.
        activation: The activation after the layer, if any.

    Raises:
        ValueError: If there is no such initialisation.

    Example:
        >>> import torch
        >>> seed, layer = torch.manual_seed(0), nn.Linear(1000, 500)
        >>> initialise(layer, "kaiming", "relu")
        >>> round(layer.weight.std().item(), 3)  # the root of 2 / 500
        0.063
        >>> initialise(layer, "xavier", None)
        >>> round(layer.weight.std().item(), 3)  # the root of 2 / (1000 + 500)
        0.037
    """
    gain = _GAINS[activation]
    match how:
        case "kaiming" | "dirac":
            fan_out = layer.weight.numel() // layer.weight.shape[1]
            nn.init.normal_(layer.weight, std=gain / fan_out**0.5)
        case "xavier":
            nn.init.xavier_normal_(layer.weight, gain)
        case _:
            raise ValueError(
                f"`initialisation` must be one of {_names(Initialisation)}, got {how!r}."
            )
    if how == "dirac" and isinstance(layer, nn.Conv2d):
        nn.init.dirac_(layer.weight.data[: layer.in_channels])
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _names(choices: object) -> str:
    return ", ".join(get_args(choices))
