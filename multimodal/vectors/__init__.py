"""Pretrained word vectors: a file, or an object of torchtext, becomes a matrix for given words."""

from multimodal.vectors.coverage import Coverage, Vectors
from multimodal.vectors.reader import read_vectors
from multimodal.vectors.torchtext import (
    from_torchtext,
    keep_tls,
    read_torchtext_cache,
    torchtext_words,
)
from multimodal.vectors.word_vectors import read_word_vectors

__all__ = [
    "Coverage",
    "Vectors",
    "from_torchtext",
    "keep_tls",
    "read_torchtext_cache",
    "read_vectors",
    "read_word_vectors",
    "torchtext_words",
]
