"""Tokenise texts of any length, up to a number of words.

`multimodal.text.tokenize` takes a few sentences; an input can be longer than any review. Here a
text is split at its spaces into chunks, each different chunk is tokenised once, and only until
there are enough words. The words equal those of `tokenize` for the whole text. Training and
prediction both use this module.
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
    """The part of a long text that a model reads.

    Args:
        max_words: Longer texts are cut to so many words.
        keep: The part that is kept: the ``start``, the ``end``, or both ``ends``, half of each.
    """

    max_words: int = 400
    keep: Keep = "start"


class Reading(NamedTuple):
    """The words of a text as `tokenize` gives them, and whether the text has more."""

    words: list[str]
    cut: bool


def read_words(text: str, excerpt: Excerpt) -> Reading:
    """Return the words of a text's excerpt; HTML's line breaks count as spaces.

    Raises:
        ValueError: If the number of words is out of range, or ``keep`` is unknown.

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
    """Return all words of a text as `tokenize` gives them.

    Example:
        >>> all_words("Not good.<br />Not bad, either.")
        ['not', 'good', 'not', 'bad', 'either']
    """
    return [word for chunk in _chunks(without_breaks(text)) for word in _words(chunk)]


def all_characters(text: str) -> list[str]:
    r"""Return the visible characters, single spaces and line feeds of a text, composed (NFC).

    Example:
        >>> "".join(all_characters("Roses\tare  red,\r\nviolets\0 are blue. \n"))
        'Roses are red,\nviolets are blue.'
    """
    lines = (" ".join(line.split()) for line in without_breaks(text, "\n").splitlines())
    plain = unicodedata.normalize("NFC", "\n".join(lines).strip())
    return [c for c in plain if c == "\n" or unicodedata.category(c) not in _INVISIBLE]


def without_breaks(text: str, instead: str = " ") -> str:
    """Replace HTML's line breaks, which are frequent in reviews from the web.

    Example:
        >>> without_breaks("Good.<br /><br />Go!")
        'Good.  Go!'
    """
    return _BREAK.sub(instead, text) if "<" in text else text


_BREAK = re.compile(r"<br */?>", re.IGNORECASE)
_INVISIBLE = ("Cc", "Cf", "Cs")


# Bounds the characters that are searched for `max_words` words; real words are shorter.
_CHARACTERS_A_WORD = 50
# A longer run of characters without a space is no word, and is split.
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
    """Tokenise a chunk; texts repeat their words, so that the cache makes this much faster."""
    return tuple(tokenize(chunk))
