"""The captioner: image encoder, decoder, and tied word vectors in and out.

The decoder is chosen by name, everything around it is shared. Training reads all captions of an
image at once and projects only the real tokens on the vocabulary; generation calls `begin` once and
`step` for each word.

References:
    Vinyals et al. 2015 (show_tell), Xu et al. 2015 (show_attend_tell), Anderson et al. 2018
    (up_down), Luong et al. 2015 and Lu et al. 2017 (attention); Press and Wolf 2017, "Using the
    output embedding to improve language models" (tied embeddings).
"""

from dataclasses import dataclass, field

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from multimodal.nn.choices import build_choice
from multimodal.nn.decoders import DECODERS, DecoderName
from multimodal.nn.decoders.contract import Context
from multimodal.nn.dropout import Dropout
from multimodal.nn.encoder import ImageEncoder
from multimodal.nn.encoders import EncoderSettings, build_encoder
from multimodal.nn.recurrent import Cell, State
from multimodal.nn.settings import ModelSettings
from multimodal.nn.vocabulary import WordPredictor


@dataclass(frozen=True)
class CaptionerSettings(ModelSettings):
    """The settings of a captioner.

    Args:
        encoder: The image encoder.
        decoder: ``attention`` (queried after the recurrent layer, the fast default), ``show_tell``,
            ``show_attend_tell`` or ``up_down``.
        cell: ``lstm``, ``gru`` or ``rnn``; for ``attention`` and ``show_tell``.
        region_dim: Width to which regions are projected and normalised; 0 uses them as they are.
        embedding_dim: Width of a word vector.
        hidden_dim: Width of the recurrent state.
        attention_dim: Width of keys, or of the additive attention's hidden layer.
        num_layers: Recurrent layers; for ``attention`` and ``show_tell``.
        num_heads: Attention heads; for ``attention``.
        dropout: Dropout on word vectors, regions and outputs, a probability.
        tie_embeddings: Whether one matrix embeds the words and predicts them.
    """

    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    decoder: DecoderName = "attention"
    cell: Cell = "lstm"
    region_dim: int = 0
    embedding_dim: int = 512
    hidden_dim: int = 512
    attention_dim: int = 512
    num_layers: int = 1
    num_heads: int = 1
    dropout: float = 0.3
    tie_embeddings: bool = True


class Captioner(WordPredictor):
    """Encoder, decoder, word vectors and vocabulary layer."""

    def __init__(self, settings: CaptionerSettings, vocab_size: int) -> None:
        super().__init__()
        self.encoder: ImageEncoder = build_encoder(settings.encoder)
        region_dim = settings.region_dim or self.encoder.feature_dim
        self.project = (
            nn.Sequential(
                nn.Linear(self.encoder.feature_dim, region_dim),
                nn.LayerNorm(region_dim),
            )
            if settings.region_dim
            else nn.Identity()
        )
        self.dropout = Dropout(settings.dropout)
        self.embedding = nn.Embedding(vocab_size, settings.embedding_dim, padding_idx=0)
        self.decoder = build_choice(
            DECODERS, "decoder", settings, region_dim, settings.embedding_dim
        )
        self.add_vocabulary(self.decoder.output_dim, tied=settings.tie_embeddings)
        nn.init.normal_(self.embedding.weight, std=settings.embedding_dim**-0.5)

    def forward(
        self,
        features: Float[Tensor, "batch regions feature"],
        tokens: Int[Tensor, "batch captions time"],
        mask: Bool[Tensor, "batch captions time"],
    ) -> tuple[Float[Tensor, "real vocab"], Float[Tensor, "batch captions time regions"] | None]:
        """Predict the word after each input word (teacher forcing).

        Args:
            features: The encoder's regions, or a cache of them.
            tokens: Input words from ``<bos>`` on.
            mask: True where the word and the one after it are real, real ones first; only these
                positions are projected.

        Returns:
            Logits of the real positions in row order, to be compared with ``next_tokens[mask]``,
            and the attention weights, or None if the decoder does not attend.
        """
        regions = self._regions(features)
        state, context = self.decoder.start(regions), self.decoder.context(regions)
        outputs, weights = self.decoder(self._embed(tokens), mask, state, context)
        return self._logits(outputs), weights

    def begin(self, features: Float[Tensor, "batch regions feature"]) -> tuple[State, Context]:
        """Compute the state before the first word and the image's context: ``(batch, ...)``."""
        regions = self._regions(features)
        return self.decoder.start(regions), self.decoder.context(regions)

    def step(
        self,
        tokens: Int[Tensor, "batch beams"],
        state: State,
        context: Context,
    ) -> tuple[
        Float[Tensor, "batch beams vocab"], State, Float[Tensor, "batch beams regions"] | None
    ]:
        """Predict the word after each beam's last word, as `multimodal.decoding` requires."""
        outputs, state, weights = self.decoder.step(self._embed(tokens), state, context)
        return self._logits(outputs), state, weights

    def _regions(self, features: Tensor) -> Tensor:
        # A cache holds half precision; outside autocast the weights decide the arithmetic.
        regions = self.project(features.to(self.embedding.weight.dtype))
        dropped: Tensor = self.dropout(regions)
        return dropped

    def _embed(self, tokens: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(self.embed(tokens))
        return dropped

    def _logits(self, outputs: Tensor) -> Tensor:
        return self.logits(self.dropout(outputs))
