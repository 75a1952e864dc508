"""Encoders: an image becomes a grid of region vectors.

Every encoder keeps one contract. Images go in as they come from a file (bytes, or numbers from 0 to
1), because each encoder normalises with its own mean and deviation; regions come out row by row, in
the width that ``feature_dim`` publishes. What is frozen stays frozen: stages that are not trained
get no gradient, and their batch normalisation keeps its stored statistics also in training.

``SmallCNN`` is for images of 32 to 96 pixels and trains from nothing; every classification network
of torchvision is in :mod:`multimodal.nn.backbones`, which is imported only when one is built.

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
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from multimodal.files import read_weights
from multimodal.nn.weights import load_named, weights_below

Normalisation = Literal["batch", "group"]
_GROUPS = 8  # of GroupNorm; Wu and He 2018 find 8 to 32 equally good


class ImageEncoder(nn.Module):
    """The contract of all encoders, and what they share: normalisation, freezing, fingerprint.

    A subclass builds its layers, then calls :meth:`_finish`; it says in :meth:`stages` how they
    group into steps of unfreezing, and in :meth:`encode` how a normalised image becomes a map.

    Args:
        name: What the encoder is, as its settings call it; part of the fingerprint.
        mean: Mean of the three colour channels, of images from 0 to 1.
        std: Standard deviation of the three colour channels.

    Attributes:
        feature_dim: Width of a region vector.
        trainable_stages: How many of the last stages are trained; -1 is all of them.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, name: str, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.name = name
        self.feature_dim = 0
        self.trainable_stages = -1
        self._map_shapes: dict[tuple[int, int], tuple[int, int, int]] = {}
        # Not part of the weights: a file of torchvision has none, and they never change.
        self.register_buffer("scale", 1 / torch.tensor(std).view(3, 1, 1), persistent=False)
        self.register_buffer("shift", -torch.tensor(mean).view(3, 1, 1) * self.scale, False)

    @abstractmethod
    def stages(self) -> list[list[nn.Module]]:
        """Group the layers, first to last, into the steps in which they may be unfrozen."""

    @abstractmethod
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch feature rows columns"]:
        """Turn normalised images into a map of features."""

    def forward(
        self,
        images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"],
    ) -> Float[Tensor, "batch regions feature"]:
        """Encode images into region vectors, row by row from the upper left.

        Args:
            images: RGB as bytes, or as numbers from 0 to 1.

        Returns:
            One vector a region.

        Raises:
            ValueError: If the encoder cannot take images of this size.
        """
        return self.feature_map(images).flatten(2).transpose(1, 2)  # (batch, regions, feature)

    def feature_map(
        self,
        images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"],
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
        """Find feature, rows and columns of a map by running tensors that have no content."""
        if (height, width) not in self._map_shapes:  # a deep network takes 0.1 s, so once a size
            tensors = {**dict(self.named_parameters()), **dict(self.named_buffers())}
            hollow = {f"encoder.{name}": tensor.to("meta") for name, tensor in tensors.items()}
            images = torch.empty(2, 3, height, width, device="meta")
            with torch.no_grad():
                found = torch.func.functional_call(_MapOf(self), hollow, images)
            self._map_shapes[height, width] = found.shape[1:]
        feature, rows, columns = self._map_shapes[height, width]
        return feature, rows, columns


class SmallCNN(ImageEncoder):
    """A few convolutions for images of 32 to 96 pixels, trained from nothing.

    With the default strides an image of 64 pixels becomes 8 x 8 regions. The last channels of a
    region say where it is, as two numbers from -1 to 1: a caption that says "left of" needs it.

    Args:
        channels: Width of each convolution; the last is the width of the map.
        strides: Stride of each convolution.
        normalisation: ``batch`` or ``group``, after each convolution.
        coordinates: Whether the two coordinate channels are appended.
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
        trainable_stages: int = -1,
    ) -> None:
        _check_sizes(channels, strides, normalisation)
        name = f"small channels={list(channels)} strides={list(strides)} {normalisation}"
        super().__init__(f"{name} coordinates={coordinates}", mean=[0.5] * 3, std=[0.5] * 3)
        self.coordinates = coordinates
        self.feature_dim = channels[-1] + 2 * coordinates
        blocks = [
            _block(before, after, stride, normalisation)
            for (before, after), stride in zip(pairwise([3, *channels]), strides, strict=True)
        ]
        self.blocks = nn.Sequential(*blocks)
        self._finish(trainable_stages)

    def stages(self) -> list[list[nn.Module]]:
        """Make every convolution, with what follows it, a stage."""
        return [[block] for block in self.blocks]

    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
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
        name: "small", or the name of any classification network of torchvision.
        weights: "none" (from nothing), "pretrained" (torchvision downloads them), or the path of a
            .pth or .safetensors file.
        trainable_stages: How many of the last stages are trained: 0 is frozen, -1 is all.
        channels: Of "small" only: width of each convolution.
        strides: Of "small" only: stride of each convolution.
        normalisation: Of "small" only: "batch" or "group".
        coordinates: Of "small" only: whether two channels say where a region is.
    """

    name: str = "small"
    weights: str = "none"
    trainable_stages: int = -1
    channels: list[int] = field(default_factory=lambda: [32, 64, 64, 128, 128])
    strides: list[int] = field(default_factory=lambda: [2, 2, 1, 2, 1])
    normalisation: Normalisation = "batch"
    coordinates: bool = True


def build_encoder(settings: EncoderSettings) -> ImageEncoder:
    """Build the encoder that the settings describe.

    Who rebuilds a saved model sets ``weights="none"`` first: the saved weights come after.

    Args:
        settings: Plain data; see :class:`EncoderSettings`.

    Returns:
        The encoder, with its weights loaded and its stages frozen as asked.

    Raises:
        FileNotFoundError: If the weight file is not there.
        ValueError: If a name is unknown, or the weights do not fit.

    Example:
        >>> build_encoder(EncoderSettings(channels=[16, 32], strides=[2, 2])).feature_dim
        34
    """
    if settings.name != "small":
        # Here, since importing torchvision takes longer than building most models.
        from multimodal.nn.backbones import TorchvisionEncoder

        return TorchvisionEncoder(
            settings.name,
            weights=settings.weights,
            trainable_stages=settings.trainable_stages,
        )
    if settings.weights == "pretrained":
        raise ValueError(
            'The "small" encoder has no pretrained weights. Set weights to "none" or to the path '
            "of a checkpoint that contains one."
        )
    encoder = SmallCNN(
        channels=settings.channels,
        strides=settings.strides,
        normalisation=settings.normalisation,
        coordinates=settings.coordinates,
        trainable_stages=settings.trainable_stages,
    )
    if settings.weights != "none":
        encoder.load_weights(Path(settings.weights))
    return encoder


class _MapOf(nn.Module):
    """Let ``functional_call`` reach the map, which ``forward`` flattens."""

    def __init__(self, encoder: ImageEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        return self.encoder.feature_map(images)


def _check_sizes(
    channels: Sequence[int], strides: Sequence[int], normalisation: Normalisation
) -> None:
    if not channels or len(channels) != len(strides) or min(*channels, *strides) < 1:
        raise ValueError(
            "channels and strides must be positive and of one length, got "
            f"{list(channels)} and {list(strides)}."
        )
    if normalisation not in ("batch", "group"):
        raise ValueError(f'normalisation must be "batch" or "group", got "{normalisation}".')
    if normalisation == "group" and any(width % _GROUPS for width in channels):
        raise ValueError(
            f"With group normalisation channels must be multiples of {_GROUPS}, "
            f"got {list(channels)}."
        )


def _block(before: int, after: int, stride: int, normalisation: Normalisation) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    norm = nn.BatchNorm2d(after) if normalisation == "batch" else nn.GroupNorm(_GROUPS, after)
    return nn.Sequential(convolution, norm, nn.ReLU(inplace=True))
