"""From a question's words to vectors: one per word and one for the whole question.

Word vectors, learned or given, are read by a recurrent network. Its state is taken at the true end
of each question, so that padding changes nothing.

References:
    Antol et al. 2015, "VQA: Visual question answering", section 4 (LSTM Q); Anderson et al. 2018,
    "Bottom-up and top-down attention for image captioning and visual question answering", section
    3.3 (word vectors that start from given ones and are trained on).
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from multimodal.nn.bidirectional import SentenceReader
from multimodal.nn.dropout import Dropout
from multimodal.vqa.fusion.contract import Questions


class QuestionEncoder(nn.Module):
    """Word vectors and a recurrent network over them.

    Args:
        vocab_size: Number of tokens, specials included.
        embedding_dim: Width of a word vector.
        hidden_dim: Width of the recurrent state, of each direction.
        cell: Which recurrence: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        bidirectional: Whether questions are read both ways.
        num_layers: Number of recurrent layers.
        dropout: Dropout on word vectors and between layers, a probability.
        vectors: Word vectors to start from, ``(vocab, embedding)``; else they start at random.
        freeze_embedding: Whether the word vectors stay as they start.

    Attributes:
        output_dim: Width of a question's vectors: ``hidden_dim``, twice that if bidirectional.

    Raises:
        ValueError: If the given word vectors have another shape than the embedding, ``cell`` is
            none of the three, or the dropout is out of range.

    Example:
        >>> encoder = QuestionEncoder(9, embedding_dim=3, hidden_dim=4, bidirectional=True)
        >>> tokens = torch.tensor([[4, 5, 6], [7, 8, 0]])
        >>> questions = encoder(tokens, tokens != 0)
        >>> questions.states.shape, questions.outputs.shape
        (torch.Size([2, 8]), torch.Size([2, 3, 8]))
        >>> questions.outputs[1, 2].any().item()
        False
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        embedding_dim: int,
        hidden_dim: int,
        cell: str = "lstm",
        bidirectional: bool = False,
        num_layers: int = 1,
        dropout: float = 0.0,
        vectors: Float[Tensor, "vocab embedding"] | None = None,
        freeze_embedding: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)
        if vectors is not None:
            _start_from(self.embedding, vectors)
        self.embedding.weight.requires_grad_(not freeze_embedding)
        self.dropout = Dropout(dropout)
        self.reader = SentenceReader(
            embedding_dim,
            hidden_dim,
            cell=cell,
            bidirectional=bidirectional,
            num_layers=num_layers,
            dropout=dropout,
        )
        self.output_dim = self.reader.output_dim

    def forward(
        self,
        tokens: Int[Tensor, "questions time"],
        mask: Bool[Tensor, "questions time"],
    ) -> Questions:
        """Read questions; give each different question of a batch once.

        Args:
            tokens: Token ids ``(questions, time)``.
            mask: True where a token is real, real ones first.

        Returns:
            The state after each question, an output after each of its words, and the mask.
        """
        return self.read(self.embedding(tokens), mask)

    def read(
        self,
        vectors: Float[Tensor, "questions time embedding"],
        mask: Bool[Tensor, "questions time"],
    ) -> Questions:
        """Read questions given as word vectors: what asks which word counts wants.

        Args:
            vectors: From ``embedding``, or changed, ``(questions, time, embedding)``.
            mask: True where a word is real.

        Returns:
            As `forward`.
        """
        outputs, states = self.reader(self.dropout(vectors), mask)
        return Questions(states=states, outputs=outputs, mask=mask)


def _start_from(embedding: nn.Embedding, vectors: Tensor) -> None:
    wanted, found = tuple(embedding.weight.shape), tuple(vectors.shape)
    if found != wanted:
        raise ValueError(
            f"`vectors` must be one vector per token of the vocabulary, {wanted}, got {found}. "
            "Make them for this vocabulary, and set `embedding_dim` to their width."
        )
    with torch.no_grad():
        embedding.weight.copy_(vectors)
        embedding.weight[0] = 0  # padding
