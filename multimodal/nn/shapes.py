"""The shape of an encoder's feature map."""

from typing import Any, cast

import torch
from torch import Tensor, nn

# Computing a map of so few pixels takes a tenth of a second at most. Tensors without content cost
# nothing at any size, but at their first use torch imports its compiler, which takes two seconds.
_FEW_PIXELS = 256 * 256


def map_shape(encoder: nn.Module, channels: int, height: int, width: int) -> tuple[int, int, int]:
    """Return feature, rows and columns of the result of ``encoder.feature_map`` for an empty image.

    The map of a large image is not computed.
    """
    compute = _computed if height * width <= _FEW_PIXELS else _on_meta
    feature, rows, columns = compute(encoder, channels, height, width).shape[1:]
    return feature, rows, columns


@torch.no_grad()
def _computed(encoder: nn.Module, channels: int, height: int, width: int) -> Tensor:
    device = next(iter([*encoder.parameters(), *encoder.buffers()]), torch.empty(0)).device
    training = [module for module in encoder.modules() if module.training]
    encoder.eval()  # so that no statistics change
    try:
        images = torch.zeros(1, channels, height, width, device=device)
        return cast("Tensor", cast("Any", encoder).feature_map(images))
    finally:
        for module in training:
            module.training = True


@torch.no_grad()
def _on_meta(encoder: nn.Module, channels: int, height: int, width: int) -> Tensor:
    tensors = {**dict(encoder.named_parameters()), **dict(encoder.named_buffers())}
    on_meta = {f"encoder.{name}": tensor.to("meta") for name, tensor in tensors.items()}
    images = torch.empty(2, channels, height, width, device="meta")
    return cast("Tensor", torch.func.functional_call(_MapOf(encoder), on_meta, images))


class _MapOf(nn.Module):
    """The map as ``forward``, which is what ``functional_call`` calls."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = cast("Any", self.encoder).feature_map(images)
        return features
