"""Vectors from torchtext: from its objects, and from the cache files that its release 0.6 wrote.

torchtext is no longer developed. Release 0.6.0 is the last in pure Python, and so the last that
imports beside today's torch; its ``Vocab`` has words and vectors. From 0.9 on ``Vocab`` has words
alone and ``Vectors`` the numbers. All are read through their public attributes, so that torchtext
itself is not needed. Beware of two faults: building ``Vectors`` turns off the verification of TLS
certificates for the whole process, even from a local file (`keep_tls`), and its cache mistakes a
second file of the same name for the first (use a folder for each, or
`multimodal.vectors.read_vectors`).

References:
    torchtext 0.6.0, ``torchtext/vocab.py``; https://github.com/pytorch/text/issues/2250 (its end).
"""

import contextlib
import logging
import pickle
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from multimodal.vectors.coverage import Coverage, Vectors, log_coverage, missing_words

_LOGGER = logging.getLogger(__name__)


@contextlib.contextmanager
def keep_tls() -> Iterator[None]:
    """Restore the verification of TLS certificates after torchtext has built its ``Vectors``.

    Downloads of the body itself are still not verified.
    """
    before = ssl._create_default_https_context
    try:
        yield
    finally:
        ssl._create_default_https_context = before


def from_torchtext(source: Any, words: Sequence[str], *, ignore_case: bool = False) -> Vectors:
    """Take the vectors of words from an object of torchtext.

    A word of a ``Vocab`` whose vector is all zeros has none: torchtext fills in zeros for a word
    that its file lacks.

    Args:
        source: ``Vectors`` of any release (``GloVe``, ``FastText``), or a ``Vocab`` of release 0.6
            with vectors.
        words: The words, each once; `torchtext_words` lists those of a ``Vocab``.
        ignore_case: Take ``Paris`` for ``paris`` where `source` has no ``paris``.

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
    lowered: dict[str, int] = {}
    if ignore_case:
        for word, row in rows.items():
            lowered.setdefault(word.lower(), row)
    # `get` and not [...]: release 0.6 numbers words by a defaultdict, which knows every word.
    indices = [rows.get(word, lowered.get(word, -1)) for word in words]
    found = torch.tensor(indices, dtype=torch.long) >= 0
    matrix = torch.zeros(len(words), vectors.shape[1])
    matrix[found] = vectors.detach()[[index for index in indices if index >= 0]].to(matrix)
    if not isinstance(getattr(source, "dim", None), int):  # a Vocab
        found &= matrix.any(dim=1)
    coverage = Coverage(
        name,
        words=len(words),
        found=int(found.sum()),
        missing=missing_words(words, found),
        rows=len(rows),
        width=matrix.shape[1],
        folded=sum(word in lowered and word not in rows for word in words),
    )
    return Vectors(matrix, found, coverage)


class _Cache(NamedTuple):
    """The contents of a cache file, with the names of torchtext's ``Vectors``."""

    itos: list[str]
    stoi: dict[str, int]
    vectors: Tensor
    dim: int


def read_torchtext_cache(path: Path, words: Sequence[str], *, ignore_case: bool = False) -> Vectors:
    """Read the vectors of words from a cache file of torchtext 0.6, without running its pickle.

    Args:
        path: The file, such as ``.vector_cache/glove.6B.100d.txt.pt``.
        words: The words, each once.
        ignore_case: Take ``Paris`` for ``paris`` where the file has no ``paris``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no cache of word vectors, or a word's numbers are not finite.
    """
    try:
        cache = _Cache(*torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise FileNotFoundError(f"No cache of word vectors at {path}. Check the path.") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, TypeError, ValueError, KeyError) as e:
        reason = f"it cannot be read ({type(e).__name__})"
        raise ValueError(_NO_CACHE.format(path=path, reason=reason)) from e
    _check_cache(cache, path)
    vectors = from_torchtext(cache, words, ignore_case=ignore_case)
    if not vectors.matrix.isfinite().all():
        wrong = words[int((~vectors.matrix.isfinite()).any(dim=1).nonzero()[0])]
        raise ValueError(
            f"{path} has numbers for {wrong!r} that are not finite. Remove the file and let "
            "torchtext write it again."
        )
    vectors = replace(vectors, coverage=replace(vectors.coverage, source=path.name))
    log_coverage(vectors)
    return vectors


_NO_CACHE = (
    "{path} is no cache of word vectors as torchtext 0.6 writes it: {reason}. Name its .pt file, "
    "or a text file of GloVe, fastText or word2vec."
)


def _check_cache(cache: _Cache, path: Path) -> None:
    shape = tuple(cache.vectors.shape) if isinstance(cache.vectors, Tensor) else None
    if not isinstance(cache.itos, list) or not all(isinstance(word, str) for word in cache.itos):
        reason = "its first part is no list of words"
    elif cache.stoi != {word: row for row, word in enumerate(cache.itos)}:
        reason = "its second part does not number the words of the first"
    elif shape is None or not cache.vectors.is_floating_point():
        reason = "its third part is no matrix of numbers"
    elif not isinstance(cache.dim, int) or shape != (len(cache.itos), cache.dim):
        reason = f"it has {len(cache.itos):,} words of {cache.dim} numbers and a matrix of {shape}"
    else:
        return
    raise ValueError(_NO_CACHE.format(path=path, reason=reason))


def torchtext_words(vocab: Any) -> list[str]:
    """List the words of a ``Vocab`` or ``Vectors`` of torchtext 0.6 or later by their numbers.

    Raises:
        TypeError: If it is another object.
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
