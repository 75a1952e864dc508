"""Random numbers for a whole batch at once, each a function of (seed, epoch, index) alone.

A generator for each picture would cost more than what it decides. Here the seeds of all pictures of
a batch are mixed as `seed_for` mixes one, and the numbers counted off from each seed as splitmix64
does: which pictures share a batch, and which process makes it, changes nothing.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from multimodal.data.buckets import Request
from multimodal.worlds.draws import GOLDEN, MASK, absorb, mix


class Draws:
    """A stream of random numbers for each picture of a batch.

    Args:
        seed: Seed of the run.
        requests: (epoch, index) of each picture.

    Example:
        >>> draws = Draws(0, [(3, 17), (3, 18)])
        >>> first, second = draws.uniform(), draws.uniform()
        >>> alone = Draws(0, [(3, 18)])
        >>> bool(alone.uniform() == first[1]), bool(alone.uniform() == second[1])
        (True, True)
    """

    def __init__(self, seed: int, requests: Sequence[Request]) -> None:
        self._seeds = seeds_for(seed, requests)
        self._drawn = 0

    def __len__(self) -> int:
        return len(self._seeds)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Float[Tensor, " batch"]:
        """Draw the next number of each picture.

        Args:
            low: The smallest value.
            high: The end of the range, which is not reached.
        """
        self._drawn += 1
        step = np.uint64(self._drawn * GOLDEN & MASK)
        numbers = (mix(self._seeds + step) >> np.uint64(40)).astype(np.float32)
        return torch.from_numpy(low + (high - low) * (numbers * np.float32(2**-24)))

    def chance(self, probability: float) -> Tensor:
        """Draw for each picture whether something happens to it, ``(batch,)``.

        Args:
            probability: Probability of the event.
        """
        return self.uniform() < probability

    def below(self, number: int) -> Tensor:
        """Draw a whole number for each picture, ``(batch,)``.

        Args:
            number: The end of the range from 0, which is not reached.
        """
        return (self.uniform() * number).long().clamp(max=number - 1)

    def sign(self) -> Tensor:
        """Draw 1 or -1 for each picture, ``(batch,)``."""
        return 1.0 - 2.0 * self.chance(0.5).float()


def seeds_for(seed: int, requests: Sequence[Request]) -> NDArray[np.uint64]:
    """Mix the seed of a run with (epoch, index) of each picture.

    Args:
        seed: Seed of the run.
        requests: (epoch, index) of each picture.

    Returns:
        One seed each: twice what `seed_for(seed, epoch, index)` gives, maybe plus one.

    Example:
        >>> from multimodal.data.buckets import seed_for
        >>> int(seeds_for(7, [(2, 5)])[0]) // 2 == seed_for(7, 2, 5)
        True
    """
    parts = np.array([(seed & MASK, epoch, index) for epoch, index in requests], np.uint64)
    state = np.full(len(requests), 3, np.uint64)
    for part in parts.reshape(-1, 3).T:
        state = absorb(state, part)
    return state
