"""The contract of the image encoders: an image becomes a grid of region vectors.

Images go in as they come from a file (bytes, or numbers from 0 to 1), because each encoder
normalises with its own mean and deviation; regions come out row by row, in the width that
``feature_dim`` publishes. Frozen stages get no gradient, and their batch normalisation keeps its
stored statistics also in training.

References:
    Vinyals et al. 2015, "Show and tell"; Xu et al. 2015, "Show, attend and tell", section 3.1.1:
    the last grid of a CNN as annotation vectors.
"""

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from multimodal.files import read_weights
from multimodal.nn.shapes import map_shape
from multimodal.nn.weights import load_named, weights_below


class ImageEncoder(nn.Module):
    """The contract of all encoders, and what they share: normalisation, freezing, fingerprint.

    A subclass builds its layers, then calls :meth:`_finish`; :meth:`stages` groups them into steps
    of unfreezing, and :meth:`encode` turns a normalised image into a map.

    Args:
        name: Description of the architecture; part of the fingerprint.
        mean: Mean of each channel of images from 0 to 1: three of colour images, one of grey ones.
        std: Standard deviation of each channel.

    Attributes:
        feature_dim: Width of a region vector.
        image_channels: Number of channels of an image.
        trainable_stages: Number of last stages that are trained; -1 trains all.
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
        """Encode images (bytes, or numbers from 0 to 1) into regions, row by row from the top left.

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
        """Return the rows and columns of regions of an image of this height and width in pixels.

        Raises:
            ValueError: If the encoder cannot take images of this size.
        """
        return self._map_shape(height, width)[1:]

    def unfreeze(self, stages: int) -> None:
        """Unfreeze this many of the last stages (0 none, -1 all) and freeze all others.

        Raises:
            ValueError: If the encoder has fewer stages.

        Example:
            >>> from multimodal.nn.encoders import SmallCNN
            >>> encoder = SmallCNN()
            >>> encoder.unfreeze(1)
            >>> sum(parameter.requires_grad for parameter in encoder.parameters())
            3
        """
        count = len(self.stages())
        if not -1 <= stages <= count:
            raise ValueError(
                f"trainable_stages of {self.name} must be -1 (all) or 0 to {count}, got {stages}."
            )
        self.trainable_stages = stages
        for parameter in self.parameters():
            parameter.requires_grad_(stages in (-1, count))
        for module in self._trained_modules():
            module.requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> "ImageEncoder":
        """Set training mode, in which frozen stages stay in evaluation mode."""
        super().train(mode)
        if mode and self.trainable_stages != -1:
            trained = {id(module) for module in self._trained_modules()}
            for module in (module for stage in self.stages() for module in stage):
                module.train(id(module) in trained)
        return self

    def fingerprint(self) -> str:
        """Return a digest of architecture and weights, 64 hexadecimal digits; it keys the cache."""
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
        """Set the memory format and freeze stages, after the layers are built."""
        self.to(memory_format=torch.channels_last)
        self.unfreeze(trainable_stages)

    def _trained_modules(self) -> list[nn.Module]:
        stages = self.stages()
        trained = len(stages) if self.trainable_stages == -1 else self.trainable_stages
        return [module for stage in stages[len(stages) - trained :] for module in stage]

    def _map_shape(self, height: int, width: int) -> tuple[int, int, int]:
        if (height, width) not in self._map_shapes:  # a deep network takes 0.1 s, so once a size
            shape = map_shape(self, self.image_channels, height, width)
            self._map_shapes[height, width] = shape
        return self._map_shapes[height, width]
