"""Find texts that differ in case, punctuation and spaces alone, and remove them from a corpus.

A language model must not be pretrained on the sentences that its classifier is tested on, even
without their labels. Corpora overlap (nltk's ``subjectivity`` holds thousands of the sentences of
``sentence_polarity``) and each is tokenised differently, so texts are compared by their letters and
digits alone.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from multimodal.data.documents import without_breaks

MIN_LETTERS: Final = 20
"""The least letters of a sentence that is searched for inside longer texts."""

_WORD = re.compile(r"[^\W_]+")


def letters_of(text: str) -> str:
    """Return the letters and digits of a text in lower case; those of duplicates are equal.

    Example:
        >>> letters_of("It doesn't work .") == letters_of("it does n't work!")
        True
    """
    return "".join(_WORD.findall(_plain(text))).casefold()


def without_duplicates(texts: Sequence[str], held_out: Iterable[str]) -> list[str]:
    """Remove all duplicates of held-out sentences from texts.

    A text that is one of the sentences is dropped. A sentence of 20 letters or more is cut out of
    a longer text; the parts before and after it become texts. Other texts stay unchanged.

    Args:
        texts: Texts without labels.
        held_out: The sentences, or whole texts, of a test.

    Example:
        >>> review = "We had a seat. The plot -- it does n't hold together! We left."
        >>> tested = ["the plot : it doesn't hold together .", "so so ."]
        >>> without_duplicates([review, "So so!", "Fine."], tested)
        ['We had a seat.', '! We left.', 'Fine.']
    """
    sentences = set(map(letters_of, held_out)) - {""}
    by_start: dict[str, list[str]] = {}
    for letters in sentences:
        if len(letters) >= MIN_LETTERS:
            by_start.setdefault(letters[:MIN_LETTERS], []).append(letters)
    kept: list[str] = []
    for text in texts:
        if letters_of(text) in sentences:
            continue
        plain = _plain(text)
        spans = _find(plain, by_start)
        kept.extend(_cut(plain, spans) if spans else [text])
    return kept


def _plain(text: str) -> str:
    text = without_breaks(text)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _find(text: str, by_start: dict[str, list[str]]) -> list[tuple[int, int]]:
    """Find the spans of whole words in a text that spell one of the sentences."""
    words = list(_WORD.finditer(text))
    lowered = [word.group().casefold() for word in words]
    letters = "".join(lowered)
    starts: list[int] = []
    ends: dict[int, int] = {}
    position = 0
    for number, word in enumerate(lowered):
        starts.append(position)
        position += len(word)
        ends[position] = number
    spans = []
    for number, start in enumerate(starts):
        for sentence in by_start.get(letters[start : start + MIN_LETTERS], ()):
            last = ends.get(start + len(sentence))
            if last is not None and letters.startswith(sentence, start):
                spans.append((words[number].start(), words[last].end()))
    return spans


def _cut(text: str, spans: list[tuple[int, int]]) -> list[str]:
    pieces = []
    position = 0
    for start, end in spans:
        pieces.append(text[position : max(start, position)])
        position = max(position, end)
    pieces.append(text[position:])
    return [piece.strip() for piece in pieces if letters_of(piece)]
