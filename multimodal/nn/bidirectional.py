"""Reading whole sentences one way or both ways, exactly, whatever the padding.

torch's bidirectional networks start their backward half in the padding unless the batch is packed,
and a packed batch of unequal lengths leaves the fused kernels of the CPU. Here the backward half is
a network of its own that starts at each sentence's last word. The result is torch's on a packed
batch.

References:
    Schuster and Paliwal 1997, "Bidirectional recurrent neural networks"; Graves, Mohamed and Hinton
    2013, "Speech recognition with deep recurrent neural networks", section 2 (several layers: each
    reads both directions of the one below).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from multimodal.nn.dropout import Dropout
from multimodal.nn.recurrent import Recurrent


class SentenceReader(nn.Module):
    """A recurrent stack that turns padded sentences into a vector per word and one per sentence.

    Args:
        input_dim: Width of each word vector.
        hidden_dim: Width of the hidden state, of each direction.
        cell: Which recurrence: ``"rnn"`` (tanh), ``"gru"`` or ``"lstm"``.
        bidirectional: Whether a second network reads from the last word to the first.
        num_layers: Number of stacked layers.
        dropout: Dropout between layers, a probability.

    Attributes:
        output_dim: Width of the vectors: ``hidden_dim``, twice that if bidirectional.

    Raises:
        ValueError: If ``cell`` is none of the three, or the dropout is out of range.

    Example:
        >>> reader = SentenceReader(3, 4, bidirectional=True)
        >>> mask = torch.tensor([[True, True, False]])
        >>> outputs, states = reader(torch.zeros(1, 3, 3), mask)
        >>> outputs.shape, states.shape
        (torch.Size([1, 3, 8]), torch.Size([1, 8]))
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        cell: str = "lstm",
        bidirectional: bool = False,
        num_layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.output_dim = 2 * hidden_dim if bidirectional else hidden_dim
        self.dropout = Dropout(dropout)
        # One way, a single call runs the whole stack; both ways, each layer needs two networks.
        stacks = num_layers if bidirectional else 1
        widths = [input_dim, *[self.output_dim] * (stacks - 1)]

        def stack(width: int) -> Recurrent:
            layers = num_layers // stacks
            return Recurrent(width, hidden_dim, cell=cell, num_layers=layers, dropout=dropout)

        self.ahead = nn.ModuleList(stack(width) for width in widths)
        self.back = nn.ModuleList(stack(width) for width in widths if bidirectional)

    def forward(
        self,
        inputs: Float[Tensor, "batch time feature"],
        mask: Bool[Tensor, "batch time"],
    ) -> tuple[Float[Tensor, "batch time hidden"], Float[Tensor, "batch hidden"]]:
        """Read sentences from a state of zeros.

        Args:
            inputs: Word vectors ``(batch, time, feature)``, real ones first.
            mask: True where a word is real.

        Returns:
            The last layer's outputs ``(batch, time, hidden)``, zero at the padding, and its state
            after the whole sentence ``(batch, hidden)``: of each direction after the last word that
            it read. A sentence without words has a state of zeros.
        """
        lengths = mask.sum(dim=1)
        outputs = _read(self.ahead[0], inputs, lengths)
        if not self.back:
            outputs = torch.where(mask.unsqueeze(-1), outputs, 0)
            return outputs, _at_ends(outputs, lengths)
        backwards = _read(self.back[0], inputs, lengths, backwards=True)
        for ahead, back in zip(self.ahead[1:], self.back[1:], strict=True):
            between = self.dropout(torch.cat([outputs, backwards], dim=-1))
            outputs = _read(ahead, between, lengths)
            backwards = _read(back, between, lengths, backwards=True)
        both = torch.where(mask.unsqueeze(-1), torch.cat([outputs, backwards], dim=-1), 0)
        hidden = outputs.shape[-1]
        ends = _at_ends(both[..., :hidden], lengths)
        return both, torch.cat([ends, both[:, 0, hidden:]], dim=-1)


def _read(stack: nn.Module, inputs: Tensor, lengths: Tensor, *, backwards: bool = False) -> Tensor:
    assert isinstance(stack, Recurrent)
    zeros = inputs.new_zeros(len(inputs), stack.num_layers, stack.hidden_dim)
    return stack.read(inputs, (zeros,) * stack.num_states, lengths, backwards=backwards)


def _at_ends(outputs: Tensor, lengths: Tensor) -> Tensor:
    batch, time, _ = outputs.shape
    last = (lengths - 1).clamp(min=0) + torch.arange(batch, device=outputs.device) * time
    return outputs.flatten(0, 1).index_select(0, last)  # (batch, hidden)
