"""Mixup and cutmix: training on mixtures of two pictures, whose target is mixed in the same parts.

A network that has learned its pictures by heart is certain of every prediction. On a mixture of two
pictures it must divide its probability, which no single picture teaches. Mixup lays one over the
other; cutmix pastes a rectangle of one into the other, so that both stay sharp. The loss of a
mixture is the mixture of the losses of both targets.

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
        images: The mixtures: bytes where rectangles were pasted, numbers from 0 to 1 where pictures
            lie over each other.
        partners: Which picture of the batch was mixed into each, ``(batch,)``.
        share: Share of each picture that is its own, and weight of its own target.
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
    """Mix each picture of a batch with another one of it.

    Args:
        images: As bytes.
        mixup: How evenly two pictures are laid over each other: both parameters of a beta
            distribution of their share. At 0.2 one of them mostly dominates, at 1 all shares are
            equally likely; 0 turns it off.
        cutmix: The same for the area of a rectangle that is pasted; where both are set, each batch
            draws one of the two.
        generator: Draws partners and shares; by default torch's own, on the CPU.

    Returns:
        The mixtures.

    Raises:
        ValueError: If a parameter is negative.

    Example:
        >>> images = torch.tensor([0, 200], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 8, 8)
        >>> mixed = mix_images(images, mixup=1.0, generator=torch.Generator().manual_seed(3))
        >>> mixed.images.shape, 0 <= mixed.share <= 1
        (torch.Size([2, 3, 8, 8]), True)
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
    """Draw where a part of a length lies; at the ends it is cut off, as in the paper."""
    middle, half = draw.randrange(length), round(part * length) // 2
    return slice(max(0, middle - half), min(length, middle + half))
