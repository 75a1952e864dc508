"""Score predictions of a test next to constant ones: the most common label, the mean number."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from multimodal.data.examples import ImageExample, TextExample
from multimodal.metrics.classification import ClassificationScores
from multimodal.metrics.regression import RegressionScores
from multimodal.tables import markdown_table

OURS = "this model"
USUAL = "commonest label"

Example = TypeVar("Example", bound=ImageExample | TextExample)


@dataclass(frozen=True, slots=True)
class Predicted(Generic[Example]):
    """An example and its prediction.

    Args:
        example: An image or a text with its label, labels or number.
        prediction: The probability of each label, or one number.
    """

    example: Example
    prediction: tuple[float, ...]


def label_scores(
    results: Sequence[Predicted[Example]],
    labels: Sequence[str],
    predictions: Float[Tensor, "examples labels"] | None = None,
) -> ClassificationScores:
    """Collect the predictions of examples that have one label each.

    Args:
        results: Examples with their label.
        labels: The labels in the order of the predictions.
        predictions: Probabilities to score in place of those of the results.
    """
    if predictions is None:
        predictions = torch.tensor([each.prediction for each in results])
    numbers = {label: number for number, label in enumerate(labels)}
    targets = torch.tensor([numbers[str(each.example.label)] for each in results])
    scores = ClassificationScores(labels)
    scores.update(list(range(len(results))), predictions, targets)
    return scores


def share_of_commonest(results: Sequence[Predicted[Example]], train: Iterable[object]) -> float:
    """Return the accuracy of always predicting the most common label of training.

    Example:
        >>> results = [Predicted(TextExample("a", label, "1"), ()) for label in ("neg", "pos")]
        >>> share_of_commonest(results, ["pos", "pos", "neg"])
        0.5
    """
    commonest, _ = Counter(map(str, train)).most_common(1)[0]
    return sum(str(each.example.label) == commonest for each in results) / len(results)


def number_table(
    corner: str, results: Sequence[Predicted[Example]], train: Sequence[object], mean_row: str
) -> str:
    """Format the errors of predicted numbers next to those of predicting the mean, as Markdown.

    Args:
        corner: The head of the first column.
        results: Examples with their number.
        train: The numbers of training.
        mean_row: The name of the row of the mean.

    Example:
        >>> texts = [TextExample("a", 1.0, "1"), TextExample("b", 3.0, "2")]
        >>> results = [Predicted(texts[0], (2.0,)), Predicted(texts[1], (3.0,))]
        >>> print(number_table("stars", results, [1.0, 3.0], "mean of training"))
        | stars            | mean error | root mean square | correlation |
        | ---------------- | ---------: | ---------------: | ----------: |
        | this model       |      0.500 |            0.707 |       1.000 |
        | mean of training |      1.000 |            1.000 |       0.000 |
        <BLANKLINE>
    """
    targets = torch.tensor([_number(each.example.label) for each in results])
    ours = torch.tensor([each.prediction[0] for each in results])
    mean = fsum(map(_number, train)) / max(1, len(train))
    errors = {OURS: _errors(ours, targets), mean_row: _errors(torch.full_like(ours, mean), targets)}
    head = [corner, *(key.replace("_", " ") for key in errors[OURS])]
    rows = [[name, *(f"{error:.3f}" for error in row.values())] for name, row in errors.items()]
    return markdown_table([head, *rows])


def _errors(predictions: Tensor, targets: Tensor) -> dict[str, float]:
    scores = RegressionScores()
    scores.update(list(range(len(targets))), predictions, targets)
    return scores.compute()


def _number(label: object) -> float:
    assert isinstance(label, int | float)
    return float(label)
