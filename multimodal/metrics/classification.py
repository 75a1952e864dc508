"""Scores of a classifier: accuracy, macro F1, calibration, top-5 accuracy, the confusion matrix.

Of each example four numbers are kept, and everything is computed from those: its class, the
predicted class, that one's probability, and how many classes were more probable than its own.

References:
    Sokolova and Lapalme 2009, "A systematic analysis of performance measures for classification
    tasks", table 3 (F1 averaged over classes); Guo et al. 2017, "On calibration of modern neural
    networks", equation 3 (the expected calibration error), with 15 bins.
"""

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from multimodal.metrics.per_image import PerImageMetric

BINS = 15
_TOP = 5


class ClassRow(NamedTuple):
    """Precision, recall and F1 of a class; 0 where they are undefined."""

    name: str
    examples: int
    precision: float
    recall: float
    f1: float


class CalibrationBin(NamedTuple):
    """Predictions with a confidence above `low` and up to `high`.

    Attributes:
        low: The bin's lower edge.
        high: Its upper edge.
        examples: The number of predictions.
        confidence: Their mean confidence; 0 if there are none.
        accuracy: The share of right ones; 0 if there are none.
    """

    low: float
    high: float
    examples: int
    confidence: float
    accuracy: float


def confusion_matrix(
    labels: Int[Tensor, " batch"], predictions: Int[Tensor, " batch"], *, classes: int
) -> Int[Tensor, "classes classes"]:
    """Count examples by their class (rows) and the predicted class (columns).

    Raises:
        ValueError: If a label or a prediction is none of the classes.

    Example:
        >>> confusion_matrix(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), classes=2).tolist()
        [[1, 1], [0, 1]]
    """
    for name, numbers in (("label", labels), ("prediction", predictions)):
        _check_classes(name, numbers, classes)
    cells = torch.bincount(labels * classes + predictions, minlength=classes * classes)
    return cells.view(classes, classes)


def class_rows(matrix: Int[Tensor, "classes classes"], names: Sequence[str]) -> list[ClassRow]:
    """Compute precision, recall and F1 of each class from a confusion matrix.

    Raises:
        ValueError: If the number of names is not that of the classes.

    Example:
        >>> for row in class_rows(torch.tensor([[1, 1], [0, 2]]), ["cat", "dog"]):
        ...     print(row.name, row.examples, round(row.precision, 2), row.recall, round(row.f1, 2))
        cat 2 1.0 0.5 0.67
        dog 2 0.67 1.0 0.8
    """
    if len(names) != len(matrix):
        raise ValueError(
            f"Every class needs a name, got {len(matrix)} classes, {len(names)} names."
        )
    right = matrix.diagonal().double()
    examples, predicted = matrix.sum(dim=1), matrix.sum(dim=0)
    columns = (
        examples.tolist(),
        (right / predicted.clamp(min=1)).tolist(),
        (right / examples.clamp(min=1)).tolist(),
        (2 * right / (examples + predicted).clamp(min=1)).tolist(),
    )
    return [ClassRow(*row) for row in zip(names, *columns, strict=True)]


def macro_f1(matrix: Int[Tensor, "classes classes"]) -> float:
    """Average F1 over the classes that have an example or a prediction.

    Example:
        >>> round(macro_f1(torch.tensor([[1, 1], [0, 2]])), 3)
        0.733
    """
    rows = class_rows(matrix, [""] * len(matrix))
    occurs = (matrix.sum(dim=0) + matrix.sum(dim=1) > 0).tolist()
    scores = [row.f1 for row, counts in zip(rows, occurs, strict=True) if counts]
    return fsum(scores) / len(scores) if scores else 0.0


def calibration_bins(
    confidences: Float[Tensor, " batch"], right: Bool[Tensor, " batch"], *, bins: int = BINS
) -> list[CalibrationBin]:
    """Compare confidence and accuracy in bins of equal width: the bars of a reliability diagram.

    Args:
        confidences: The probability of each prediction; one on an edge counts in the lower bin.
        right: Whether each prediction is right.
        bins: The number of bins.

    Raises:
        ValueError: If a confidence is not from 0 to 1.

    Example:
        >>> confidences = torch.tensor([0.55, 0.65, 0.9, 1.0])
        >>> right = torch.tensor([True, False, True, True])
        >>> for row in calibration_bins(confidences, right, bins=2):
        ...     print(row.low, row.high, row.examples, round(row.confidence, 3), row.accuracy)
        0.0 0.5 0 0.0 0.0
        0.5 1.0 4 0.775 0.75
    """
    if not ((confidences >= 0) & (confidences <= 1)).all():
        raise ValueError("A confidence must be from 0 to 1. Give probabilities, not logits.")
    confidences = confidences.double()
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    indices = torch.bucketize(confidences, edges[1:-1])  # of an edge, the lower bin
    counts = torch.bincount(indices, minlength=bins)
    means = (
        torch.bincount(indices, weights=numbers.double(), minlength=bins) / counts.clamp(min=1)
        for numbers in (confidences, right)
    )
    columns = (edges[:-1], edges[1:], counts, *means)
    return [CalibrationBin(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def calibration_error(
    confidences: Float[Tensor, " batch"], right: Bool[Tensor, " batch"], *, bins: int = BINS
) -> float:
    """Compute the expected calibration error: the mean gap between confidence and accuracy.

    Arguments and errors as for `calibration_bins`.

    Example:
        >>> confidences = torch.tensor([0.55, 0.65, 0.9, 1.0])
        >>> right = torch.tensor([True, False, True, True])
        >>> round(calibration_error(confidences, right, bins=2), 3)
        0.025
    """
    rows = calibration_bins(confidences, right, bins=bins)
    gaps = fsum(row.examples * abs(row.confidence - row.accuracy) for row in rows)
    return gaps / max(1, len(confidences))


class ClassificationScores(PerImageMetric):
    """Every score of a classifier over all examples since the last `reset`, on all processes.

    Args:
        classes: The classes' names in order.

    Raises:
        ValueError: If there are fewer than two classes.

    Example:
        >>> metric = ClassificationScores(["neg", "pos"])
        >>> metric.update([7, 8], torch.tensor([[0.9, 0.1], [0.8, 0.2]]), torch.tensor([0, 1]))
        >>> metric.update([7], torch.tensor([[0.1, 0.9]]), torch.tensor([0]))  # counts once
        >>> {name: round(score, 3) for name, score in metric.compute().items()}
        {'accuracy': 0.5, 'macro_f1': 0.333, 'calibration_error': 0.45}
        >>> metric.confusion().tolist()
        [[1, 0], [1, 0]]
    """

    higher_is_better = True

    def __init__(self, classes: Sequence[str]) -> None:
        super().__init__()
        if len(classes) < 2:
            raise ValueError(f"There must be at least two classes to tell apart, got {classes!r}.")
        self.classes = list(classes)

    def update(
        self,
        example_ids: Sequence[int | str],
        probabilities: Float[Tensor, "batch classes"],
        labels: Int[Tensor, " batch"],
    ) -> None:
        """Keep the predictions of new examples.

        Args:
            example_ids: Unique over all processes; an example counts once.
            probabilities: Probability of each class.
            labels: The right classes.

        Raises:
            ValueError: If a shape is wrong, a label is none of the classes, or a number is no
                probability.
        """
        probabilities, labels = probabilities.detach().float().cpu(), labels.cpu()
        if probabilities.shape != (len(labels), len(self.classes)):
            raise ValueError(
                f"`probabilities` must be (batch, classes) = ({len(labels)}, {len(self.classes)}), "
                f"got {tuple(probabilities.shape)}."
            )
        _check_classes("label", labels, len(self.classes))
        if not ((probabilities >= 0) & (probabilities <= 1.001)).all():
            raise ValueError("A probability must be from 0 to 1. Give a softmax, not logits.")
        confidences, predictions = probabilities.max(dim=1)
        own = probabilities.gather(1, labels[:, None])
        # Of equal probabilities the first class is predicted: the rank counts in the same way.
        before = torch.arange(len(self.classes)) < labels[:, None]
        ranks = ((probabilities > own) | ((probabilities == own) & before)).sum(dim=1)
        columns = (labels, predictions, confidences.clamp(max=1), ranks)
        self.keep(example_ids, *(column.tolist() for column in columns))

    def compute(self) -> dict[str, float]:
        """Compute accuracy, macro F1, calibration error and, of more than five classes, top-5."""
        labels, predictions, confidences, ranks = self._columns()
        right = labels == predictions
        matrix = confusion_matrix(labels, predictions, classes=len(self.classes))
        scores = {
            "accuracy": right.double().mean().item(),
            "macro_f1": macro_f1(matrix),
            "calibration_error": calibration_error(confidences, right),
        }
        if len(self.classes) > _TOP:
            scores["top5_accuracy"] = (ranks < _TOP).double().mean().item()
        return scores

    def confusion(self) -> Int[Tensor, "classes classes"]:
        """Compute the confusion matrix; like `compute`, it gathers: call it on all processes."""
        labels, predictions, *_ = self._columns()
        return confusion_matrix(labels, predictions, classes=len(self.classes))

    def per_class(self) -> list[ClassRow]:
        """Compute precision, recall and F1 of each class; call it on all processes."""
        return class_rows(self.confusion(), self.classes)

    def calibration(self, *, bins: int = BINS) -> list[CalibrationBin]:
        """Compute the bars of a reliability diagram; call it on all processes."""
        labels, predictions, confidences, _ = self._columns()
        return calibration_bins(confidences, labels == predictions, bins=bins)

    def _columns(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        labels, predictions, confidences, ranks = map(torch.tensor, self.kept())
        return labels, predictions, confidences, ranks


def _check_classes(name: str, numbers: Tensor, classes: int) -> None:
    wrong = numbers[(numbers < 0) | (numbers >= classes)]
    if len(wrong):
        raise ValueError(
            f"Every {name} must be from 0 to {classes - 1}, the number of a class; got "
            f"{int(wrong[0])}."
        )
