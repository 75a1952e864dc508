"""The package's random generator: SplitMix64 in whole numbers, the same everywhere.

Its numbers depend on a key alone: neither on the platform or process, nor on a library's version.
Scenes, questions and reviews draw from `Draws`; the order of the data and the augmentation of
images use the same mixing function.

References:
    Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, figures
    15 and 17.
"""

import difflib
import hashlib
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from numpy.typing import NDArray

MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
GOLDEN: Final = 0x9E37_79B9_7F4A_7C15

_Choice = TypeVar("_Choice")
_Words = TypeVar("_Words", int, NDArray[Any])


def mix(words: _Words) -> _Words:
    """Mix 64 bits, or an array of them, so that each bit depends on all others.

    Example:
        >>> import numpy as np
        >>> mix(GOLDEN) == int(mix(np.array([GOLDEN], np.uint64))[0])
        True
    """
    words = ((words ^ (words >> 30)) * 0xBF58_476D_1CE4_E5B9) & MASK
    words = ((words ^ (words >> 27)) * 0x94D0_49BB_1331_11EB) & MASK
    mixed: _Words = words ^ (words >> 31)
    return mixed


def absorb(seed: _Words, part: _Words) -> _Words:
    """Mix one more number of 64 bits into a seed; the order of the numbers matters."""
    return mix(((seed ^ part) + GOLDEN) & MASK)


def check_key(seed: int, index: int, split: str, splits: Sequence[str]) -> None:
    """Raise ValueError for an unknown split, or a negative seed or index."""
    if split not in splits:
        closest = difflib.get_close_matches(split, splits, n=1, cutoff=0.4)
        hint = f" Did you mean {closest[0]!r}?" if closest else ""
        raise ValueError(f"`split` must be one of {', '.join(splits)}, got {split!r}.{hint}")
    if seed < 0 or index < 0:
        raise ValueError(f"`seed` and `index` must be 0 or more, got seed {seed}, index {index}.")


class Draws:
    """A stream of random choices, started from the hash of an ASCII key.

    Example:
        >>> Draws("train 0 7").below(6, 8) == Draws("train 0 7").below(6, 8)
        True
    """

    __slots__ = ("_rest", "state")

    def __init__(self, key: str) -> None:
        digest = hashlib.blake2b(key.encode("ascii"), digest_size=8).digest()
        self.state = int.from_bytes(digest, "little")
        self._rest = 0  # the unused part of the last word that `number` has drawn

    def word(self) -> int:
        """Draw 64 bits, as a number from 0 to 2**64 - 1."""
        self.state = (self.state + GOLDEN) & MASK
        return mix(self.state)

    def below(self, *bounds: int) -> list[int]:
        """Draw a number from 0 to bound - 1 for each bound; their product must be below 2**48."""
        word = self.word()
        numbers = []
        for bound in bounds:
            word, number = divmod(word, bound)
            numbers.append(number)
        return numbers

    def number(self, bound: int) -> int:
        """Draw a number from 0 to bound - 1, for a bound below 2**16; a word gives several."""
        if self._rest < 0x1_0000_0000:  # too little to choose evenly
            self._rest = self.word()
        self._rest, number = divmod(self._rest, bound)
        return number

    def pick(self, choices: Sequence[_Choice]) -> _Choice:
        """Draw one of fewer than 2**16 choices, all equally likely."""
        return choices[self.number(len(choices))]

    def coin(self) -> bool:
        """Draw True or False, both equally likely."""
        return self.number(2) == 1

    def chance(self, share: float) -> bool:
        """Draw True with a probability of `share`, a multiple of 1/64."""
        return self.number(64) < 64 * share
