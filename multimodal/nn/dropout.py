"""Dropout that does not wait for random numbers.

torch's dropout on the CPU draws a number for every element, one after the other: 6 % of a training
step of the captioner in single precision, and more in bfloat16. Here a draw of 64 bits decides four
elements, which is more than twice as fast. Elsewhere torch's own is the fast one.

References:
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, "Dropout: a simple way to
    prevent neural networks from overfitting", section 10 (scaled in training, nothing in use).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_LEVELS = 1 << 16  # an element is dropped by 16 bits, so probabilities are multiples of 1.5e-5


class Dropout(nn.Module):
    """Set elements to zero at random in training, and scale up the others.

    Args:
        probability: Of an element to be dropped; at least 0, less than 1.

    Raises:
        ValueError: If the probability is out of range.

    Example:
        >>> dropout = Dropout(0.5)
        >>> sorted(set(dropout(torch.ones(1000)).tolist()))
        [0.0, 2.0]
        >>> dropout.eval()(torch.ones(2))
        tensor([1., 1.])
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(f"`dropout` must be at least 0 and less than 1, got {probability}.")
        self.probability = probability

    def forward(self, values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Drop elements in training; in evaluation return the values themselves."""
        if not (self.training and self.probability):
            return values
        if values.device.type != "cpu":
            return F.dropout(values, self.probability)
        count, dropped = values.numel(), round(self.probability * _LEVELS)
        bits = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
        kept = bits.view(torch.int16)[:count].view(values.shape) >= dropped - _LEVELS // 2
        return values * kept.to(values.dtype).mul_(_LEVELS / (_LEVELS - dropped))

    def extra_repr(self) -> str:
        """Show the probability where the module is printed."""
        return f"probability={self.probability}"
