"""The sentiment classifier: word vectors, a text encoder, pooling, classes.

It takes sentences and long reviews, and predicts any number of classes or a number of stars. Its
word vectors and text encoder are those of the language model (`multimodal.language_model.model`),
under the same names, so that it can start from a pretrained one.

References:
    Dai and Le 2015, "Semi-supervised sequence learning" (an LSTM that starts from a language
    model); Howard and Ruder 2018, "Universal language model fine-tuning for text classification"
    (pooling, groups of layers); Yang et al. 2016 (attention).
"""

from dataclasses import dataclass, field

import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from multimodal.nn.dropout import Dropout
from multimodal.nn.embedding import WordEmbedding
from multimodal.nn.pooling import Pooling, PoolingName
from multimodal.nn.settings import ModelSettings
from multimodal.nn.text_encoder import TextEncoder, TextEncoderSettings, parameters_by_depth


def _default_pooling() -> list[PoolingName]:
    return ["last", "max", "mean"]


@dataclass(frozen=True)
class SentimentSettings(ModelSettings):
    """The settings of a sentiment classifier.

    Args:
        reader: Word vectors and recurrent layers.
        pooling: Pooling of a text to one vector: any of ``last``, ``mean``, ``max`` and
            ``attention``, side by side.
        head_dim: Width of a hidden layer before the classes; 0 for none.
        dropout: Dropout on the pooled vector and the hidden layer, a probability.
        freeze_embedding: Whether the word vectors stay as they start.
    """

    reader: TextEncoderSettings = field(default_factory=TextEncoderSettings)
    pooling: list[PoolingName] = field(default_factory=_default_pooling)
    head_dim: int = 0
    dropout: float = 0.0
    freeze_embedding: bool = False


class SentimentClassifier(nn.Module):
    """Word vectors, text encoder, pooling and classes, or one output for a number such as stars.

    Raises:
        ValueError: If a setting is not one of its choices, or a probability is out of range.

    Example:
        >>> import torch
        >>> settings = SentimentSettings(TextEncoderSettings(embedding_dim=3, hidden_dim=4))
        >>> classifier = SentimentClassifier(settings, vocab_size=9, num_classes=2)
        >>> tokens = torch.tensor([[4, 5, 6], [7, 0, 0]])
        >>> classifier(tokens, tokens != 0).shape
        torch.Size([2, 2])
    """

    def __init__(self, settings: SentimentSettings, vocab_size: int, num_classes: int) -> None:
        super().__init__()
        reader = settings.reader
        self.embedding = WordEmbedding(
            vocab_size,
            reader.embedding_dim,
            dropout=reader.embedding_dropout,
            gradients=reader.gradients,
        )
        self.embedding.weight.requires_grad_(not settings.freeze_embedding)
        self.frozen = settings.freeze_embedding
        self.reader = TextEncoder(reader)
        self.pooling = Pooling(settings.pooling, self.reader.output_dim)
        self.head = _head(self.pooling.output_dim, settings, num_classes)

    def forward(
        self, tokens: Int[Tensor, "batch time"], mask: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch classes"]:
        """Return logits or numbers; the real tokens of a text come first, it may have none."""
        if not tokens.shape[1]:  # texts without words only
            tokens, mask = F.pad(tokens, (0, 1)), F.pad(mask, (0, 1))
        logits: Tensor = self.classify(self.embedding(tokens), mask)
        return logits

    def classify(
        self,
        vectors: Float[Tensor, "batch time embedding"],
        mask: Bool[Tensor, "batch time"],
    ) -> Float[Tensor, "batch classes"]:
        """Score texts from word vectors, so that attributions can differentiate through them."""
        outputs, states = self.reader(vectors, mask)
        logits: Tensor = self.head(self.pooling(outputs, states, mask))
        return logits

    def parameters_by_depth(self) -> list[list[nn.Parameter]]:
        """Group the trained parameters from bottom to top: word vectors, each layer, head.

        Frozen word vectors are left out.
        """
        groups = parameters_by_depth(self.embedding, self.reader)
        top = [*self.pooling.parameters(), *self.head.parameters()]
        return [*(groups[1:] if self.frozen else groups), top]


def _head(width: int, settings: SentimentSettings, num_classes: int) -> nn.Sequential:
    hidden: list[nn.Module] = []
    if settings.head_dim:
        hidden = [nn.Linear(width, settings.head_dim), nn.ReLU(), Dropout(settings.dropout)]
        width = settings.head_dim
    return nn.Sequential(Dropout(settings.dropout), *hidden, nn.Linear(width, num_classes))
