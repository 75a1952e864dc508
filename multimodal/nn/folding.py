"""Fold batch normalisation into convolutions, so that a frozen encoder is faster.

In evaluation a batch normalisation multiplies and adds constants, which the convolution before it
can do as well. Networks of thin layers (MobileNet, EfficientNet) spend a third of their time in
these normalisations.

The encoder runs once to show which normalisation follows which convolution. The result is compared
with the original; an encoder that cannot be folded is returned as it was.

References:
    Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", section 3.2 (batch normalisation folding).
"""

import copy

import torch
from jaxtyping import UInt8
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from multimodal.nn.encoder import ImageEncoder


def fold_batch_norm(
    encoder: ImageEncoder, images: UInt8[Tensor, "batch 3 height width"]
) -> ImageEncoder:
    """Return a faster copy of an encoder for inference, with the same features up to rounding.

    Args:
        encoder: Not changed.
        images: A few images of the usual size, on which the features are compared.
    """
    plain = copy.deepcopy(encoder).eval().requires_grad_(False)
    folded = copy.deepcopy(plain)
    with torch.inference_mode():
        expected = plain(images)
    for convolution, norm in _pairs(folded, images):
        first, second = folded.get_submodule(convolution), folded.get_submodule(norm)
        assert isinstance(first, nn.Conv2d)
        assert isinstance(second, nn.BatchNorm2d)
        folded.set_submodule(convolution, fuse_conv_bn_eval(first, second))
        folded.set_submodule(norm, nn.Identity())
    folded.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        error = (folded(images) - expected).abs().max()
    # A convolution whose output is also used elsewhere must not be changed.
    return folded if error <= 1e-3 * expected.abs().max() else plain


def _pairs(encoder: ImageEncoder, images: Tensor) -> list[tuple[str, str]]:
    """Name the convolutions whose output goes through a batch normalisation."""
    outputs: dict[str, Tensor] = {}
    pairs: list[tuple[str, str]] = []
    handles = []
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Conv2d):

            def remember(_: nn.Module, __: object, output: Tensor, name: str = name) -> None:
                outputs[name] = output

            handles.append(module.register_forward_hook(remember))
        elif isinstance(module, nn.BatchNorm2d) and module.track_running_stats:

            def match(_: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                pairs.extend((conv, name) for conv in outputs if outputs[conv] is inputs[0])

            handles.append(module.register_forward_pre_hook(match))
    with torch.inference_mode():
        encoder(images)
    for handle in handles:
        handle.remove()
    return pairs
