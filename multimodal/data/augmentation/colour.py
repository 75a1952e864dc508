"""Changes of colour on a batch of uint8 pictures, with an amount for each picture.

They equal those of Pillow and torchvision for one picture. Every function takes pictures
``(batch, 3 or 1, height, width)`` and returns new ones.

References:
    Cubuk, Zoph, Shlens and Le 2020, "RandAugment", table 6 lists the operations.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

Images = UInt8[Tensor, "batch channels height width"]
Amounts = Float[Tensor, " batch"]

_LUMA = (0.2989, 0.587, 0.114)  # ITU-R BT.601, with the digits that torchvision takes


def adjust_brightness(images: Images, factor: Amounts) -> Images:
    """Multiply all values by a factor: 0 is black, 1 changes nothing.

    Example:
        >>> grey = torch.full((1, 1, 1, 1), 100, dtype=torch.uint8)
        >>> adjust_brightness(grey, torch.tensor([1.5])).item()
        150
    """
    return _to_bytes(images * _wide(factor))


def adjust_contrast(images: Images, factor: Amounts) -> Images:
    """Blend pictures with their mean grey: 0 is grey, 1 changes nothing, more adds contrast.

    Example:
        >>> images = torch.tensor([100, 200], dtype=torch.uint8).view(1, 1, 1, 2)
        >>> adjust_contrast(images, torch.tensor([0.5])).flatten().tolist()
        [125, 175]
    """
    return _blend(images, _grey(images).mean(dim=(1, 2, 3), keepdim=True), factor)


def adjust_saturation(images: Images, factor: Amounts) -> Images:
    """Blend pictures with their grey versions: 0 is grey, 1 changes nothing, more adds colour.

    Example:
        >>> red = torch.tensor([200, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
        >>> adjust_saturation(red, torch.tensor([0.0])).flatten().tolist()
        [59, 59, 59]
    """
    return images if images.shape[1] == 1 else _blend(images, _grey(images), factor)


def relight(images: Images, brightness: Amounts, contrast: Amounts, saturation: Amounts) -> Images:
    """Change brightness, contrast and saturation at once, in a third of the time of one by one.

    Each is linear in a pixel's channels, and so are all three: a matrix for each picture. Values
    are clamped once, at the end. The amounts are those of the three functions above.

    Example:
        >>> images = torch.tensor([100, 200], dtype=torch.uint8).view(1, 1, 1, 2)
        >>> half, whole = torch.tensor([0.5]), torch.ones(1)
        >>> relight(images, whole, half, whole).flatten().tolist()
        [125, 175]
    """
    channels = images.shape[1]
    luma = torch.tensor(_LUMA if channels == 3 else (1.0,))
    pixels = images.flatten(2).float()  # (batch, channels, pixels)
    scale = (brightness * contrast)[:, None, None]
    colour = saturation[:, None, None] * torch.eye(channels)
    matrix = scale * (colour + (1 - saturation)[:, None, None] * luma.expand(channels, -1))
    mean = pixels.mean(dim=2) @ luma
    offset = (1 - contrast) * brightness * mean
    return _to_bytes(torch.baddbmm(_wide(offset)[..., 0], matrix, pixels).view(images.shape))


def adjust_sharpness(images: Images, factor: Amounts) -> Images:
    """Blend pictures with smoothed ones: 0 smooths, 1 changes nothing, more sharpens.

    The outermost pixels do not change.

    Example:
        >>> dot = torch.zeros(1, 1, 3, 3, dtype=torch.uint8)
        >>> dot[0, 0, 1, 1] = 130
        >>> adjust_sharpness(dot, torch.tensor([0.0]))[0, 0, 1, 1].item()
        50
    """
    channels = images.shape[1]
    kernel = torch.ones(3, 3)
    kernel[1, 1] = 5
    kernel = (kernel / kernel.sum()).expand(channels, 1, 3, 3)
    smooth = images.float()
    if min(images.shape[2:]) > 2:
        inner = F.conv2d(smooth, kernel, groups=channels).round()
        smooth = smooth.clone()
        smooth[:, :, 1:-1, 1:-1] = inner
    return _blend(images, smooth, factor)


def posterize(images: Images, bits: Int[Tensor, " batch"]) -> Images:
    """Keep only the upper 0 to 8 bits of each value.

    Example:
        >>> images = torch.full((1, 1, 1, 1), 255, dtype=torch.uint8)
        >>> posterize(images, torch.tensor([4])).item()
        240
    """
    mask = 256 - 2 ** (8 - bits)
    return images & mask.to(torch.uint8)[:, None, None, None]


def solarize(images: Images, threshold: Amounts) -> Images:
    """Invert all values from a threshold on, which is from 0 to 256.

    Example:
        >>> images = torch.tensor([100, 200], dtype=torch.uint8).view(1, 1, 1, 2)
        >>> solarize(images, torch.tensor([128.0])).flatten().tolist()
        [100, 55]
    """
    return torch.where(images >= _wide(threshold), 255 - images, images)


def autocontrast(images: Images) -> Images:
    """Stretch each channel to the whole range, except channels of one value.

    Example:
        >>> images = torch.tensor([100, 110, 120], dtype=torch.uint8).view(1, 1, 1, 3)
        >>> autocontrast(images).flatten().tolist()
        [0, 127, 255]
    """
    low = images.amin(dim=(2, 3), keepdim=True).float()
    high = images.amax(dim=(2, 3), keepdim=True).float()
    scale = 255 / (high - low).clamp(min=1)
    return torch.where(high > low, _to_bytes((images - low) * scale), images)


def equalize(images: Images) -> Images:
    """Equalise the histogram of each channel.

    Example:
        >>> dark = torch.arange(1024).div(8, rounding_mode="floor").to(torch.uint8)
        >>> equalize(dark.view(1, 1, 32, 32)).amax().item()
        255
    """
    planes = images.flatten(0, 1).flatten(1).long()  # (batch * channels, pixels)
    rows = 256 * torch.arange(len(planes))[:, None]
    counts = torch.bincount((planes + rows).flatten(), minlength=256 * len(planes)).view(-1, 256)
    last = counts.gather(1, planes.amax(dim=1, keepdim=True))
    step = (planes.shape[1] - last) // 255
    below = counts.cumsum(dim=1) - counts
    table = ((below + step // 2) // step.clamp(min=1)).clamp(max=255)
    equal = table.gather(1, planes).to(torch.uint8).view(images.shape)
    return torch.where(step.view(*images.shape[:2], 1, 1) > 0, equal, images)


def _blend(images: Images, other: Tensor, factor: Amounts) -> Images:
    return _to_bytes(torch.lerp(other, images.float(), _wide(factor)))


def _grey(images: Images) -> Tensor:
    if images.shape[1] == 1:
        return images.float()
    return (images * torch.tensor(_LUMA).view(3, 1, 1)).sum(dim=1, keepdim=True).floor()


def _wide(amounts: Tensor) -> Tensor:
    return amounts[:, None, None, None]


def _to_bytes(values: Tensor) -> Images:
    return values.clamp(0, 255).to(torch.uint8)
