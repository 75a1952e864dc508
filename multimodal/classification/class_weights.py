"""Weigh the examples of each class in the loss, so that rare classes count as much as common ones.

References:
    King and Zeng 2001, "Logistic regression in rare events data", section 4.2 (weights inverse to a
    class's share).
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

_MOST = 100.0  # a label of one example in a thousand is too unreliable for more


def balanced_weights(given: Iterable[object], classes: Sequence[str]) -> Float[Tensor, " classes"]:
    """Return weights with which all classes count equally; 1 for a class without examples.

    Example:
        >>> balanced_weights(["cat", "dog", "cat", "cat"], ["cat", "dog"])
        tensor([0.6667, 2.0000])
    """
    counts = Counter(label for label in given if label in classes)
    present = sum(counts[name] > 0 for name in classes)
    total = sum(counts.values())
    return torch.tensor(
        [total / (present * counts[name]) if counts[name] else 1.0 for name in classes]
    )


def balanced_yes(
    given: Iterable[Iterable[str]], classes: Sequence[str]
) -> Float[Tensor, " classes"]:
    """Return how many times as often a label is absent as present, at most 100; 1 if never present.

    Example:
        >>> balanced_yes([["cat"], ["cat", "dog"], ["cat"], []], ["cat", "dog"])
        tensor([0.3333, 3.0000])
    """
    sets = [set(labels) for labels in given]
    counts = [sum(name in labels for labels in sets) for name in classes]
    return torch.tensor(
        [min(_MOST, (len(sets) - count) / count) if count else 1.0 for count in counts]
    )
