"""Pretrained word vectors: a text file or a torchtext object becomes a matrix for given words."""

from multimodal.vectors.coverage import Coverage, Vectors
from multimodal.vectors.reader import read_vectors
from multimodal.vectors.torchtext import from_torchtext, keep_tls, torchtext_words

__all__ = [
    "Coverage",
    "Vectors",
    "from_torchtext",
    "keep_tls",
    "read_vectors",
    "torchtext_words",
]
