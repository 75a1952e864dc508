"""A small residual network that trains fast: few, wide layers, most work in large products.

Deep networks were made for millions of images. On tens of thousands of small ones, a few wide
layers learn as much in a fraction of the time, since large convolutions use a processor better than
many thin ones. Each block halves the map right after its first convolution, then adds the output of
one more convolution.

References:
    Page 2018, "How to train your ResNet" (DAWNBench's CIFAR-10 in seconds: nine layers, pooling
    first, the maximum over the last map); Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single
    GPU", sections 3.2 and 3.3 (fewer and narrower layers still, a whitening first layer, dirac
    initialisation); He et al. 2016, "Deep residual learning".
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from multimodal.nn.activations import Activation, Initialisation, build_activation
from multimodal.nn.convolutions import (
    Normalisation,
    build_normalisation,
    check_layers,
    convolution,
)
from multimodal.nn.encoder import ImageEncoder

_DEVIATION = 0.25  # of pixels from 0 to 1, about; the first normalisation corrects the rest


class ResidualCNN(ImageEncoder):
    """A stem and residual blocks of two convolutions, for images of 32 to 96 pixels.

    The arguments are those of `multimodal.nn.encoders.EncoderSettings`, and `mean` that of each
    channel of the images, from 0 to 1. `channels` and `strides` are first the stem's, then the
    width and the pooling of each block; the stem is the first stage.

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
        self.is_whitened = False

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

    def unfreeze(self, stages: int) -> None:
        """Unfreeze the last stages, but never a whitening stem."""
        super().unfreeze(stages)
        if self.is_whitened:
            self._first().weight.requires_grad_(False)

    @torch.no_grad()
    def whiten(self, images: UInt8[Tensor, "batch channels height width"]) -> None:
        """Set the stem's filters to the principal components of image patches, and freeze them.

        Neighbouring pixels are nearly alike, so most of a random layer's output carries no
        information. The largest component comes first, each is followed by its negative, and the
        normalisation after the stem scales them to one size. Filters beyond the components stay
        random.

        Args:
            images: Some hundred training images, as augmented.

        Example:
            >>> encoder = ResidualCNN(channels=[8, 16], strides=[1, 2])
            >>> encoder.whiten(torch.randint(0, 256, (9, 3, 32, 32), dtype=torch.uint8))
            >>> weight = encoder.stem[0].weight
            >>> weight.requires_grad, bool((weight[:4] == -weight[4:]).all())
            (False, True)
        """
        first = self._first()
        size = first.kernel_size[0]
        normal = torch.addcmul(self.shift, images.to(self.scale.dtype), self.scale / 255)
        patches = F.unfold(normal, size).transpose(1, 2).flatten(0, 1).double()  # (patches, values)
        _, vectors = torch.linalg.eigh(patches.T @ patches)  # the largest last
        half = min(len(first.weight) // 2, len(vectors))
        filters = vectors.T.flip(0)[:half].reshape(half, *first.weight.shape[1:])
        first.weight[:half] = filters.to(first.weight)
        first.weight[half : 2 * half] = -filters.to(first.weight)
        self.is_whitened = True
        self.unfreeze(self.trainable_stages)

    def _first(self) -> nn.Conv2d:
        first = self.get_submodule("stem.0")
        assert isinstance(first, nn.Conv2d)
        return first

    def encode(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch feature rows columns"]:
        """Turn normalised images into a map of features."""
        features: Tensor = self.blocks(self.stem(images))
        return features


class _Block(nn.Module):
    """Widen and pool, then add the output of one more convolution."""

    def __init__(self, widen: nn.Module, more: nn.Module) -> None:
        super().__init__()
        self.widen = widen
        self.more = more

    def forward(self, features: Tensor) -> Tensor:
        features = self.widen(features)
        total: Tensor = features + self.more(features)
        return total
