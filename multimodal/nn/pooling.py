"""Pool a text's word vectors: last state, mean, maximum, attention, or several of them.

Padding never counts, and a text without words gives zeros.

References:
    Howard and Ruder 2018, "Universal language model fine-tuning for text classification", section
    3.3 (last state, maximum and mean together); Collobert and Weston 2008, "A unified architecture
    for natural language processing" (maximum over time); Yang et al. 2016, "Hierarchical attention
    networks for document classification", equations 5-7 (attention).
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

PoolingName = Literal["last", "mean", "max", "attention"]

_NAMES = get_args(PoolingName)


class Pooling(nn.Module):
    """One or several ways of pooling vectors of a width, concatenated.

    Attributes:
        output_dim: Width of the result: ``width`` times the number of names.

    Raises:
        ValueError: If there are no names, or one is unknown or there twice.

    Example:
        >>> pool = Pooling(["last", "max"], 2)
        >>> outputs, mask = torch.tensor([[[1.0, 5], [3, 2], [9, 9]]]), torch.tensor([[1, 1, 0]])
        >>> pool(outputs, outputs[:, 1], mask.bool())
        tensor([[3., 2., 3., 5.]])
    """

    def __init__(self, names: Sequence[str], width: int) -> None:
        super().__init__()
        if not names or len(set(names)) < len(names) or not set(names) <= set(_NAMES):
            raise ValueError(
                f"`pooling` must be one or more of {', '.join(_NAMES)}, each once, "
                f"got {list(names)}."
            )
        self.names = tuple(names)
        self.output_dim = width * len(names)
        self.attention = AttentionPooling(width) if "attention" in names else None

    def forward(
        self,
        outputs: Float[Tensor, "batch time feature"],
        states: Float[Tensor, "batch feature"],
        mask: Bool[Tensor, "batch time"],
    ) -> Float[Tensor, "batch pooled"]:
        """Pool the vectors of the words; ``last`` takes `states`, those after each whole text."""
        parts = [self._pool(name, outputs, states, mask) for name in self.names]
        return torch.cat(parts, dim=-1)

    def _pool(self, name: str, outputs: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        match name:
            case "last":
                return states
            case "mean":
                return masked_mean(outputs, mask)
            case "max":
                return masked_max(outputs, mask)
        assert self.attention is not None
        pooled: Tensor = self.attention(outputs, mask)[0]
        return pooled


class AttentionPooling(nn.Module):
    """An average of the words, weighted by a small network's scores (Yang et al. 2016, 2.2).

    ``score = u . tanh(W h + b)``.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(
        self, outputs: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
    ) -> tuple[Float[Tensor, "batch feature"], Float[Tensor, "batch time"]]:
        """Return averages and weights, which sum to 1, or are 0 in a text without words."""
        scores = self.score(self.hidden(outputs).tanh()).squeeze(-1)  # (batch, time)
        # The lowest number and not -inf: a row of -inf alone would give NaN, here and backwards.
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1).masked_fill(~mask, 0).to(outputs.dtype)
        real = torch.where(mask.unsqueeze(-1), outputs, 0)
        return (weights.unsqueeze(1) @ real).squeeze(1), weights


def masked_mean(
    values: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch feature"]:
    """Average the real positions of each row; a row without any gives zeros.

    Example:
        >>> values = torch.tensor([[[2.0], [4.0], [9.0]]])
        >>> masked_mean(values, torch.tensor([[True, True, False]])).item()
        3.0
    """
    weights = mask.unsqueeze(-1).to(values.dtype)  # (batch, time, 1)
    count = weights.sum(dim=1).clamp(min=1)  # (batch, 1)
    # `where` and not a product: padding may hold inf or NaN, and 0 * inf is NaN.
    return torch.where(mask.unsqueeze(-1), values, 0).sum(dim=1) / count


def masked_max(
    values: Float[Tensor, "batch time feature"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch feature"]:
    """Take each feature's largest real value of each row; a row without any gives zeros.

    Example:
        >>> values = torch.tensor([[[-2.0], [-4.0], [9.0]]])
        >>> masked_max(values, torch.tensor([[True, True, False]])).item()
        -2.0
    """
    real = mask.unsqueeze(-1)
    highest = torch.where(real, values, torch.finfo(values.dtype).min).amax(dim=1)
    return torch.where(mask.any(dim=1, keepdim=True), highest, 0)
