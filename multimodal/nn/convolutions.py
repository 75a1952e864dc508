"""What our convolutional networks are made of: a convolution, a normalisation, an activation.

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
    """Build a convolution that keeps height and width, but for its stride.

    Args:
        before: Channels that go in.
        after: Channels that come out.
        kernel_size: Height and width of its window, odd.
        stride: Of the window.
        normalisation: What follows; only where it is ``none`` the convolution has a bias.
        activation: What follows that, for the weights' size.
        initialisation: How the weights start.

    Example:
        >>> ours = {"normalisation": "none", "activation": "relu", "initialisation": "kaiming"}
        >>> convolution(3, 8, kernel_size=5, **ours)
        Conv2d(3, 8, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
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
    """Build what normalises a map.

    Args:
        name: ``batch``, ``group`` or ``none``.
        channels: Channels of the map.

    Example:
        >>> build_normalisation("group", 16).num_groups
        8
    """
    if name == "none":
        return nn.Identity()
    return nn.BatchNorm2d(channels) if name == "batch" else nn.GroupNorm(_GROUPS, channels)


def check_layers(channels: Sequence[int], strides: Sequence[int], normalisation: str) -> None:
    """Refuse sizes of layers that do not fit each other.

    Args:
        channels: Width of each convolution.
        strides: Stride of each.
        normalisation: What follows each.

    Raises:
        ValueError: If there is no layer or not as many strides, a number is not positive, or the
            widths cannot be normalised so.

    Example:
        >>> check_layers([8, 16], [2, 2], "group")
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
