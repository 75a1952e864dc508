"""Word vectors, with word dropout and sparse gradients for large vocabularies.

A training step uses a few thousand words. With a vocabulary of 100,000, a gradient for the whole
table and an optimiser that updates all of it cost more than the LSTM. So large tables get a sparse
gradient, which `multimodal.training.optimisers.row_adam` takes.

References:
    Gal and Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural
    networks", section 4.2 (dropping word types); Merity, Keskar and Socher 2018, "Regularizing and
    optimizing LSTM language models", section 4.3 and section 5 (start between -0.1 and 0.1).
"""

import math
from functools import cache
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from multimodal.nn.dropout import Dropout

Gradients = Literal["auto", "dense", "sparse"]

# Size of a vocabulary from which gradients are sparse. They are faster from 30,000 words on, but on
# a few thousand sentences a model then learns a little less: rows outside the batch keep still
# (`multimodal.training.optimisers.row_adam`).
_LARGE = 60_000
_WIDEST = 0.1  # of the starting values


class WordEmbedding(nn.Embedding):
    """A table of word vectors, with dropout of whole words.

    A dropped word is dropped everywhere in the batch, and the others are scaled up.

    Args:
        vocab_size: Number of tokens, specials included; token 0 is padding.
        embedding_dim: Width of a word vector.
        dropout: Probability of dropping a word.
        gradients: ``dense``, ``sparse`` (only the rows of the batch), or ``auto``: sparse for large
            vocabularies.

    Raises:
        ValueError: If ``dropout`` is out of range or ``gradients`` none of the three.

    Example:
        >>> embedding = WordEmbedding(9, 4, gradients="sparse")
        >>> embedding(torch.tensor([[5, 0]])).sum().backward()
        >>> embedding.weight.grad.is_sparse
        True
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_dim: int,
        *,
        dropout: float = 0.0,
        gradients: str = "auto",
    ) -> None:
        if gradients not in get_args(Gradients):
            raise ValueError(f"`gradients` must be auto, dense or sparse, got {gradients!r}.")
        large = vocab_size >= _LARGE and _can_be_clipped()
        sparse = gradients == "sparse" or (gradients == "auto" and large)
        super().__init__(vocab_size, embedding_dim, padding_idx=0, sparse=sparse)
        self.dropout = Dropout(dropout)
        with torch.no_grad():
            self.weight.uniform_(-_WIDEST, _WIDEST)
            self.weight[0] = 0

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time embedding"]:
        """Look the tokens up; padding and dropped words are zeros."""
        vectors = super().forward(tokens)
        if not (self.training and self.dropout.probability):
            return vectors
        kept: Tensor = self.dropout(self.weight.new_ones(self.num_embeddings))
        return vectors * kept[tokens].unsqueeze(-1)


@cache
def _can_be_clipped() -> bool:
    """Return whether this torch takes the norm of a sparse gradient; 2.11 does not."""
    indices = torch.zeros(1, 1, dtype=torch.long)
    gradient = torch.sparse_coo_tensor(indices, torch.ones(1), (2,), check_invariants=False)
    try:
        torch.linalg.vector_norm(gradient)
    except (NotImplementedError, RuntimeError):
        return False
    return True


def input_scale(embedding_dim: int) -> float:
    """Return the factor that gives word vectors of length 1 unit variance: the root of their width.

    Rows of length 1 predict well but are too small as inputs (Vaswani et al. 2017, section 3.4).
    """
    return math.sqrt(embedding_dim)
