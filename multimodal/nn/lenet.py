"""LeNet's layout: convolutions, each followed by pooling, for small pictures.

The first network of most lectures. Its widths and its window are free: in 1998 they were 6, 16 and
five pixels, on digits of 28 pixels. The fully connected layers after the last pooling belong to the
classifier's head (`multimodal.classification.model`: pooling ``flatten``, hidden layers of 120 and
84). Here every convolution pads its input, so that digits of 8 pixels fit; in the paper only the
input image has a margin.

References:
    LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
    recognition", section II.B and figure 2 (there with average pooling and a scaled tanh).
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
from multimodal.nn.encoder import ImageEncoder

_DEVIATION = 0.25  # of pixels from 0 to 1, about; the first layer learns the rest


class LeNet(ImageEncoder):
    """Convolutions with pooling, for images from 8 pixels up.

    The arguments are those of `multimodal.nn.encoders.EncoderSettings`, and `mean` that of each
    channel of the images, from 0 to 1. `strides` is the pooling after each convolution.

    Raises:
        ValueError: If the sizes do not fit each other.

    Example:
        >>> import torch
        >>> encoder = LeNet(mean=[0.13])
        >>> encoder(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).shape
        torch.Size([2, 49, 16])
    """

    def __init__(
        self,
        *,
        channels: Sequence[int] = (6, 16),
        strides: Sequence[int] = (2, 2),
        window: int = 5,
        normalisation: Normalisation = "none",
        activation: Activation = "tanh",
        initialisation: Initialisation = "xavier",
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        trainable_stages: int = -1,
    ) -> None:
        check_layers(channels, strides, normalisation)
        if window < 1 or window % 2 == 0:
            raise ValueError(
                f"`window` must be an odd number of pixels, so that it has a middle, got {window}."
            )
        super().__init__(
            f"lenet channels={list(channels)} strides={list(strides)} window={window} "
            f"{normalisation} {activation}",
            mean=mean,
            std=[_DEVIATION] * len(mean),
        )
        self.feature_dim = channels[-1]
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(
                    convolution(
                        before,
                        after,
                        kernel_size=window,
                        normalisation=normalisation,
                        activation=activation,
                        initialisation=initialisation,
                    ),
                    build_normalisation(normalisation, after),
                    build_activation(activation),
                    nn.MaxPool2d(pooling) if pooling > 1 else nn.Identity(),
                )
                for (before, after), pooling in zip(
                    pairwise([len(mean), *channels]), strides, strict=True
                )
            )
        )
        self._finish(trainable_stages)

    def stages(self) -> list[list[nn.Module]]:
        """Make every convolution, with what follows it, a stage."""
        return [[block] for block in self.blocks]

    def encode(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch feature rows columns"]:
        """Turn normalised images into a map of features."""
        features: Tensor = self.blocks(images)
        return features
