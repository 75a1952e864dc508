"""Dropout on the weights from state to state, with the fused kernels.

One draw serves all steps of a call, so that the same connections are missing at every word. The
layers are called with other tensors in place of their parameters, which do not change: a saved
model is the plain network, and so is evaluation.

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
    """Run torch's recurrent layers with some of their recurrent weights set to zero in training.

    Raises:
        ValueError: If the probability of dropping a weight is not in [0, 1).
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.dropout = Dropout(probability)

    def forward(self, layers: nn.RNNBase, inputs: Tensor, state: Any) -> Any:
        """Return ``layers(inputs, state)``, in training without some of its weights."""
        if not self._active:
            return layers(inputs, state)
        dropped = {
            name: self.dropout(weight)
            for name, weight in layers.named_parameters()
            if name.startswith("weight_hh")
        }
        return functional_call(layers, dropped, (inputs, state))

    def drop(self, weights: Sequence[Tensor]) -> list[Tensor]:
        """Drop some of the recurrent weights of a layer, an entry of torch's ``all_weights``."""
        kept = list(weights)
        if self._active:
            kept[_HIDDEN] = self.dropout(kept[_HIDDEN])
        return kept

    @property
    def _active(self) -> bool:
        return self.training and self.dropout.probability > 0
