"""Mixup and cutmix: train on mixtures of two images, with the same mixture of their losses.

A network that overfits is certain of every prediction. On a mixture it must divide its probability
between two targets. Mixup interpolates two images; cutmix pastes a rectangle of one into the other,
so that both stay sharp.

References:
    Zhang, Cisse, Dauphin and Lopez-Paz 2018, "mixup: beyond empirical risk minimization", equation
    1; Yun et al. 2019, "CutMix", equations 1 and 2.
"""

import random
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor


class Mixed(NamedTuple):
    """A batch of mixtures.

    Attributes:
        images: The mixtures: bytes after cutmix, numbers from 0 to 1 after mixup.
        partners: The index in the batch of the image mixed into each.
        share: Share of each image that is its own, and weight of its own target.
    """

    images: (
        UInt8[Tensor, "batch channels height width"] | Float[Tensor, "batch channels height width"]
    )
    partners: Int[Tensor, " batch"]
    share: float


def mix_images(
    images: UInt8[Tensor, "batch channels height width"],
    *,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    generator: torch.Generator | None = None,
) -> Mixed:
    """Mix each image of a batch with another one of it.

    Args:
        mixup: Both parameters of the beta distribution of an image's share. At 0.2 one of two
            images mostly dominates, at 1 all shares are equally likely; 0 turns mixup off.
        cutmix: The same for the area that is not pasted; where both are set, each batch draws one
            of the two.
        generator: Draws partners and shares; by default torch's own, on the CPU.

    Raises:
        ValueError: If a parameter is negative.
    """
    if mixup < 0 or cutmix < 0:
        raise ValueError(f"`mixup` and `cutmix` must be 0 or more, got {mixup} and {cutmix}.")
    partners = torch.randperm(len(images), generator=generator).to(images.device)
    # Python's generator knows the beta distribution; torch's knows it only without a generator.
    draw = random.Random(int(torch.randint(2**62, (), generator=generator)))
    kinds = [name for name, strength in (("mixup", mixup), ("cutmix", cutmix)) if strength]
    if not kinds:
        return Mixed(images, partners, 1.0)
    if draw.choice(kinds) == "mixup":
        share = draw.betavariate(mixup, mixup)
        numbers = images.float() / 255
        return Mixed(torch.lerp(numbers[partners], numbers, share), partners, share)
    height, width = images.shape[-2:]
    side = (1 - draw.betavariate(cutmix, cutmix)) ** 0.5
    rows = _span(height, side, draw)
    columns = _span(width, side, draw)
    pasted = images.clone()
    pasted[..., rows, columns] = images[partners][..., rows, columns]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    return Mixed(pasted, partners, 1 - area / (height * width))


def _span(length: int, part: float, draw: random.Random) -> slice:
    """Draw the position of a part of a length; at the ends it is cut off, as in the paper."""
    middle, half = draw.randrange(length), round(part * length) // 2
    return slice(max(0, middle - half), min(length, middle + half))
