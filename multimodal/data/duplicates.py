"""Texts that are the same but for case, signs and spaces, and their removal from unlabelled text.

A language model may read any text before its classifier is trained, except the sentences that the
classifier is tested on: having read them, even without their labels, it is no longer tested on what
it has not seen. Corpora overlap more than their names tell (nltk's ``subjectivity`` holds thousands
of the sentences of ``sentence_polarity``) and each is tokenised in its own way, so texts are
compared by their letters and digits alone.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from multimodal.data.documents import without_breaks

MIN_LETTERS: Final = 20
"""A sentence is looked for inside longer texts if it has so many letters; "a mess" says nothing."""

_WORD = re.compile(r"[^\W_]+")


def letters_of(text: str) -> str:
    """Reduce a text to its letters and digits: what duplicates have in common.

    Args:
        text: The text.

    Returns:
        Its letters and digits in lower case, without anything between them.

    Example:
        >>> letters_of("It doesn't work .") == letters_of("it does n't work!")
        True
    """
    return "".join(_WORD.findall(_plain(text))).casefold()


def without_duplicates(texts: Sequence[str], held_out: Iterable[str]) -> list[str]:
    """Remove every duplicate of given sentences from texts.

    A text that is one of the sentences is dropped. A sentence of 20 letters or more that stands
    inside a longer text is cut out of it; what is before and after it become texts of their own.

    Args:
        texts: Texts without labels.
        held_out: Sentences, or whole texts, that must not be read: those of a test.

    Returns:
        What is left, in order; texts without a duplicate are as they were.

    Example:
        >>> review = "We had a seat. The plot -- it does n't hold together! We left."
        >>> tested = ["the plot : it doesn't hold together .", "so so ."]
        >>> without_duplicates([review, "So so!", "Fine."], tested)
        ['We had a seat.', '! We left.', 'Fine.']
    """
    wanted = set(map(letters_of, held_out)) - {""}
    by_start: dict[str, list[str]] = {}
    for letters in wanted:
        if len(letters) >= MIN_LETTERS:
            by_start.setdefault(letters[:MIN_LETTERS], []).append(letters)
    kept: list[str] = []
    for text in texts:
        if letters_of(text) in wanted:
            continue
        plain = _plain(text)
        spans = _find(plain, by_start)
        kept.extend(_cut(plain, spans) if spans else [text])
    return kept


def _plain(text: str) -> str:
    text = without_breaks(text)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _find(text: str, by_start: dict[str, list[str]]) -> list[tuple[int, int]]:
    """Find the stretches of a text that spell one of the sentences, from word to word."""
    words = list(_WORD.finditer(text))
    lowered = [word.group().casefold() for word in words]
    letters = "".join(lowered)
    starts: list[int] = []
    ends: dict[int, int] = {}
    place = 0
    for number, word in enumerate(lowered):
        starts.append(place)
        place += len(word)
        ends[place] = number
    spans = []
    for number, start in enumerate(starts):
        for sentence in by_start.get(letters[start : start + MIN_LETTERS], ()):
            last = ends.get(start + len(sentence))
            if last is not None and letters.startswith(sentence, start):
                spans.append((words[number].start(), words[last].end()))
    return spans


def _cut(text: str, spans: list[tuple[int, int]]) -> list[str]:
    pieces = []
    place = 0
    for start, end in spans:
        pieces.append(text[place : max(start, place)])
        place = max(place, end)
    pieces.append(text[place:])
    return [piece.strip() for piece in pieces if letters_of(piece)]
