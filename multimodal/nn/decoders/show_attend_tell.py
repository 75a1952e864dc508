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
from multimodal.nn.decoders.contract import CaptionDecoder, Context, per_caption
from multimodal.nn.recurrent import State


class _Products(NamedTuple):
    """Weights that every step uses, sliced and stacked once.

    Attributes:
        weight: Of the three layers that read h_(t-1), stacked: query, gate, recurrence.
        bias: Theirs; the recurrence's is with the words.
        attended: The LSTM's input weights for the attended region.
    """

    weight: Tensor
    bias: Tensor
    attended: Tensor


class ShowAttendTellDecoder(CaptionDecoder):
    """An LSTM cell fed with the word and the gated context (Xu et al. 2015).

    Args:
        region_dim: Width of a region.
        embedding_dim: Width of a word vector.
        hidden_dim: Width of the LSTM's state.
        attention_dim: Width of the attention's hidden layer.
    """

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
        batch, captions, time, _ = words.shape
        gates = self._word_gates(words[mask])  # (real, 4 * hidden)
        inputs = gates.new_zeros(batch, captions, time, gates.shape[-1])
        inputs[mask] = gates
        hidden, cell = (
            part.unflatten(0, (batch, captions)) for part in per_caption(state, captions)
        )
        products = self._products()
        outputs, attention = [], []
        for step in inputs.unbind(dim=2):
            hidden, cell, weights = self._advance(step, (hidden, cell), context, products)
            outputs.append(hidden)
            attention.append(weights)
        return torch.stack(outputs, dim=2)[mask], torch.stack(attention, dim=2)

    def step(
        self,
        words: Float[Tensor, "batch beams embedding"],
        state: State,
        context: Context,
    ) -> tuple[Float[Tensor, "batch beams output"], State, Float[Tensor, "batch beams regions"]]:
        """Read one word of each beam."""
        gates = self._word_gates(words)
        hidden, cell, weights = self._advance(gates, state, context, self._products())
        return hidden, (hidden, cell), weights

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
    ) -> tuple[Tensor, Tensor, Tensor]:
        hidden, cell = state
        keys, regions = context
        sizes = [keys.shape[-1], regions.shape[-1], gates.shape[-1]]
        from_hidden = F.linear(hidden, products.weight, products.bias)
        query, gate, recurrence = from_hidden.split(sizes, dim=-1)
        attended, weights = self.attention(query, keys, regions)
        attended = torch.sigmoid(gate) * attended  # section 4.2.1: beta
        from_image = F.linear(attended, products.attended)
        hidden, cell = lstm_gates(gates + recurrence + from_image, cell)
        return hidden, cell, weights


def lstm_gates(
    gates: Float[Tensor, "*rows four_hidden"], cell: Float[Tensor, "*rows hidden"]
) -> tuple[Float[Tensor, "*rows hidden"], Float[Tensor, "*rows hidden"]]:
    """Compute an LSTM step from the sum of its products (Xu et al. 2015, equations 1-3).

    Args:
        gates: Input, forget, candidate and output gates side by side, before their nonlinearities:
            torch's order.
        cell: The cell before the step.

    Returns:
        Hidden and cell after the step.
    """
    enter, forget, candidate, leave = gates.chunk(4, dim=-1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
    return leave.sigmoid() * cell.tanh(), cell
