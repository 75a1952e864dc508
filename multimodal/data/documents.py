"""From a text of any length to the words that a model reads, and how many of them it reads.

`multimodal.text.tokenize` takes a sentence or a few. A review can be much longer, and somebody's
input longer than any review: here a text is read chunk by chunk between its spaces, each different
chunk tokenised once, and only until there are enough words. The words are those that `tokenize`
gives for the whole. Training and prediction both read through this file, so the bound is the same.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple, get_args

from multimodal.text import MAX_CHARACTERS, tokenize

Keep = Literal["start", "end", "ends"]

MAX_WORDS: Final = 100_000


@dataclass(frozen=True)
class Excerpt:
    """How much of a long text is read.

    Args:
        max_words: Longer texts are cut to so many words.
        keep: What is kept of them: the ``start``, the ``end``, or both ``ends``, half of each.
    """

    max_words: int = 400
    keep: Keep = "start"


class Reading(NamedTuple):
    """The words that are read of a text.

    Attributes:
        words: As `tokenize` gives them.
        cut: Whether the text has more.
    """

    words: list[str]
    cut: bool


def read_words(text: str, excerpt: Excerpt) -> Reading:
    """Take the words of a text, up to a number.

    Args:
        text: A text of any length, with or without HTML's line breaks.
        excerpt: How many words, and which.

    Returns:
        The words, maybe none, and whether some were left out.

    Raises:
        ValueError: If the number of words is out of range, or ``keep`` none of its names.

    Example:
        >>> read_words("Not good.<br />Not bad, either.", Excerpt(max_words=4, keep="ends"))
        Reading(words=['not', 'good', 'bad', 'either'], cut=True)
    """
    most, keep = excerpt.max_words, excerpt.keep
    if not 1 <= most <= MAX_WORDS:
        raise ValueError(f"`max_words` must be from 1 to {MAX_WORDS:,}, got {most}.")
    if keep not in get_args(Keep):
        raise ValueError(f"`keep` must be start, end or ends, got {keep!r}.")
    text = without_breaks(text)
    reach = most * _CHARACTERS_A_WORD + MAX_CHARACTERS
    cut = len(text) > reach
    if keep == "end":
        words = _last_words(_chunks(text[-reach:]), most + 1)
        return Reading(words[-most:], cut or len(words) > most)
    words = _first_words(_chunks(text[:reach]), most + 1)
    cut = cut or len(words) > most
    if keep == "ends" and cut and most > 1:
        words[-(-most // 2) :] = _last_words(_chunks(text[-reach:]), most // 2)
    return Reading(words[:most], cut)


def all_words(text: str) -> list[str]:
    """Take all words of a text, however long it is: for texts that are cut into windows.

    Args:
        text: The text.

    Returns:
        The words, as `tokenize` gives them.

    Example:
        >>> all_words("Not good.<br />Not bad, either.")
        ['not', 'good', 'not', 'bad', 'either']
    """
    return [word for chunk in _chunks(without_breaks(text)) for word in _words(chunk)]


def all_characters(text: str) -> list[str]:
    r"""Take all characters of a text, with its line ends, for a model that writes letters.

    Args:
        text: The text.

    Returns:
        Visible characters, single spaces and line feeds, composed (NFC), in their case.

    Example:
        >>> "".join(all_characters("Roses\tare  red,\r\nviolets\0 are blue. \n"))
        'Roses are red,\nviolets are blue.'
    """
    lines = (" ".join(line.split()) for line in without_breaks(text, "\n").splitlines())
    plain = unicodedata.normalize("NFC", "\n".join(lines).strip())
    return [c for c in plain if c == "\n" or unicodedata.category(c) not in _INVISIBLE]


def without_breaks(text: str, instead: str = " ") -> str:
    """Replace HTML's line breaks, of which reviews copied from the web are full.

    Args:
        text: The text.
        instead: What stands in their place.

    Returns:
        The text without them.

    Example:
        >>> without_breaks("Good.<br /><br />Go!")
        'Good.  Go!'
    """
    return _BREAK.sub(instead, text) if "<" in text else text


_BREAK = re.compile(r"<br */?>", re.IGNORECASE)
_INVISIBLE = ("Cc", "Cf", "Cs")


# A text of longer words is none, and a megabyte of it is not looked through for the few it has.
_CHARACTERS_A_WORD = 50
# What has no space in so many characters is no word either, and is read in pieces.
_LONGEST_CHUNK = 200


def _chunks(text: str) -> list[str]:
    chunks = text.split()
    if max(map(len, chunks), default=0) <= _LONGEST_CHUNK:
        return chunks
    return [
        chunk[at : at + _LONGEST_CHUNK]
        for chunk in chunks
        for at in range(0, len(chunk), _LONGEST_CHUNK)
    ]


def _first_words(chunks: list[str], most: int) -> list[str]:
    words: list[str] = []
    for chunk in chunks:
        words += _words(chunk)
        if len(words) >= most:
            break
    return words[:most]


def _last_words(chunks: list[str], most: int) -> list[str]:
    parts: list[tuple[str, ...]] = []
    count = 0
    for chunk in reversed(chunks):
        parts.append(_words(chunk))
        count += len(parts[-1])
        if count >= most:
            break
    return [word for part in reversed(parts) for word in part][-most:]


@lru_cache(maxsize=1 << 18)
def _words(chunk: str) -> tuple[str, ...]:
    """Texts repeat their words: remembering them makes reading several times as fast."""
    return tuple(tokenize(chunk))
