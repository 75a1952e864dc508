"""The default decoder: attention after the LSTM.

The attention is queried by h_t, and its result does not flow back into the LSTM. So training never
attends word by word: one recurrent call over all captions, then one attention of all words of all
captions of an image over its regions. Generation repeats the same arithmetic word by word.

References:
    Luong, Pham and Manning 2015, "Effective approaches to attention-based neural machine
    translation", section 3.1 and equation 5; Lu, Xiong, Parikh and Socher 2017, "Knowing when to
    look", section 2.2 (the same order for captions).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from multimodal.nn.attention import DotAttention
from multimodal.nn.decoders.contract import CaptionDecoder, Context, read_captions, read_step
from multimodal.nn.dropout import Dropout
from multimodal.nn.recurrent import Cell, Recurrent, State


class AttentionDecoder(CaptionDecoder):
    """A recurrent network whose output queries the regions (Luong et al. 2015, equation 5).

    Its output has the width of a word vector; dropout is between recurrent layers and on their
    output.
    """

    def __init__(
        self,
        region_dim: int,
        embedding_dim: int,
        *,
        hidden_dim: int,
        attention_dim: int,
        cell: Cell = "lstm",
        num_layers: int = 1,
        num_heads: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.output_dim = embedding_dim
        self.recurrent = Recurrent(
            embedding_dim, hidden_dim, cell=cell, num_layers=num_layers, dropout=dropout
        )
        states = self.recurrent.num_states * num_layers * hidden_dim
        self.initial = nn.Linear(region_dim, states)
        self.attention = DotAttention(
            hidden_dim, region_dim, attention_dim=attention_dim, num_heads=num_heads
        )
        self.dropout = Dropout(dropout)
        self.combine = nn.Linear(hidden_dim + attention_dim, embedding_dim)

    def context(self, regions: Float[Tensor, "batch regions feature"]) -> Context:
        """Project keys and values once, each ``(batch, heads, regions, head)``."""
        return self.attention.keys(regions)

    def start(self, regions: Float[Tensor, "batch regions feature"]) -> State:
        """Predict the state from the mean region."""
        return initial_state(self.initial, self.recurrent, regions)

    def forward(
        self,
        words: Float[Tensor, "batch captions time embedding"],
        mask: Bool[Tensor, "batch captions time"],
        state: State,
        context: Context,
    ) -> tuple[Float[Tensor, "real output"], Float[Tensor, "batch captions time regions"]]:
        """Read whole captions in one recurrent call and one attention."""
        batch, captions, time, _ = words.shape
        hidden = self.dropout(read_captions(self.recurrent, words, mask, state))  # (real, hidden)
        # Products are for the real words only; the attention alone needs them in rows again.
        queries, real = self.attention.query(hidden), mask.flatten(1)
        rows = queries.new_zeros(batch, captions * time, queries.shape[-1])
        rows[real] = queries
        attended, weights = self.attention.attend(rows, *context)
        return self._combine(hidden, attended[real]), weights.unflatten(1, (captions, time))

    def step(
        self,
        words: Float[Tensor, "batch beams embedding"],
        state: State,
        context: Context,
    ) -> tuple[Float[Tensor, "batch beams output"], State, Float[Tensor, "batch beams regions"]]:
        """Read one word of each beam."""
        hidden, state = read_step(self.recurrent, words, state)
        hidden = self.dropout(hidden)
        attended, weights = self.attention(hidden, *context)
        return self._combine(hidden, attended), state, weights

    def _combine(self, hidden: Tensor, attended: Tensor) -> Tensor:
        return torch.tanh(self.combine(torch.cat([hidden, attended], dim=-1)))


def initial_state(
    layer: nn.Linear, recurrent: Recurrent, regions: Float[Tensor, "batch regions feature"]
) -> State:
    """Predict a state ``(batch, layers, hidden)`` from the mean region (Xu et al. 2015, 3.1.2).

    Args:
        layer: From a region to all parts of the state side by side.
        recurrent: The layers that start from it.
        regions: Each image's regions.
    """
    parts = torch.tanh(layer(regions.mean(dim=1))).chunk(recurrent.num_states, dim=-1)
    return tuple(part.unflatten(-1, (recurrent.num_layers, recurrent.hidden_dim)) for part in parts)
