"""Tables of a test of classification in Markdown: scores, and a row for each label; mistakes.

References:
    Sokolova and Lapalme 2009, "A systematic analysis of performance measures for classification
    tasks", table 3 (precision, recall and F1 of a class).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from multimodal.data.examples import ImageExample
from multimodal.metrics.classification import ClassificationScores, ClassRow
from multimodal.metrics.regression import RegressionScores
from multimodal.metrics.several_labels import SeveralLabelsScores, average_precision

Label: TypeAlias = str | tuple[str, ...] | float

OURS = "this model"
USUAL = "commonest label"
MEAN = "mean of the training images"
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


@dataclass(frozen=True, slots=True)
class Predicted:
    """An image and its prediction.

    Args:
        example: The image, with its label, its labels or its number.
        prediction: The probability of each label, or one number.
    """

    example: ImageExample
    prediction: tuple[float, ...]


class Mistake(NamedTuple):
    """A wrong prediction.

    Attributes:
        confidence: The rank of the mistake: the probability of the wrong label, or the distance of
            a number from the right one.
        predicted: The predicted label, labels or number.
        target: The right one.
    """

    confidence: float
    predicted: str
    target: str


def mistake(predicted: Predicted, labels: Sequence[str], target: str) -> Mistake | None:
    """Return the mistake in the prediction of an image.

    Args:
        predicted: The image and its prediction.
        labels: The labels in the order of the prediction; none of numbers.
        target: ``label``, ``labels`` or ``number``.

    Returns:
        The mistake; None if the prediction is right, or the right one is unknown. Of several labels
        the worst one counts: for a label of the image, the probability of its absence.

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


def label_scores(known: Sequence[Predicted], labels: Sequence[str]) -> ClassificationScores:
    """Collect the predictions of images that have one label each.

    Args:
        known: Images with their label.
        labels: The labels in the order of the predictions.

    Returns:
        The metric over all of them.
    """
    scores = ClassificationScores(labels)
    numbers = {label: number for number, label in enumerate(labels)}
    right = torch.tensor([numbers[str(each.example.label)] for each in known])
    scores.update(list(range(len(known))), _predictions(known), right)
    return scores


def score_table(
    known: Sequence[Predicted], labels: Sequence[str], target: str, train: Sequence[Label]
) -> str:
    """Format the scores as a table next to a constant-prediction baseline.

    Args:
        known: Images with their targets, at least one.
        labels: The labels in the order of the predictions; none of numbers.
        target: ``label``, ``labels`` or ``number``.
        train: The targets of the training images.

    Returns:
        A table in Markdown; shares in percent, errors of numbers in their unit.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> image = ImageExample(PixelImage("digits", 7), "3", 7)
        >>> print(score_table([Predicted(image, (0.25, 0.75))], ["3", "8"], "label", ["3", "3"]))
        | of 1 images, in percent | accuracy | macro F1 | calibration error |
        | --- | ---: | ---: | ---: |
        | this model | 0.0 | 0.0 | 75.0 |
        | commonest label | 100.0 | - | - |
    """
    head = f"of {len(known):,} images"
    if target == "label":
        values = label_scores(known, labels).compute()
        usual = Counter(map(str, train)).most_common(1)
        same = fsum(str(each.example.label) == usual[0][0] for each in known) if usual else 0.0
        row = [f"{100 * same / len(known):.1f}", *["-"] * (len(values) - 1)]
        return _table(
            [f"{head}, in percent", *map(_name, values)], [[OURS, *_shares(values)], [USUAL, *row]]
        )
    if target == "labels":
        several = SeveralLabelsScores(labels)
        several.update(list(range(len(known))), _predictions(known), _given(known, labels))
        values = several.compute()
        return _table([f"{head}, in percent", *map(_name, values)], [[OURS, *_shares(values)]])
    numbers = torch.tensor([_number(each.example.label) for each in known])
    mean = fsum(map(_number, train)) / max(1, len(train))
    rows, names = [], []
    own = _predictions(known)[:, 0]
    for name, column in {OURS: own, MEAN: torch.full_like(own, mean)}.items():
        errors = RegressionScores()
        errors.update(list(range(len(known))), column, numbers)
        values = errors.compute()
        names = [key.replace("_", " ") for key in values]
        rows.append([name, *(f"{value:.3f}" for value in values.values())])
    return _table([head, *names], rows)


def label_table(known: Sequence[Predicted], labels: Sequence[str], target: str) -> str:
    """Format precision, recall and F1 of each label as a table.

    Args:
        known: Images with their targets.
        labels: The labels in the order of the predictions.
        target: ``label`` or ``labels``.

    Returns:
        A table in Markdown, shares in percent; of several labels with their average precision.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> image = ImageExample(PixelImage("digits", 7), "3", 7)
        >>> print(label_table([Predicted(image, (0.75, 0.25))], ["3", "8"], "label"))
        | label | images | precision | recall | F1 |
        | --- | ---: | ---: | ---: | ---: |
        | 3 | 1 | 100.0 | 100.0 | 100.0 |
        | 8 | 0 | 0.0 | 0.0 | 0.0 |
    """
    head = ["label", "images", "precision", "recall", "F1"]
    if target == "label":
        rows = [_cells(row) for row in label_scores(known, labels).per_class()]
        return _table(head, rows)
    predictions, given = _predictions(known), _given(known, labels) > _LIKELY
    rows = []
    for column, label in enumerate(labels):
        own, likely = given[:, column], predictions[:, column] > _LIKELY
        hits = int((own & likely).sum())
        counts = (int(own.sum()), int(likely.sum()))
        precision, recall = hits / max(1, counts[1]), hits / max(1, counts[0])
        row = ClassRow(label, counts[0], precision, recall, 2 * hits / max(1, sum(counts)))
        area = f"{100 * average_precision(predictions[:, column], own):.1f}" if counts[0] else "-"
        rows.append([*_cells(row), area])
    return _table([*head, "average precision"], rows)


def _predictions(known: Sequence[Predicted]) -> Tensor:
    return torch.tensor([each.prediction for each in known])


def _given(known: Sequence[Predicted], labels: Sequence[str]) -> Tensor:
    """Return 1 where an image has a label, 0 where not, ``(images, labels)``."""
    rows = []
    for each in known:
        right = each.example.label
        own = right if isinstance(right, tuple) else (right,)
        rows.append([float(label in own) for label in labels])
    return torch.tensor(rows)


def _number(label: Label | None) -> float:
    assert isinstance(label, int | float)
    return float(label)


def _name(key: str) -> str:
    return _NAMES.get(key, key.replace("_", " "))


def _shares(values: dict[str, float]) -> list[str]:
    return [f"{100 * value:.1f}" for value in values.values()]


def _cells(row: ClassRow) -> list[str]:
    shares = (row.precision, row.recall, row.f1)
    return [row.name, f"{row.examples:,}", *(f"{100 * share:.1f}" for share in shares)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (head, rule, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
