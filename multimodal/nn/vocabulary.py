"""Word vectors and the vocabulary layer of captioners and language models.

References:
    Press and Wolf 2017, "Using the output embedding to improve language models" (tied embeddings);
    Vaswani et al. 2017, "Attention is all you need", section 3.4 (the scale of the inputs).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from multimodal.nn.embedding import input_scale


class WordPredictor(nn.Module):
    """A network that reads word vectors and predicts words of the same vocabulary.

    A subclass sets `embedding`, builds its layers, then calls `add_vocabulary`.

    Attributes:
        embedding: The word vectors.
        tied: Whether one matrix embeds the words and predicts them.
    """

    embedding: nn.Embedding
    tied: bool

    def add_vocabulary(self, output_dim: int, *, tied: bool) -> None:
        """Build the vocabulary layer for vectors of width `output_dim`.

        If `tied`, it predicts with the matrix of the word vectors.
        """
        vocab_size, embedding_dim = self.embedding.weight.shape
        self.tied = tied
        if tied:
            # The tied matrix predicts from vectors of the embedding's width.
            self.shape_output: nn.Module = (
                nn.Identity()
                if output_dim == embedding_dim
                else nn.Linear(output_dim, embedding_dim)
            )
            self.bias = nn.Parameter(torch.zeros(vocab_size))
        else:
            self.output = nn.Linear(output_dim, vocab_size)

    def embed(self, tokens: Int[Tensor, "*rows"]) -> Float[Tensor, "*rows embedding"]:
        """Look word vectors up, scaled to unit variance."""
        vectors: Tensor = self.embedding(tokens) * input_scale(self.embedding.embedding_dim)
        return vectors

    def logits(
        self,
        outputs: Float[Tensor, "*rows output"],
        candidates: Int[Tensor, " candidates"] | None = None,
    ) -> Float[Tensor, "*rows vocab"]:
        """Compute the logits of all words, or of the candidates only."""
        weight: Tensor = self.embedding.weight if self.tied else self.output.weight
        bias: Tensor = self.bias if self.tied else self.output.bias
        if self.tied:
            outputs = self.shape_output(outputs)
        if candidates is not None:
            weight, bias = weight[candidates], bias[candidates]
        return F.linear(outputs, weight, bias)
