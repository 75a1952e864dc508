"""RNN, GRU and LSTM behind one batch-first contract.

torch keeps recurrent state as (layers, batch, hidden) and gives the LSTM two tensors and the others
one. Here the state is always a tuple of tensors ``(batch, layers, hidden)``: one for RNN and GRU,
two (hidden, cell) for the LSTM. Batch comes first, so beam search can reorder any state the same
way.

A padded sequence is read backwards from its last real vector, not from the padding. torch does that
only for packed sequences, which are several times slower on the CPU.

References:
    Elman 1990, "Finding structure in time"; Hochreiter and Schmidhuber 1997, "Long short-term
    memory"; Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder"; Schuster
    and Paliwal 1997, "Bidirectional recurrent neural networks" (reading backwards).
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from multimodal.nn.unpadded import read_unpadded
from multimodal.nn.weight_drop import WeightDrop

Cell = Literal["rnn", "gru", "lstm"]
State = tuple[Tensor, ...]

# Smaller groups skip more padding but make each matrix product less efficient; measured on 2 cores.
_GROUPS = 4
_ROWS_OF_A_GROUP = 16
# With less padding than this the fused kernel wins; measured at 16 and 64 rows, widths 256 and 512.
_FULL = 0.9

_CELLS: dict[str, type[nn.RNN | nn.GRU | nn.LSTM]] = {
    "rnn": nn.RNN,
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}


class Recurrent(nn.Module):
    """A stack of recurrent layers with batch-first state.

    Args:
        input_dim: Width of an input vector.
        hidden_dim: Width of the hidden state.
        cell: ``"rnn"`` (tanh), ``"gru"`` or ``"lstm"``.
        num_layers: Number of stacked layers.
        dropout: Dropout between layers, a probability.
        weight_drop: Dropout on the weights from state to state, a probability.

    Raises:
        ValueError: If ``cell`` is none of the three, or ``weight_drop`` is out of range.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
    ) -> None:
        super().__init__()
        if cell not in _CELLS:
            raise ValueError(f"`cell` must be one of {', '.join(_CELLS)}, got {cell!r}.")
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers
        self.num_states = 2 if cell == "lstm" else 1
        self.layers = _CELLS[cell](
            input_dim,
            hidden_dim,
            num_layers=num_layers,
            dropout=dropout if num_layers > 1 else 0.0,
            batch_first=True,
        )
        self.weight_drop = WeightDrop(weight_drop)
        if isinstance(self.layers, nn.LSTM):
            _open_forget_gate(self.layers)

    def forward(
        self, inputs: Float[Tensor, "batch time feature"], state: State
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """Return the top layer's outputs for whole sequences, and the state after them."""
        if isinstance(self.layers, nn.LSTM) and _lacks_bfloat16(inputs.device.type):
            dtype = torch.get_autocast_dtype("cpu")
            with torch.autocast("cpu", enabled=False):
                outputs, last = self._forward(inputs.float(), tuple(part.float() for part in state))
            return outputs.to(dtype), tuple(part.to(dtype) for part in last)
        return self._forward(inputs, state)

    def _forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        first = tuple(
            part.transpose(0, 1).contiguous() for part in state
        )  # (layers, batch, hidden)
        initial = first if self.num_states == 2 else first[0]
        outputs, last = self.weight_drop(self.layers, inputs, initial)
        parts = last if self.num_states == 2 else (last,)
        return outputs, tuple(part.transpose(0, 1) for part in parts)

    def read(
        self,
        inputs: Float[Tensor, "batch time feature"],
        state: State,
        lengths: Int[Tensor, " batch"],
        *,
        backwards: bool = False,
    ) -> Float[Tensor, "batch time hidden"]:
        """Read padded sequences of different lengths, skipping the padding where that pays.

        On the CPU, an LSTM trained in single precision skips all padding if there is much.
        Otherwise the rows are sorted by length and read in a few groups, each as wide as its
        longest row: the fused kernel is fastest without gradients, and packed sequences cannot use
        it. On a GPU, where reading a length would wait for the device, all rows are read at once.

        Args:
            inputs: Vectors, real ones first.
            state: Tuple of ``(batch, layers, hidden)``.
            lengths: Number of real vectors in each row.
            backwards: Whether to read from each row's last real vector to its first.

        Returns:
            The top layer's outputs, each at the position of its input vector; those at the padding
            have no meaning.
        """
        # Nor may an exported graph depend on lengths: it has no branches.
        on_cpu = inputs.device.type == "cpu" and not torch.compiler.is_exporting()
        full = on_cpu and int(lengths.sum()) > _FULL * inputs.shape[0] * inputs.shape[1]
        if on_cpu and not full and isinstance(self.layers, nn.LSTM) and _needs_gradient(inputs):
            return self._read_unpadded(inputs, state, lengths, backwards)
        if backwards:
            outputs = self.read(flip_sequences(inputs, lengths), state, lengths)
            return flip_sequences(outputs, lengths)
        if full or not on_cpu:
            return self.forward(inputs, state)[0]
        order = lengths.argsort(descending=True, stable=True)
        groups = min(_GROUPS, len(inputs) // _ROWS_OF_A_GROUP)
        if groups < 2:
            return self.forward(inputs, state)[0]
        parts = []
        for rows in order.chunk(groups):
            time = max(1, int(lengths[rows[0]]))
            outputs, _ = self(inputs[rows, :time], tuple(part[rows] for part in state))
            parts.append(F.pad(outputs, (0, 0, 0, inputs.shape[1] - time)))
        return torch.cat(parts)[order.argsort()]

    def _read_unpadded(
        self, inputs: Tensor, state: State, lengths: Tensor, backwards: bool
    ) -> Tensor:
        batch, time, _ = inputs.shape
        order = lengths.argsort(descending=True, stable=True)
        steps = torch.arange(time).unsqueeze(1)  # (time, 1)
        real = steps < lengths[order]  # (time, batch)
        sizes = real.sum(dim=1).tolist()
        # Of each word among all rows' words; no vector has to be moved to read backwards.
        positions = ((lengths[order] - 1 - steps if backwards else steps) + order * time)[real]
        outputs = inputs.flatten(0, 1).index_select(0, positions)
        hidden, cell = (part[order] for part in state)
        for layer, weights in enumerate(self.layers.all_weights):
            if layer:
                outputs = F.dropout(outputs, self.layers.dropout, self.training)
            first = hidden[:, layer], cell[:, layer]
            outputs = read_unpadded(outputs, first, self.weight_drop.drop(weights), sizes)
        padded = outputs.new_zeros(batch * time, self.hidden_dim)
        return padded.index_copy(0, positions, outputs).view(batch, time, self.hidden_dim)


def flip_sequences(
    values: Float[Tensor, "batch time feature"], lengths: Int[Tensor, " batch"]
) -> Float[Tensor, "batch time feature"]:
    """Reverse the real part of each row, which comes first, and leave the padding in place.

    Example:
        >>> values = torch.tensor([[[1.0], [2.0], [0.0]], [[3.0], [4.0], [5.0]]])
        >>> flip_sequences(values, torch.tensor([2, 3])).squeeze(-1).tolist()
        [[2.0, 1.0, 0.0], [5.0, 4.0, 3.0]]
    """
    batch, time, _ = values.shape
    steps, ends = torch.arange(time, device=values.device), lengths.unsqueeze(1)
    sources = torch.where(steps < ends, ends - 1 - steps, steps)  # (batch, time)
    rows = torch.arange(batch, device=values.device).unsqueeze(1) * time
    # On the CPU the gradient of `gather` takes twice the time of this one's.
    return values.flatten(0, 1).index_select(0, (sources + rows).flatten()).view_as(values)


def _lacks_bfloat16(device: str) -> bool:
    """Return whether autocast chooses a bfloat16 LSTM that this processor has no kernel for.

    oneDNN computes bfloat16 from AVX-512 on. On an older processor torch's LSTM stops with an
    error where RNN and GRU take another kernel (torch 2.14), so it computes in single precision.
    """
    return (
        device == "cpu"
        and torch.is_autocast_enabled("cpu")
        and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def _needs_gradient(inputs: Tensor) -> bool:
    single = inputs.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    return single and torch.is_grad_enabled()


def _open_forget_gate(lstm: nn.LSTM) -> None:
    """Set the forget gate's bias to 1 (Jozefowicz et al. 2015, section 2.2)."""
    with torch.no_grad():
        for layer in range(lstm.num_layers):
            hidden = lstm.hidden_size
            getattr(lstm, f"bias_ih_l{layer}")[hidden : 2 * hidden].fill_(1.0)
            getattr(lstm, f"bias_hh_l{layer}")[hidden : 2 * hidden].zero_()
