"""Encoders: an image becomes a grid of region vectors.

Every encoder keeps one contract. Images go in as they come from a file (bytes, or numbers from 0 to
1), because each encoder normalises with its own mean and deviation; regions come out row by row, in
the width that ``feature_dim`` publishes. What is frozen stays frozen: stages that are not trained
get no gradient, and their batch normalisation keeps its stored statistics also in training.

``SmallCNN`` is for images of 32 to 96 pixels and trains from nothing, as do LeNet
(:mod:`multimodal.nn.lenet`) and the small residual network (:mod:`multimodal.nn.residual`); every
classification network of torchvision is in :mod:`multimodal.nn.backbones`, which is imported only
when one is built.

References:
    Vinyals et al. 2015, Show and Tell; Xu et al. 2015, Show, Attend and Tell, section 3.1.1: the
    last grid of a CNN as annotation vectors.
    Liu et al. 2018, An Intriguing Failing of Convolutional Neural Networks and the CoordConv
    Solution: the coordinate channels.
"""

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from multimodal.files import read_weights
from multimodal.nn.activations import Activation, Initialisation, build_activation
from multimodal.nn.convolutions import (
    Normalisation,
    build_normalisation,
    check_layers,
    convolution,
)
from multimodal.nn.shapes import map_shape
from multimodal.nn.weights import load_named, weights_below

_GREY = (0.5, 0.5, 0.5)


class ImageEncoder(nn.Module):
    """The contract of all encoders, and what they share: normalisation, freezing, fingerprint.

    A subclass builds its layers, then calls :meth:`_finish`; it says in :meth:`stages` how they
    group into steps of unfreezing, and in :meth:`encode` how a normalised image becomes a map.

    Args:
        name: What the encoder is, as its settings call it; part of the fingerprint.
        mean: Mean of each channel, of images from 0 to 1; three of colour, or one of grey.
        std: Standard deviation of each channel.

    Attributes:
        feature_dim: Width of a region vector.
        image_channels: How many channels an image has.
        trainable_stages: How many of the last stages are trained; -1 is all of them.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, name: str, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.name = name
        self.feature_dim = 0
        self.image_channels = len(mean)
        self.trainable_stages = -1
        self._map_shapes: dict[tuple[int, int], tuple[int, int, int]] = {}
        # Not part of the weights: a file of torchvision has none, and they never change.
        self.register_buffer("scale", 1 / torch.tensor(std).view(-1, 1, 1), persistent=False)
        self.register_buffer("shift", -torch.tensor(mean).view(-1, 1, 1) * self.scale, False)

    @abstractmethod
    def stages(self) -> list[list[nn.Module]]:
        """Group the layers, first to last, into the steps in which they may be unfrozen."""

    @abstractmethod
    def encode(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch feature rows columns"]:
        """Turn normalised images into a map of features."""

    def forward(
        self,
        images: UInt8[Tensor, "batch channels height width"]
        | Float[Tensor, "batch channels height width"],
    ) -> Float[Tensor, "batch regions feature"]:
        """Encode images into region vectors, row by row from the upper left.

        Args:
            images: RGB, or grey, as bytes or as numbers from 0 to 1.

        Returns:
            One vector a region.

        Raises:
            ValueError: If the encoder cannot take images of this size.
        """
        return self.feature_map(images).flatten(2).transpose(1, 2)  # (batch, regions, feature)

    def feature_map(
        self,
        images: UInt8[Tensor, "batch channels height width"]
        | Float[Tensor, "batch channels height width"],
    ) -> Float[Tensor, "batch feature rows columns"]:
        """Encode images into a map of features: :meth:`forward` before it is flattened."""
        # Channels last: oneDNN's and cuDNN's convolutions are 1.2 to 1.6 times as fast on it.
        numbers = images.to(self.scale.dtype, memory_format=torch.channels_last)
        scale = self.scale if images.is_floating_point() else self.scale / 255
        return self.encode(torch.addcmul(self.shift, numbers, scale))

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns of regions of an image, without computing them.

        Args:
            height: Height of the image in pixels.
            width: Width of the image in pixels.

        Returns:
            Rows and columns; their product is the number of regions.

        Raises:
            ValueError: If the encoder cannot take images of this size.
        """
        return self._map_shape(height, width)[1:]

    def unfreeze(self, stages: int) -> None:
        """Open the last stages for training and freeze all others.

        The number is plain data: who resumes a run calls this again with the same number.

        Args:
            stages: How many of the last stages are trained: 0 none, -1 all.

        Raises:
            ValueError: If the encoder has fewer stages.

        Example:
            >>> encoder = SmallCNN()
            >>> encoder.unfreeze(1)
            >>> sum(parameter.requires_grad for parameter in encoder.parameters())
            3
        """
        found = len(self.stages())
        if not -1 <= stages <= found:
            raise ValueError(
                f"trainable_stages of {self.name} must be -1 (all) or 0 to {found}, got {stages}."
            )
        self.trainable_stages = stages
        for parameter in self.parameters():
            parameter.requires_grad_(stages in (-1, found))
        for module in self._open_modules():
            module.requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> "ImageEncoder":
        """Set training mode, in which frozen stages stay in evaluation mode."""
        super().train(mode)
        if mode and self.trainable_stages != -1:
            still_open = {id(module) for module in self._open_modules()}
            for module in (module for stage in self.stages() for module in stage):
                module.train(id(module) in still_open)
        return self

    def fingerprint(self) -> str:
        """Return a digest of the architecture and the weights: the same digest, the same features.

        Returns:
            Sixty-four hexadecimal digits.

        Example:
            >>> encoder = SmallCNN()
            >>> encoder.fingerprint() == encoder.fingerprint()
            True
        """
        digest = hashlib.sha256(self.name.encode())
        named = {**dict(self.named_buffers()), **dict(self.named_parameters())}
        for name, tensor in sorted(named.items()):
            if not name.endswith("num_batches_tracked"):  # counts, and changes no feature
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                flat = tensor.detach().cpu().contiguous().reshape(-1)
                digest.update(flat.view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def load_weights(self, path: Path) -> None:
        """Load weights from a file: the encoder's own, or those in a checkpoint that contains it.

        Args:
            path: A ``.pth``, ``.ckpt`` or ``.safetensors`` file, opened without executing it.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the weights are not this encoder's.
        """
        load_named(self, weights_below(read_weights(path), self.state_dict()), str(path))

    def _finish(self, trainable_stages: int) -> None:
        """Publish the width and freeze, once the layers are there."""
        self.to(memory_format=torch.channels_last)
        self.unfreeze(trainable_stages)

    def _open_modules(self) -> list[nn.Module]:
        stages = self.stages()
        opened = len(stages) if self.trainable_stages == -1 else self.trainable_stages
        return [module for stage in stages[len(stages) - opened :] for module in stage]

    def _map_shape(self, height: int, width: int) -> tuple[int, int, int]:
        if (height, width) not in self._map_shapes:  # a deep network takes 0.1 s, so once a size
            found = map_shape(self, self.image_channels, height, width)
            self._map_shapes[height, width] = found
        return self._map_shapes[height, width]


class SmallCNN(ImageEncoder):
    """A few convolutions for images of 32 to 96 pixels, trained from nothing.

    With the default strides an image of 64 pixels becomes 8 x 8 regions. The last channels of a
    region say where it is, as two numbers from -1 to 1: a caption that says "left of" needs it.

    Args:
        channels: Width of each convolution; the last is the width of the map.
        strides: Stride of each convolution.
        normalisation: ``batch``, ``group`` or ``none``, after each convolution.
        coordinates: Whether the two coordinate channels are appended.
        activation: What follows.
        initialisation: How the weights start, ``kaiming``, ``xavier`` or ``dirac``.
        mean: Mean of each channel of the images, from 0 to 1: as many as there are channels.
        trainable_stages: How many of the last convolutions are trained: 0 none, -1 all.

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
        where = torch.cartesian_prod(
            torch.linspace(-1, 1, rows, device=features.device, dtype=features.dtype),
            torch.linspace(-1, 1, columns, device=features.device, dtype=features.dtype),
        )  # (rows * columns, 2)
        where = where.view(1, rows, columns, 2).expand(batch, -1, -1, -1)
        return torch.cat([features, where], dim=-1).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class EncoderSettings:
    """What an encoder is built from: plain data, as the command line and a saved model hold it.

    Args:
        name: "small", "lenet", "residual", or the name of any classification network of
            torchvision; what follows ``trainable_stages`` is not for these.
        weights: "none" (from nothing), "pretrained" (torchvision downloads them), or the path of a
            .pth or .safetensors file.
        trainable_stages: How many of the last stages are trained: 0 is frozen, -1 is all.
        channels: Width of each convolution, or of each residual block.
        strides: Stride of each convolution, or pooling after it.
        normalisation: "batch", "group" or "none".
        coordinates: Of "small" only: whether two channels say where a region is.
        window: Of "lenet" only: side of each convolution's window in pixels, odd.
        activation: "relu", "leaky_relu", "elu", "gelu", "tanh" or "sigmoid".
        initialisation: How the weights start: "kaiming", "xavier" or "dirac".
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


def build_encoder(settings: EncoderSettings, *, mean: Sequence[float] = _GREY) -> ImageEncoder:
    """Build the encoder that the settings describe.

    Who rebuilds a saved model sets ``weights="none"`` first: the saved weights come after.

    Args:
        settings: Plain data; see :class:`EncoderSettings`.
        mean: Mean of each channel of the images, from 0 to 1: as many as there are channels. A
            network of torchvision takes three, and normalises as its weights were trained.

    Returns:
        The encoder, with its weights loaded and its stages frozen as asked.

    Raises:
        FileNotFoundError: If the weight file is not there.
        ValueError: If a name is unknown, or the weights do not fit.

    Example:
        >>> build_encoder(EncoderSettings(channels=[16, 32], strides=[2, 2])).feature_dim
        34
    """
    if settings.name not in ("small", "lenet", "residual"):
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
    encoder = _build_own(settings, mean)
    if settings.weights != "none":
        encoder.load_weights(Path(settings.weights))
    return encoder


def _build_own(settings: EncoderSettings, mean: Sequence[float]) -> ImageEncoder:
    from multimodal.nn.lenet import LeNet  # here, since they import this file
    from multimodal.nn.residual import ResidualCNN

    layers: dict[str, Any] = {
        "channels": settings.channels,
        "strides": settings.strides,
        "normalisation": settings.normalisation,
        "activation": settings.activation,
        "initialisation": settings.initialisation,
        "mean": mean,
        "trainable_stages": settings.trainable_stages,
    }
    if settings.name == "small":
        return SmallCNN(coordinates=settings.coordinates, **layers)
    if settings.name == "lenet":
        return LeNet(window=settings.window, **layers)
    return ResidualCNN(**layers)
