"""Dropout on the weights from state to state, while the fused kernels go on being used.

One draw holds for all steps of a call, so that the same connections are missing at every word: what
dropout on the state itself would be if it forgot nothing. The parameters stay what and where they
are: the layers are called with other tensors in their place, so that nothing of it is in a saved
model, and evaluation is the plain network.

References:
    Merity, Keskar and Socher 2018, "Regularizing and optimizing LSTM language models", section 2
    (DropConnect of Wan et al. 2013 on the hidden-to-hidden weights).
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

from multimodal.nn.dropout import Dropout

_HIDDEN = 1  # its place in torch's order: weight_ih, weight_hh, bias_ih, bias_hh


class WeightDrop(nn.Module):
    """Run torch's recurrent layers with some of their recurrent weights set to zero.

    Args:
        probability: Of a weight to be dropped in training; at least 0, less than 1.

    Raises:
        ValueError: If the probability is out of range.

    Example:
        >>> import torch
        >>> lstm, drop = nn.LSTM(3, 4), WeightDrop(0.5)
        >>> outputs, state = drop(lstm, torch.zeros(2, 1, 3), None)
        >>> outputs.shape
        torch.Size([2, 1, 4])
        >>> list(drop.state_dict())
        []
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.dropout = Dropout(probability)

    def forward(self, layers: nn.RNNBase, inputs: Tensor, state: Any) -> Any:
        """Call ``layers(inputs, state)``, in training without some of its weights.

        Args:
            layers: torch's RNN, GRU or LSTM.
            inputs: What it takes.
            state: The state it takes, in its own form.

        Returns:
            What it returns.
        """
        if not self._active:
            return layers(inputs, state)
        dropped = {
            name: self.dropout(weight)
            for name, weight in layers.named_parameters()
            if name.startswith("weight_hh")
        }
        return functional_call(layers, dropped, (inputs, state))

    def drop(self, weights: Sequence[Tensor]) -> list[Tensor]:
        """Drop some of one layer's recurrent weights.

        Args:
            weights: One entry of torch's ``all_weights``.

        Returns:
            The same tensors, but for the recurrent weights in training.
        """
        kept = list(weights)
        if self._active:
            kept[_HIDDEN] = self.dropout(kept[_HIDDEN])
        return kept

    @property
    def _active(self) -> bool:
        return self.training and self.dropout.probability > 0
