"""Losses of a classifier for one label, several labels, a count or a number.

Each function averages over the examples of a batch; with weights of the classes, so that rare ones
count, it is a weighted average.

References:
    Szegedy et al. 2016, "Rethinking the inception architecture for computer vision", section 7
    (label smoothing); Weston and Watkins 1999, "Support vector machines for multi-class pattern
    recognition", equation 2 (the multi-class margin, here with torch's mean over the classes);
    Wightman, Touvron and Jégou 2021, "ResNet strikes back", section 3 (labels as independent
    questions, under a binary cross-entropy).
"""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

LabelLoss = Literal["cross_entropy", "hinge", "binary"]


def label_loss(
    logits: Float[Tensor, "batch classes"],
    labels: Int[Tensor, " batch"],
    *,
    kind: str = "cross_entropy",
    weights: Float[Tensor, " classes"] | None = None,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Compute the loss of examples with one label each.

    Args:
        logits: The classifier's outputs.
        labels: The true classes; an example with -1 has none and does not count.
        kind: ``cross_entropy``; ``hinge``, the shortfall of the true class's margin of 1 over each
            other class; or ``binary``, a yes or no about each class.
        weights: Weights of the classes; None weighs all alike.
        label_smoothing: Share of the target that is spread over all classes; not for ``hinge``.

    Returns:
        The mean; 0 if no example has a label.

    Raises:
        ValueError: If there is no such loss, or it has no label smoothing.

    Example:
        >>> logits, labels = torch.tensor([[2.0, 0.5], [0.0, 3.0]]), torch.tensor([0, 1])
        >>> label_loss(logits, labels, kind="hinge").item()
        0.0
        >>> label_loss(logits, 1 - labels, kind="hinge").item()  # (2.5 + 4) / 2 classes / 2
        1.625
    """
    known = labels >= 0
    logits, labels = logits[known].float(), labels[known]
    match kind:
        case "cross_entropy":
            losses = F.cross_entropy(
                logits, labels, label_smoothing=label_smoothing, reduction="none"
            )
        case "hinge":
            if label_smoothing:
                raise ValueError(
                    "The hinge loss has no label smoothing. Set `label_smoothing` to 0, or "
                    "`loss` to cross_entropy."
                )
            losses = F.multi_margin_loss(logits, labels, reduction="none")
        case "binary":
            classes = logits.shape[1]
            targets = F.one_hot(labels, classes).to(logits.dtype)
            targets = targets * (1 - label_smoothing) + label_smoothing / classes
            losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)
        case _:
            names = ", ".join(get_args(LabelLoss))
            raise ValueError(f"`loss` must be one of {names}, got {kind!r}.")
    shares = torch.ones_like(losses) if weights is None else weights[labels]
    return (losses * shares).sum() / shares.sum().clamp(min=1e-12)


def several_labels_loss(
    logits: Float[Tensor, "batch classes"],
    targets: Float[Tensor, "batch classes"],
    *,
    weights: Float[Tensor, " classes"] | None = None,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Compute the binary cross-entropy of examples with any number of labels.

    Args:
        logits: The classifier's outputs.
        targets: 1 for a label of the example, 0 for another, NaN where it is unknown.
        weights: Weight of a yes of each class, relative to a no; None is 1.
        label_smoothing: Moves targets from 0 and 1 towards a half.

    Returns:
        The mean over all known targets; 0 if there are none.

    Example:
        >>> targets = torch.tensor([[1.0, 0.0, float("nan")]])
        >>> round(several_labels_loss(torch.zeros(1, 3), targets).item(), 4)  # the logarithm of 2
        0.6931
    """
    known = ~targets.isnan()
    aims = targets.nan_to_num() * (1 - label_smoothing) + label_smoothing / 2
    losses = F.binary_cross_entropy_with_logits(
        logits.float(), aims, pos_weight=weights, reduction="none"
    )
    return losses.where(known, 0).sum() / known.sum().clamp(min=1)


def count_loss(
    outputs: Float[Tensor, "batch 1"], counts: Float[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Compute the mean negative log-likelihood of Poisson-distributed counts, up to a constant.

    Args:
        outputs: The logarithms of the expected counts.
        counts: The true counts; unknown ones are NaN and do not count.

    Example:
        >>> count_loss(torch.zeros(1, 1), torch.tensor([1.0])).item()  # expects 1, which is right
        1.0
    """
    known = ~counts.isnan()
    losses = F.poisson_nll_loss(outputs[known, 0].float(), counts[known], reduction="sum")
    return losses / known.sum().clamp(min=1)


def number_loss(
    outputs: Float[Tensor, "batch 1"], numbers: Float[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Compute the mean squared error; unknown numbers are NaN and do not count.

    Example:
        >>> number_loss(torch.tensor([[1.0], [2.0]]), torch.tensor([4.0, float("nan")])).item()
        9.0
    """
    known = ~numbers.isnan()
    losses = (outputs[known, 0].float() - numbers[known]).square().sum()
    return losses / known.sum().clamp(min=1)
