"""Read pretrained word vectors from any kind of file, as the command line names it."""

from collections.abc import Sequence
from pathlib import Path

from multimodal.vectors.coverage import Vectors
from multimodal.vectors.reader import read_vectors
from multimodal.vectors.torchtext import read_torchtext_cache


def read_word_vectors(
    source: str | Path, words: Sequence[str], *, ignore_case: bool = False
) -> Vectors:
    """Read the vectors of words from a text file, an archive or a cache of torchtext.

    Args:
        source: A text file of GloVe, fastText or word2vec, plain, gzipped or inside of a zip
            archive; or the ``.pt`` file that torchtext 0.6 wrote of it, or the cache folder with
            one such file.
        words: The words, each once, such as a vocabulary's list.
        ignore_case: Take ``Paris`` for ``paris`` where the file has no ``paris``.

    Raises:
        FileNotFoundError: If there is no such file or member.
        ValueError: If the file has no word vectors, or a folder has several files of them.
    """
    path = Path(source)
    if path.is_dir():
        path = _only_cache(path)
    if path.suffix == ".pt":
        return read_torchtext_cache(path, words, ignore_case=ignore_case)
    return read_vectors(path, words, ignore_case=ignore_case)


def _only_cache(folder: Path) -> Path:
    caches = sorted(folder.glob("*.pt"))
    if len(caches) == 1:
        return caches[0]
    if not caches:
        raise FileNotFoundError(
            f"{folder} is a folder without a .pt file of torchtext. Name the file of word vectors "
            "in it."
        )
    names = ", ".join(cache.name for cache in caches[:8])
    raise ValueError(f"{folder} holds {len(caches)} caches of word vectors. Name one: {names}.")
