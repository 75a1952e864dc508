"""The question encoder: one vector per word and one for the whole question.

References:
    Antol et al. 2015, "VQA: Visual question answering", section 4 (LSTM Q).
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from multimodal.nn.dropout import Dropout
from multimodal.nn.text_encoder import TextEncoder, TextEncoderSettings
from multimodal.vqa.fusion.contract import Questions


class QuestionEncoder(nn.Module):
    """Word vectors and a text encoder over them; dropout drops each number independently.

    Attributes:
        output_dim: Width of a question's vectors.

    Example:
        >>> import torch
        >>> settings = TextEncoderSettings(embedding_dim=3, hidden_dim=4)
        >>> tokens = torch.tensor([[4, 5, 6], [7, 8, 0]])
        >>> questions = QuestionEncoder(settings, 9)(tokens, tokens != 0)
        >>> questions.states.shape, questions.outputs.shape
        (torch.Size([2, 8]), torch.Size([2, 3, 8]))
    """

    def __init__(self, settings: TextEncoderSettings, vocab_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, settings.embedding_dim, padding_idx=0)
        self.reader = TextEncoder(settings, dropout=Dropout)
        self.output_dim = self.reader.output_dim

    def forward(
        self,
        tokens: Int[Tensor, "questions time"],
        mask: Bool[Tensor, "questions time"],
    ) -> Questions:
        """Encode the different questions of a batch; real tokens come first."""
        return self.encode(self.embedding(tokens), mask)

    def encode(
        self,
        vectors: Float[Tensor, "questions time embedding"],
        mask: Bool[Tensor, "questions time"],
    ) -> Questions:
        """Encode questions from word vectors, which attributions differentiate through."""
        outputs, states = self.reader(vectors, mask)
        return Questions(states=states, outputs=outputs, mask=mask)
