"""Vectors out of torchtext's objects, and torchtext kept from weakening the whole process.

torchtext is no longer developed. Release 0.6.0 is the last in pure Python, and so the last that
imports beside today's torch; its ``Vocab`` has words and vectors in one. From 0.9 on ``Vocab`` has
words alone and ``Vectors`` the numbers. All of them are read here through their public attributes,
so that torchtext itself is not needed. Two of its habits to know about, with their cures: building
``Vectors`` turns off the verification of TLS certificates for all of the process, even from a file
on the disk (`keep_tls`), and its cache takes a second file of the same name for the first (give
each file a cache folder of its own, or use `multimodal.vectors.read_vectors`).

References:
    torchtext 0.6.0, ``torchtext/vocab.py``; https://github.com/pytorch/text/issues/2250 (its end).
"""

import contextlib
import logging
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from multimodal.vectors.coverage import Coverage, Vectors, missing_words

_LOGGER = logging.getLogger(__name__)


@contextlib.contextmanager
def keep_tls() -> Iterator[None]:
    """Verify TLS certificates afterwards exactly as before, whatever the body did to that.

    torchtext has to build its ``Vectors`` inside. What it downloads there, it still downloads
    without verification.

    Yields:
        Nothing.

    Example:
        >>> before = ssl._create_default_https_context
        >>> with keep_tls():
        ...     ssl._create_default_https_context = ssl._create_unverified_context
        >>> ssl._create_default_https_context is before
        True
    """
    before = ssl._create_default_https_context
    try:
        yield
    finally:
        ssl._create_default_https_context = before


def from_torchtext(source: Any, words: Sequence[str]) -> Vectors:
    """Take the vectors of words from an object of torchtext.

    Args:
        source: ``Vectors`` of any release (``GloVe``, ``FastText``), or a ``Vocab`` of release 0.6
            that was given vectors.
        words: The words, each once; `torchtext_words` lists those of a ``Vocab``.

    Returns:
        The matrix, which words have a vector, and a report. A word of a ``Vocab`` whose vector is
        all zeros has none: torchtext fills in zeros for a word that its file lacks.

    Raises:
        TypeError: If `source` is neither, or `words` is one string.
        ValueError: If `source` has no vectors, or not one for each of its words.

    Example:
        >>> from types import SimpleNamespace
        >>> glove = SimpleNamespace(stoi={"dog": 0}, itos=["dog"], vectors=torch.ones(1, 2))
        >>> from_torchtext(glove, ["a", "dog"]).matrix.tolist()
        [[0.0, 0.0], [1.0, 1.0]]
    """
    if isinstance(words, str):
        raise TypeError(f"`words` must be a list of words, got the string {words[:40]!r}.")
    name = type(source).__name__
    vectors, rows = _vectors(source, name), _rows(source, name)
    if vectors.ndim != 2 or len(vectors) <= max(rows.values(), default=-1):
        raise ValueError(
            f"This {name} has {len(rows):,} words and vectors of shape {tuple(vectors.shape)}. "
            "Give its `vectors` one row for each word."
        )
    if ssl._create_default_https_context is ssl._create_unverified_context:
        _LOGGER.warning(
            "TLS certificates are not verified any more in this process: torchtext turns that off "
            "when it builds vectors. Build them inside `with multimodal.vectors.keep_tls():`."
        )
    found = torch.tensor([word in rows for word in words], dtype=torch.bool)
    matrix = torch.zeros(len(words), vectors.shape[1])
    # `get` and not [...]: release 0.6 numbers words by a defaultdict, which knows every word.
    places = [row for word in words if (row := rows.get(word)) is not None]
    matrix[found] = vectors.detach()[places].to(matrix)
    if not isinstance(getattr(source, "dim", None), int):  # a Vocab
        found &= matrix.any(dim=1)
    coverage = Coverage(
        name,
        words=len(words),
        found=int(found.sum()),
        missing=missing_words(words, found),
        rows=len(rows),
        width=matrix.shape[1],
    )
    return Vectors(matrix, found, coverage)


def torchtext_words(vocab: Any) -> list[str]:
    """List the words of a ``Vocab`` (or ``Vectors``) of torchtext in the order of their numbers.

    Args:
        vocab: The object, of release 0.6 or later.

    Returns:
        Its words.

    Raises:
        TypeError: If it is another object.

    Example:
        >>> from types import SimpleNamespace
        >>> torchtext_words(SimpleNamespace(itos=["<unk>", "dog"]))
        ['<unk>', 'dog']
    """
    listing = getattr(vocab, "get_itos", None)
    words = listing() if callable(listing) else getattr(vocab, "itos", None)
    if not isinstance(words, list):
        raise TypeError(
            f"Expected a Vocab or Vectors of torchtext, got {type(vocab).__name__}, which has no "
            "list of words (`itos`)."
        )
    return list(words)


def _rows(source: Any, name: str) -> Mapping[str, int]:
    rows = getattr(source, "stoi", None)
    if not isinstance(rows, Mapping):
        raise TypeError(f"Expected a Vocab or Vectors of torchtext, got {name}, without `stoi`.")
    return rows


def _vectors(source: Any, name: str) -> Tensor:
    vectors = getattr(source, "vectors", None)
    if isinstance(vectors, Tensor):
        return vectors
    if hasattr(source, "stoi") or hasattr(source, "get_stoi"):
        raise ValueError(
            f"This {name} has words and no vectors. Give the Vectors object itself, such as "
            "GloVe, as `source`, and `torchtext_words(vocab)` as `words`."
        )
    raise TypeError(f"Expected a Vocab or Vectors of torchtext, got {name}, without `vectors`.")
