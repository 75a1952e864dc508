"""What shape a network's output has, found by running tensors that have no content."""

from typing import Any, cast

import torch
from torch import Tensor, nn


def map_shape(encoder: nn.Module, channels: int, height: int, width: int) -> tuple[int, int, int]:
    """Find the shape of an encoder's map of features, without computing the map.

    Args:
        encoder: Has a method ``feature_map``.
        channels: Channels of an image.
        height: Height of an image in pixels.
        width: Width of an image in pixels.

    Returns:
        Feature, rows and columns.

    Example:
        >>> class Half(nn.Module):
        ...     def feature_map(self, images: Tensor) -> Tensor:
        ...         return images[..., ::2, ::2]
        >>> map_shape(Half(), 3, 8, 6)
        (3, 4, 3)
    """
    tensors = {**dict(encoder.named_parameters()), **dict(encoder.named_buffers())}
    hollow = {f"encoder.{name}": tensor.to("meta") for name, tensor in tensors.items()}
    images = torch.empty(2, channels, height, width, device="meta")
    with torch.no_grad():
        found = torch.func.functional_call(_MapOf(encoder), hollow, images)
    feature, rows, columns = found.shape[1:]
    return feature, rows, columns


class _MapOf(nn.Module):
    """Let ``functional_call`` reach the map, which ``forward`` flattens."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = cast("Any", self.encoder).feature_map(images)
        return found
