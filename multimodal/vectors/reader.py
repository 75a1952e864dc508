"""Read pretrained word vectors for a list of words, with a cache on the disk.

GloVe's, fastText's and word2vec's text files are read, plain, gzipped or inside of a zip archive.
Only the rows of the given words are kept, so that 400,000 vectors cost the memory of the vocabulary
alone. They are cached as a safetensors file under a hash of the file's content and the words.
Nothing is ever downloaded.
"""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from multimodal.files import atomic_write, read_weights
from multimodal.vectors.coverage import Coverage, Vectors, log_coverage, missing_words
from multimodal.vectors.rows import Rows, read_rows
from multimodal.vectors.sources import content_digest, open_source

_LOGGER = logging.getLogger(__name__)
_FORM = 1  # version of the cached files
_COUNTS = ("rows", "width", "folded", "duplicates", "not_utf8")


def read_vectors(
    path: Path, words: Sequence[str], *, ignore_case: bool = False, cache: Path | None = None
) -> Vectors:
    r"""Read the vectors of words from a text file.

    Args:
        path: The file of GloVe, fastText or word2vec, or a member of a zip archive, such as
            ``glove.6B.zip/glove.6B.100d.txt``.
        words: The words, each once, such as a vocabulary's list.
        ignore_case: Take ``Paris`` for ``paris`` where the file has no ``paris``. A text that went
            through `multimodal.text.tokenize` is in lower case, and many files are not.
        cache: Folder of the cache; nothing is stored without one.

    Returns:
        The vectors, with a report that is also logged.

    Raises:
        FileNotFoundError: If there is no such file or member.
        ValueError: If a word occurs twice, the file is no text file of word vectors, a line has too
            few or too many numbers, or a word's numbers are not finite.
        TypeError: If `words` is one string.
        OSError: If the cache cannot be written.

    Example:
        >>> path = getfixture("tmp_path") / "small.vec"
        >>> _ = path.write_text("3 2\nthe 0.5 1.0\ndog 0.25 0.5\ncat 1.0 1.0\n")
        >>> vectors = read_vectors(path, ["<pad>", "dog"])
        >>> vectors.matrix.tolist(), vectors.found.tolist()
        ([[0.0, 0.0], [0.25, 0.5]], [False, True])
    """
    wanted = _numbered(words)
    stored = cache / _entry(path, words, ignore_case=ignore_case) if cache else None
    vectors = _read_cache(stored, words, path.name) if stored else None
    if vectors is None:
        with open_source(path) as stream:
            rows = read_rows(stream, wanted, str(path), ignore_case=ignore_case)
        _warn(rows, path)
        vectors = _assemble(rows, words, path.name)
        if stored:
            _store(vectors, stored)
    log_coverage(vectors)
    return vectors


def _numbered(words: Sequence[str]) -> dict[bytes, int]:
    if isinstance(words, str):
        raise TypeError(f"`words` must be a list of words, got the string {words[:40]!r}.")
    # No word of a file equals one with a lone surrogate, which UTF-8 has no form for.
    numbered = {word.encode(errors="surrogatepass"): row for row, word in enumerate(words)}
    if len(numbered) < len(words):
        twice, count = Counter(words).most_common(1)[0]
        raise ValueError(f"Every word must be given once, got {twice!r} {count} times.")
    return numbered


def _entry(path: Path, words: Sequence[str], *, ignore_case: bool) -> str:
    """Return the name of the cache's file for a content, words and options."""
    key = json.dumps([_FORM, content_digest(path), ignore_case, list(words)])
    digest = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    return f"{path.stem[:64]}-{digest}.safetensors"


def _warn(rows: Rows, path: Path) -> None:
    line, count = rows.not_utf8
    if count > 1:
        _LOGGER.warning(
            "%s:%d and %d more lines are left out: their words are not UTF-8.",
            path,
            line,
            count - 1,
        )
    elif count:
        _LOGGER.warning("%s:%d is left out: its word is not UTF-8.", path, line)
    if rows.promised and rows.promised[0] != rows.count:
        _LOGGER.warning(
            "%s promises %d words in its first line and has %d. Was it cut short?",
            path,
            rows.promised[0],
            rows.count,
        )


def _assemble(rows: Rows, words: Sequence[str], source: str) -> Vectors:
    folded = {row: numbers for row, numbers in rows.folded.items() if row not in rows.numbers}
    matrix = np.zeros((len(words), rows.width), dtype=np.float32)
    for numbers in (rows.numbers, folded):
        if numbers:
            matrix[list(numbers)] = list(numbers.values())
    found = torch.zeros(len(words), dtype=torch.bool)
    found[[*rows.numbers, *folded]] = True
    counts = (rows.count, rows.width, len(folded), rows.duplicates, rows.not_utf8[1])
    return _report(torch.from_numpy(matrix), found, words, source, counts)


def _report(
    matrix: Tensor, found: Tensor, words: Sequence[str], source: str, counts: Sequence[int]
) -> Vectors:
    coverage = Coverage(
        source,
        words=len(words),
        found=int(found.sum()),
        missing=missing_words(words, found),
        **dict(zip(_COUNTS, counts, strict=True)),
    )
    return Vectors(matrix, found, coverage)


def _store(vectors: Vectors, path: Path) -> None:
    counts = [getattr(vectors.coverage, name) for name in _COUNTS]
    tensors = {
        "matrix": vectors.matrix,
        "found": vectors.found,
        "counts": torch.tensor(counts, dtype=torch.int64),
    }
    with atomic_write(path) as temporary:
        save_file(tensors, temporary)


def _read_cache(path: Path, words: Sequence[str], source: str) -> Vectors | None:
    """Open a cache's file; return None if it is missing, or damaged and must be written again."""
    try:
        tensors = read_weights(path)
        matrix, found, counts = (tensors[name] for name in ("matrix", "found", "counts"))
        fits = found.shape == (len(words),) and matrix.shape == (len(words), int(counts[1]))
        return _report(matrix, found, words, source, counts.tolist()) if fits else None
    except (FileNotFoundError, ValueError, KeyError, IndexError):
        return None
