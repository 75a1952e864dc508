"""The table of image encoders: three small networks of ours, and every network of torchvision.

`SmallCNN` is here; LeNet (:mod:`multimodal.nn.lenet`) and the residual network
(:mod:`multimodal.nn.residual`) also train from nothing. The classification networks of torchvision
are in :mod:`multimodal.nn.backbones`, which is imported only when one is built.

References:
    Liu et al. 2018, "An intriguing failing of convolutional neural networks and the CoordConv
    solution": the coordinate channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from multimodal.nn.activations import Activation, Initialisation, build_activation
from multimodal.nn.choices import Choice
from multimodal.nn.convolutions import (
    Normalisation,
    build_normalisation,
    check_layers,
    convolution,
)
from multimodal.nn.encoder import ImageEncoder
from multimodal.nn.lenet import LeNet
from multimodal.nn.residual import ResidualCNN

_GREY = (0.5, 0.5, 0.5)


class SmallCNN(ImageEncoder):
    """A few convolutions for images of 32 to 96 pixels, trained from scratch.

    With the default strides an image of 64 pixels becomes 8 x 8 regions. The last channels of a
    region are its coordinates, from -1 to 1: a caption with "left of" needs them.

    The arguments are those of `EncoderSettings`, and `mean` that of each channel of the images,
    from 0 to 1.

    Raises:
        ValueError: If the sizes do not fit each other.

    Example:
        >>> encoder = SmallCNN()
        >>> encoder(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).shape
        torch.Size([2, 64, 130])
        >>> encoder.feature_dim, encoder.grid(64, 96)
        (130, (8, 12))
    """

    def __init__(
        self,
        *,
        channels: Sequence[int] = (32, 64, 64, 128, 128),
        strides: Sequence[int] = (2, 2, 1, 2, 1),
        normalisation: Normalisation = "batch",
        coordinates: bool = True,
        activation: Activation = "relu",
        initialisation: Initialisation = "kaiming",
        mean: Sequence[float] = _GREY,
        trainable_stages: int = -1,
    ) -> None:
        check_layers(channels, strides, normalisation)
        name = f"small channels={list(channels)} strides={list(strides)} {normalisation}"
        kind = "" if activation == "relu" else f" {activation}"
        super().__init__(
            f"{name} coordinates={coordinates}{kind}", mean=mean, std=[0.5] * len(mean)
        )
        self.coordinates = coordinates
        self.feature_dim = channels[-1] + 2 * coordinates
        blocks = [
            nn.Sequential(
                convolution(
                    before,
                    after,
                    stride=stride,
                    normalisation=normalisation,
                    activation=activation,
                    initialisation=initialisation,
                ),
                build_normalisation(normalisation, after),
                build_activation(activation),
            )
            for (before, after), stride in zip(
                pairwise([self.image_channels, *channels]), strides, strict=True
            )
        ]
        self.blocks = nn.Sequential(*blocks)
        self._finish(trainable_stages)

    def stages(self) -> list[list[nn.Module]]:
        """Make every convolution, with what follows it, a stage."""
        return [[block] for block in self.blocks]

    def encode(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch feature rows columns"]:
        """Turn normalised images into a map of features."""
        features: Tensor = self.blocks(images)
        if not self.coordinates:
            return features
        features = features.permute(0, 2, 3, 1)  # (batch, rows, columns, channels), as in memory
        batch, rows, columns, _ = features.shape
        coordinates = torch.cartesian_prod(
            torch.linspace(-1, 1, rows, device=features.device, dtype=features.dtype),
            torch.linspace(-1, 1, columns, device=features.device, dtype=features.dtype),
        )  # (rows * columns, 2)
        coordinates = coordinates.view(1, rows, columns, 2).expand(batch, -1, -1, -1)
        return torch.cat([features, coordinates], dim=-1).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class EncoderSettings:
    """The settings of an image encoder.

    Args:
        name: "small", "lenet", "residual", or the name of any classification network of
            torchvision; what follows ``trainable_stages`` is not for these.
        weights: "none" (from nothing), "pretrained" (torchvision downloads them), or the path of a
            .pth or .safetensors file.
        trainable_stages: Number of last stages that are trained: 0 freezes all, -1 trains all.
        channels: Width of each convolution, or of each residual block.
        strides: Stride of each convolution, or pooling after it.
        normalisation: "batch", "group" or "none".
        coordinates: For "small" only: whether two channels give the position of each region.
        window: For "lenet" only: side of each convolution's window in pixels, odd.
        activation: "relu", "leaky_relu", "elu", "gelu", "tanh" or "sigmoid".
        initialisation: Initialisation of the weights: "kaiming", "xavier" or "dirac".
    """

    name: str = "small"
    weights: str = "none"
    trainable_stages: int = -1
    channels: list[int] = field(default_factory=lambda: [32, 64, 64, 128, 128])
    strides: list[int] = field(default_factory=lambda: [2, 2, 1, 2, 1])
    normalisation: Normalisation = "batch"
    coordinates: bool = True
    window: int = 5
    activation: Activation = "relu"
    initialisation: Initialisation = "kaiming"


_LAYERS = (
    "channels",
    "strides",
    "normalisation",
    "activation",
    "initialisation",
    "trainable_stages",
)

ENCODERS: dict[str, Choice[ImageEncoder]] = {
    "small": Choice(
        SmallCNN, (*_LAYERS, "coordinates"), "drawn scenes: regions that know where they lie"
    ),
    "lenet": Choice(LeNet, (*_LAYERS, "window"), "digits and other pictures of 8 to 32 pixels"),
    "residual": Choice(ResidualCNN, _LAYERS, "photographs of 32 to 96 pixels"),
}


def build_encoder(settings: EncoderSettings, *, mean: Sequence[float] = _GREY) -> ImageEncoder:
    """Build the encoder that the settings describe.

    To rebuild a saved model, set ``weights="none"`` first: its own weights follow.

    Args:
        settings: Network, weights and frozen stages.
        mean: Mean of each channel of the images, from 0 to 1: as many as there are channels. A
            network of torchvision takes three, and normalises as its weights were trained.

    Raises:
        FileNotFoundError: If the weight file is not there.
        ValueError: If a name is unknown, or the weights do not fit.

    Example:
        >>> build_encoder(EncoderSettings(channels=[16, 32], strides=[2, 2])).feature_dim
        34
    """
    row = ENCODERS.get(settings.name)
    if row is None:
        # Here, since importing torchvision takes longer than building most models.
        from multimodal.nn.backbones import TorchvisionEncoder

        return TorchvisionEncoder(
            settings.name,
            weights=settings.weights,
            trainable_stages=settings.trainable_stages,
        )
    if settings.weights == "pretrained":
        raise ValueError(
            f'The "{settings.name}" encoder has no pretrained weights. Set weights to "none" or to '
            "the path of a checkpoint that contains one."
        )
    encoder = row.build(mean=mean, **{name: getattr(settings, name) for name in row.settings})
    if settings.weights != "none":
        encoder.load_weights(Path(settings.weights))
    return encoder
