"""Random choices that are the same everywhere: SplitMix64 in Python's own integers.

A stream is started from a hash of a key and turned into choices by integer arithmetic alone: what
is drawn depends on neither the platform, the process nor any library's version.

References:
    Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, figure 17.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
GOLDEN: Final = 0x9E37_79B9_7F4A_7C15

_Choice = TypeVar("_Choice")


class Draws:
    """A stream of choices.

    Args:
        key: names the stream, in ASCII.

    Example:
        >>> Draws("train 0 7").below(6, 8) == Draws("train 0 7").below(6, 8)
        True
    """

    __slots__ = ("_rest", "state")

    def __init__(self, key: str) -> None:
        digest = hashlib.blake2b(key.encode("ascii"), digest_size=8).digest()
        self.state = int.from_bytes(digest, "little")
        self._rest = 0  # what small choices have left of a word

    def word(self) -> int:
        """Draw 64 bits.

        Returns:
            A number from 0 to 2**64 - 1.

        Example:
            >>> Draws("a key").word().bit_length() <= 64
            True
        """
        self.state = word = (self.state + GOLDEN) & MASK
        word = ((word ^ (word >> 30)) * 0xBF58_476D_1CE4_E5B9) & MASK
        word = ((word ^ (word >> 27)) * 0x94D0_49BB_1331_11EB) & MASK
        return word ^ (word >> 31)

    def below(self, *bounds: int) -> list[int]:
        """Draw a number from 0 to bound - 1 for each bound.

        Args:
            bounds: one or more bounds; their product stays below 2**48.

        Returns:
            The numbers, in the order of the bounds.

        Example:
            >>> [number < 3 for number in Draws("a key").below(3, 3)]
            [True, True]
        """
        word = self.word()
        drawn = []
        for bound in bounds:
            word, rest = divmod(word, bound)
            drawn.append(rest)
        return drawn

    def pick(self, choices: Sequence[_Choice]) -> _Choice:
        """Draw one of several; many such choices are taken from one word.

        Args:
            choices: at least one and less than 2**16, all equally likely.

        Returns:
            The one drawn.

        Example:
            >>> Draws("a key").pick("abc") in "abc"
            True
        """
        return choices[self.number(len(choices))]

    def number(self, bound: int) -> int:
        """Draw a number from 0 to bound - 1; many small ones are taken from one word.

        Args:
            bound: at least 1 and less than 2**16.

        Returns:
            The number.

        Example:
            >>> Draws("a key").number(1)
            0
        """
        if self._rest < 0x1_0000_0000:  # too little to choose evenly
            self._rest = self.word()
        self._rest, drawn = divmod(self._rest, bound)
        return drawn

    def coin(self) -> bool:
        """Draw yes or no, both equally likely.

        Returns:
            True or False.

        Example:
            >>> Draws("a key").coin() in (True, False)
            True
        """
        return self.number(2) == 1
