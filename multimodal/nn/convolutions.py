"""Parts of our convolutional networks: a convolution, and the normalisation after it.

References:
    Ioffe and Szegedy 2015, "Batch normalization", section 3.2 (the convolution then needs no bias);
    Wu and He 2018, "Group normalization".
"""

from collections.abc import Sequence
from typing import Literal, get_args

from torch import nn

from multimodal.nn.activations import Activation, Initialisation, initialise

Normalisation = Literal["batch", "group", "none"]
_GROUPS = 8  # of GroupNorm; Wu and He 2018 find 8 to 32 equally good


def convolution(
    before: int,
    after: int,
    *,
    kernel_size: int = 3,
    stride: int = 1,
    normalisation: Normalisation,
    activation: Activation,
    initialisation: Initialisation,
) -> nn.Conv2d:
    """Build a convolution that keeps height and width, except by its stride.

    Args:
        before: Channels of its input.
        after: Channels of its output.
        kernel_size: Height and width of its window, odd.
        stride: Stride of the window.
        normalisation: The normalisation after it; only with ``none`` the convolution has a bias.
        activation: The activation after that; it decides the size of the weights.
        initialisation: See `initialise`.
    """
    layer = nn.Conv2d(
        before,
        after,
        kernel_size,
        stride=stride,
        padding=kernel_size // 2,
        bias=normalisation == "none",
    )
    initialise(layer, initialisation, activation)
    return layer


def build_normalisation(name: Normalisation, channels: int) -> nn.Module:
    """Build the normalisation of a map with this number of channels."""
    if name == "none":
        return nn.Identity()
    return nn.BatchNorm2d(channels) if name == "batch" else nn.GroupNorm(_GROUPS, channels)


def check_layers(channels: Sequence[int], strides: Sequence[int], normalisation: str) -> None:
    """Check the width and stride of each convolution, and the normalisation after it.

    Raises:
        ValueError: If there is no layer or not as many strides, a number is not positive, or the
            widths do not suit the normalisation.
    """
    if not channels or len(channels) != len(strides) or min(*channels, *strides) < 1:
        raise ValueError(
            "channels and strides must be positive and of one length, got "
            f"{list(channels)} and {list(strides)}."
        )
    if normalisation not in get_args(Normalisation):
        raise ValueError(
            f'normalisation must be "batch", "group" or "none", got "{normalisation}".'
        )
    if normalisation == "group" and any(width % _GROUPS for width in channels):
        raise ValueError(
            f"With group normalisation channels must be multiples of {_GROUPS}, "
            f"got {list(channels)}."
        )
