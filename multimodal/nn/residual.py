"""A small residual network that learns fast: few layers, wide ones, most work in large products.

Networks of ten and more layers were made for millions of pictures. For tens of thousands of small
ones, few wide layers learn as much in a fraction of the time: a processor spends its time in large
convolutions instead of in passing thin maps through memory. Each block halves the picture right
after its first convolution, before anything else touches it, and adds one more convolution to what
it found.

References:
    Page 2018, "How to train your ResNet" (DAWNBench's CIFAR-10 in seconds: nine layers, pooling
    first, the maximum over the last map); Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single
    GPU" (fewer and narrower layers still); He et al. 2016, "Deep residual learning".
"""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from multimodal.nn.activations import Activation, Initialisation, build_activation
from multimodal.nn.convolutions import (
    Normalisation,
    build_normalisation,
    check_layers,
    convolution,
)
from multimodal.nn.encoders import ImageEncoder

_DEVIATION = 0.25  # of pixels from 0 to 1, about; the first normalisation sees to the rest


class ResidualCNN(ImageEncoder):
    """A stem and residual blocks of two convolutions, for images of 32 to 96 pixels.

    Args:
        channels: Width of the stem, then of each block.
        strides: Stride of the stem, then pooling of each block; 1 is none.
        normalisation: ``batch``, ``group`` or ``none``, after each convolution.
        activation: What follows.
        initialisation: How the weights start, ``kaiming`` or ``xavier``.
        mean: Mean of each channel of the images, from 0 to 1: as many as there are channels.
        trainable_stages: How many of the last blocks are trained, the stem being the first: 0
            none, -1 all.

    Raises:
        ValueError: If the sizes do not fit each other.

    Example:
        >>> import torch
        >>> encoder = ResidualCNN(channels=[8, 16], strides=[1, 2])
        >>> encoder(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).shape
        torch.Size([2, 256, 16])
    """

    def __init__(
        self,
        *,
        channels: Sequence[int] = (32, 64, 128, 256),
        strides: Sequence[int] = (1, 2, 2, 2),
        normalisation: Normalisation = "batch",
        activation: Activation = "relu",
        initialisation: Initialisation = "kaiming",
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        trainable_stages: int = -1,
    ) -> None:
        check_layers(channels, strides, normalisation)
        super().__init__(
            f"residual channels={list(channels)} strides={list(strides)} {normalisation} "
            f"{activation}",
            mean=mean,
            std=[_DEVIATION] * len(mean),
        )
        self.feature_dim = channels[-1]

        def layers(before: int, after: int, *, stride: int = 1, pooling: int = 1) -> nn.Sequential:
            return nn.Sequential(
                convolution(
                    before,
                    after,
                    stride=stride,
                    normalisation=normalisation,
                    activation=activation,
                    initialisation=initialisation,
                ),
                nn.MaxPool2d(pooling) if pooling > 1 else nn.Identity(),
                build_normalisation(normalisation, after),
                build_activation(activation),
            )

        self.stem = layers(len(mean), channels[0], stride=strides[0])
        self.blocks = nn.Sequential(
            *(
                _Block(layers(before, after, pooling=pooling), layers(after, after))
                for (before, after), pooling in zip(pairwise(channels), strides[1:], strict=True)
            )
        )
        self._finish(trainable_stages)

    def stages(self) -> list[list[nn.Module]]:
        """Make the stem and every block a stage."""
        return [[self.stem], *([block] for block in self.blocks)]

    def encode(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch feature rows columns"]:
        """Turn normalised images into a map of features."""
        features: Tensor = self.blocks(self.stem(images))
        return features


class _Block(nn.Module):
    """Widen and pool, then add what one more convolution finds."""

    def __init__(self, widen: nn.Module, more: nn.Module) -> None:
        super().__init__()
        self.widen = widen
        self.more = more

    def forward(self, features: Tensor) -> Tensor:
        features = self.widen(features)
        found: Tensor = features + self.more(features)
        return found
