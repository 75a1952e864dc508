"""Tables of a test of classification in Markdown: scores, and a row for each label; mistakes.

References:
    Sokolova and Lapalme 2009, "A systematic analysis of performance measures for classification
    tasks", table 3 (precision, recall and F1 of a class).
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from multimodal.data.examples import ImageExample
from multimodal.metrics.classification import ClassRow
from multimodal.metrics.several_labels import SeveralLabelsScores, average_precision
from multimodal.tables import markdown_table
from multimodal.training.score_tables import (
    OURS,
    USUAL,
    Predicted,
    label_scores,
    number_table,
    share_of_commonest,
)

Label: TypeAlias = str | tuple[str, ...] | float
Results: TypeAlias = Sequence[Predicted[ImageExample]]

_LIKELY = 0.5  # one of several labels is predicted above it
_NAMES = {
    "accuracy": "accuracy",
    "top5_accuracy": "top-5 accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "calibration_error": "calibration error",
    "mean_average_precision": "mean average precision",
    "exact_match": "all labels right",
}


class Mistake(NamedTuple):
    """A wrong prediction.

    Attributes:
        confidence: The probability of the wrong label, or the distance of a number from the right
            one; mistakes are ranked by it.
        predicted: The predicted label, labels or number.
        target: The right one.
    """

    confidence: float
    predicted: str
    target: str


def mistake(
    predicted: Predicted[ImageExample], labels: Sequence[str], target: str
) -> Mistake | None:
    """Return the mistake in the prediction of an image; None if it is right or has no target.

    Of several labels the worst one counts: for a label of the image, the probability of its
    absence.

    Args:
        predicted: The image and its prediction.
        labels: The labels in the order of the prediction; none of numbers.
        target: ``label``, ``labels`` or ``number``.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> image = ImageExample(PixelImage("digits", 7), "3", 7)
        >>> mistake(Predicted(image, (0.1, 0.9)), ["3", "8"], "label")
        Mistake(confidence=0.9, predicted='8', target='3')
    """
    right, prediction = predicted.example.label, predicted.prediction
    if right is None:
        return None
    if target == "label":
        best = max(range(len(prediction)), key=lambda index: prediction[index])
        wrong = labels[best] != right
        return Mistake(prediction[best], labels[best], str(right)) if wrong else None
    if target == "labels":
        own = right if isinstance(right, tuple) else (str(right),)
        pairs = list(zip(labels, prediction, strict=True))
        likely = [label for label, value in pairs if value > _LIKELY]
        worst = max((1 - value if label in own else value for label, value in pairs), default=0.0)
        if set(likely) == set(own):
            return None
        return Mistake(worst, ", ".join(likely) or "nothing", ", ".join(own) or "nothing")
    number = float(right) if isinstance(right, float | int) else 0.0
    distance = abs(prediction[0] - number)
    return Mistake(distance, f"{prediction[0]:.2f}", f"{number:g}") if distance else None


def score_table(known: Results, labels: Sequence[str], target: str, train: Sequence[Label]) -> str:
    """Format the scores as a Markdown table next to a constant-prediction baseline.

    Shares are in percent, errors of numbers in their unit.

    Args:
        known: Images with their targets, at least one.
        labels: The labels in the order of the predictions; none of numbers.
        target: ``label``, ``labels`` or ``number``.
        train: The targets of the training images.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> image = ImageExample(PixelImage("digits", 7), "3", 7)
        >>> print(score_table([Predicted(image, (0.25, 0.75))], ["3", "8"], "label", ["3", "3"]))
        | of 1 images, in percent | accuracy | macro F1 | calibration error |
        | ----------------------- | -------: | -------: | ----------------: |
        | this model              |      0.0 |      0.0 |              75.0 |
        | commonest label         |    100.0 |        - |                 - |
        <BLANKLINE>
    """
    corner = f"of {len(known):,} images"
    if target not in ("label", "labels"):
        return number_table(corner, known, train, "mean of the training images")
    rows = []
    if target == "label":
        values = label_scores(known, labels).compute()
        same = f"{100 * share_of_commonest(known, train):.1f}"
        rows.append([USUAL, same, *["-"] * (len(values) - 1)])
    else:
        several = SeveralLabelsScores(labels)
        several.update(list(range(len(known))), _predictions(known), _targets(known, labels))
        values = several.compute()
    names = [_NAMES.get(key, key.replace("_", " ")) for key in values]
    ours = [OURS, *(f"{100 * value:.1f}" for value in values.values())]
    return markdown_table([[f"{corner}, in percent", *names], ours, *rows])


def label_table(known: Results, labels: Sequence[str], target: str) -> str:
    """Format precision, recall and F1 of each label as a Markdown table, in percent.

    Args:
        known: Images with their targets.
        labels: The labels in the order of the predictions.
        target: ``label``, or ``labels``, which adds the average precision.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> image = ImageExample(PixelImage("digits", 7), "3", 7)
        >>> print(label_table([Predicted(image, (0.75, 0.25))], ["3", "8"], "label"))
        | label | images | precision | recall |    F1 |
        | ----- | -----: | --------: | -----: | ----: |
        | 3     |      1 |     100.0 |  100.0 | 100.0 |
        | 8     |      0 |       0.0 |    0.0 |   0.0 |
        <BLANKLINE>
    """
    head = ["label", "images", "precision", "recall", "F1"]
    if target == "label":
        return markdown_table([head, *map(_cells, label_scores(known, labels).per_class())])
    predictions, targets = _predictions(known), _targets(known, labels) > _LIKELY
    rows = [[*head, "average precision"]]
    for column, label in enumerate(labels):
        own, likely = targets[:, column], predictions[:, column] > _LIKELY
        hits = int((own & likely).sum())
        counts = (int(own.sum()), int(likely.sum()))
        precision, recall = hits / max(1, counts[1]), hits / max(1, counts[0])
        row = ClassRow(label, counts[0], precision, recall, 2 * hits / max(1, sum(counts)))
        area = f"{100 * average_precision(predictions[:, column], own):.1f}" if counts[0] else "-"
        rows.append([*_cells(row), area])
    return markdown_table(rows)


def _predictions(known: Results) -> Tensor:
    return torch.tensor([each.prediction for each in known])


def _targets(known: Results, labels: Sequence[str]) -> Tensor:
    """Return 1 where an image has a label, 0 where not, ``(images, labels)``."""
    rows = []
    for each in known:
        right = each.example.label
        own = right if isinstance(right, tuple) else (right,)
        rows.append([float(label in own) for label in labels])
    return torch.tensor(rows)


def _cells(row: ClassRow) -> list[str]:
    shares = (row.precision, row.recall, row.f1)
    return [row.name, f"{row.examples:,}", *(f"{100 * share:.1f}" for share in shares)]
