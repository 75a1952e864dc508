"""Show, Attend and Tell: attention before every word.

The attention is queried by h_(t-1) and its result is an input of the LSTM, so training must go word
by word. Everything that does not depend on h is computed before the loop: the keys of the regions
and the words' part of the LSTM's input product. Inside, the three products of h_(t-1) (attention
query, gate, recurrence) are one.

References:
    Xu, Ba, Kiros, Cho, Courville, Salakhutdinov, Zemel and Bengio 2015, "Show, attend and tell",
    equations 1-6 (LSTM and attention), section 4.2.1 (gate and doubly stochastic attention).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from multimodal.nn.attention import AdditiveAttention
from multimodal.nn.decoders.contract import CaptionDecoder, Context, read_word_by_word
from multimodal.nn.recurrent import State


class _Products(NamedTuple):
    """Weights that every step uses, sliced and stacked once."""

    weight: Tensor  # of the three layers that read h_(t-1): query, gate, recurrence
    bias: Tensor  # of query and gate; the words' gates include that of the recurrence
    attended: Tensor  # the LSTM's input weights for the attended region


class ShowAttendTellDecoder(CaptionDecoder):
    """An LSTM cell fed with the word and the gated context (Xu et al. 2015)."""

    def __init__(
        self, region_dim: int, embedding_dim: int, *, hidden_dim: int, attention_dim: int
    ) -> None:
        super().__init__()
        self.output_dim = hidden_dim
        self.attention = AdditiveAttention(hidden_dim, region_dim, attention_dim=attention_dim)
        self.gate = nn.Linear(hidden_dim, region_dim)
        self.initial_hidden = nn.Linear(region_dim, hidden_dim)
        self.initial_cell = nn.Linear(region_dim, hidden_dim)
        self.cell = nn.LSTMCell(embedding_dim + region_dim, hidden_dim)

    def context(self, regions: Float[Tensor, "batch regions feature"]) -> Context:
        """Project the keys once; the regions themselves are the values."""
        return self.attention.keys(regions), regions

    def start(self, regions: Float[Tensor, "batch regions feature"]) -> State:
        """Predict hidden and cell from the mean region, each ``(batch, hidden)``."""
        mean = regions.mean(dim=1)
        return torch.tanh(self.initial_hidden(mean)), torch.tanh(self.initial_cell(mean))

    def forward(
        self,
        words: Float[Tensor, "batch captions time embedding"],
        mask: Bool[Tensor, "batch captions time"],
        state: State,
        context: Context,
    ) -> tuple[Float[Tensor, "real output"], Float[Tensor, "batch captions time regions"]]:
        """Read whole captions word by word."""
        products = self._products()

        def advance(gates: Tensor, state: State) -> tuple[Tensor, State, Tensor]:
            return self._advance(gates, state, context, products)

        return read_word_by_word(self._word_gates(words[mask]), mask, state, advance)

    def step(
        self,
        words: Float[Tensor, "batch beams embedding"],
        state: State,
        context: Context,
    ) -> tuple[Float[Tensor, "batch beams output"], State, Float[Tensor, "batch beams regions"]]:
        """Read one word of each beam."""
        return self._advance(self._word_gates(words), state, context, self._products())

    def _word_gates(self, words: Tensor) -> Tensor:
        """Compute the words' part of the LSTM's input product, biases included."""
        cell = self.cell
        return F.linear(words, cell.weight_ih[:, : words.shape[-1]], cell.bias_ih + cell.bias_hh)

    def _products(self) -> _Products:
        query, gate = self.attention.query, self.gate
        weight = torch.cat([query.weight, gate.weight, self.cell.weight_hh])
        bias = torch.cat([query.bias, gate.bias])
        attended = self.cell.weight_ih[:, -gate.out_features :]
        return _Products(weight, F.pad(bias, (0, len(weight) - len(bias))), attended)

    def _advance(
        self, gates: Tensor, state: State, context: Context, products: _Products
    ) -> tuple[Tensor, State, Tensor]:
        hidden, cell = state
        keys, regions = context
        sizes = [keys.shape[-1], regions.shape[-1], gates.shape[-1]]
        from_hidden = F.linear(hidden, products.weight, products.bias)
        query, gate, recurrence = from_hidden.split(sizes, dim=-1)
        attended, weights = self.attention(query, keys, regions)
        attended = torch.sigmoid(gate) * attended  # section 4.2.1: beta
        from_image = F.linear(attended, products.attended)
        hidden, cell = lstm_gates(gates + recurrence + from_image, cell)
        return hidden, (hidden, cell), weights


def lstm_gates(
    gates: Float[Tensor, "*rows four_hidden"], cell: Float[Tensor, "*rows hidden"]
) -> tuple[Float[Tensor, "*rows hidden"], Float[Tensor, "*rows hidden"]]:
    """Compute hidden and cell from the sums of the gates' products (Xu et al. 2015, equations 1-3).

    Args:
        gates: Input, forget, candidate and output gates side by side, in torch's order, before
            their nonlinearities.
        cell: The cell before the step.
    """
    enter, forget, candidate, leave = gates.chunk(4, dim=-1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
    return leave.sigmoid() * cell.tanh(), cell
