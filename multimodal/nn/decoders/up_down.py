"""Up-Down: one LSTM for the attention, another for the words.

The attention LSTM reads the language LSTM's last output, the mean region and the word; its output
queries the regions; the language LSTM reads the attended region. The products of word and mean
region are computed before the loop.

References:
    Anderson, He, Buehler, Teney, Johnson, Gould and Zhang 2018, "Bottom-up and top-down attention
    for image captioning and visual question answering", section 3.2.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from multimodal.nn.attention import AdditiveAttention
from multimodal.nn.decoders.contract import CaptionDecoder, Context, read_word_by_word
from multimodal.nn.decoders.show_attend_tell import lstm_gates
from multimodal.nn.recurrent import State


class UpDownDecoder(CaptionDecoder):
    """Attention LSTM and language LSTM (Anderson et al. 2018, section 3.2)."""

    def __init__(
        self, region_dim: int, embedding_dim: int, *, hidden_dim: int, attention_dim: int
    ) -> None:
        super().__init__()
        self.output_dim = hidden_dim
        self.hidden_dim = hidden_dim
        self.attention = AdditiveAttention(hidden_dim, region_dim, attention_dim=attention_dim)
        self.top_down = nn.LSTMCell(hidden_dim + region_dim + embedding_dim, hidden_dim)
        self.language = nn.LSTMCell(region_dim + hidden_dim, hidden_dim)

    def context(self, regions: Float[Tensor, "batch regions feature"]) -> Context:
        """Project the keys and the mean region's part of the gates once."""
        mean_gates = F.linear(regions.mean(dim=1), self._columns("region"))
        return self.attention.keys(regions), regions, mean_gates

    def start(self, regions: Float[Tensor, "batch regions feature"]) -> State:
        """Start both LSTMs at zero: hidden and cell of each, ``(batch, hidden)``."""
        zeros = regions.new_zeros(len(regions), self.hidden_dim)
        return (zeros,) * 4

    def forward(
        self,
        words: Float[Tensor, "batch captions time embedding"],
        mask: Bool[Tensor, "batch captions time"],
        state: State,
        context: Context,
    ) -> tuple[Float[Tensor, "real output"], Float[Tensor, "batch captions time regions"]]:
        """Read whole captions word by word."""
        recurrent = self._recurrent()

        def advance(gates: Tensor, state: State) -> tuple[Tensor, State, Tensor]:
            return self._advance(gates, state, context, recurrent)

        return read_word_by_word(self._word_gates(words[mask]), mask, state, advance)

    def step(
        self,
        words: Float[Tensor, "batch beams embedding"],
        state: State,
        context: Context,
    ) -> tuple[Float[Tensor, "batch beams output"], State, Float[Tensor, "batch beams regions"]]:
        """Read one word of each beam."""
        return self._advance(self._word_gates(words), state, context, self._recurrent())

    def _columns(self, part: str) -> Tensor:
        """Return the attention LSTM's input weights for one part of its input."""
        weight, hidden = self.top_down.weight_ih, self.hidden_dim
        region = self.attention.key.in_features
        spans = {
            "language": slice(0, hidden),
            "region": slice(hidden, hidden + region),
            "word": slice(hidden + region, None),
        }
        return weight[:, spans[part]]

    def _word_gates(self, words: Tensor) -> Tensor:
        bias = self.top_down.bias_ih + self.top_down.bias_hh
        return F.linear(words, self._columns("word"), bias)

    def _recurrent(self) -> Tensor:
        """Return the attention LSTM's weights for the two hidden vectors it reads."""
        return torch.cat([self._columns("language"), self.top_down.weight_hh], dim=1)

    def _advance(
        self, gates: Tensor, state: State, context: Context, recurrent: Tensor
    ) -> tuple[Tensor, State, Tensor]:
        top_hidden, top_cell, hidden, cell = state
        keys, regions, mean_gates = context
        gates = gates + mean_gates.unsqueeze(1)
        gates = gates + F.linear(torch.cat([hidden, top_hidden], dim=-1), recurrent)
        top_hidden, top_cell = lstm_gates(gates, top_cell)
        attended, weights = self.attention(self.attention.query(top_hidden), keys, regions)
        language = self.language
        gates = F.linear(
            torch.cat([attended, top_hidden], dim=-1), language.weight_ih, language.bias_ih
        )
        gates = gates + F.linear(hidden, language.weight_hh, language.bias_hh)
        hidden, cell = lstm_gates(gates, cell)
        return hidden, (top_hidden, top_cell, hidden, cell), weights
