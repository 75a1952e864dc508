"""Tables of a test of classification in Markdown: scores, a row for each label, what was wrong.

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
_LIKELY = 0.5  # above it one of several labels is held to be there
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
class Told:
    """An image and what was told of it.

    Args:
        example: The image, with its label, its labels or its number.
        verdict: The probability of each label, or one number.
    """

    example: ImageExample
    verdict: tuple[float, ...]


class Mistake(NamedTuple):
    """How wrong something was.

    Attributes:
        sureness: What mistakes are ranked by: the probability of what was wrongly told, or the
            distance of a number from the right one.
        said: What was told.
        right: What would have been right.
    """

    sureness: float
    said: str
    right: str


def mistake(told: Told, labels: Sequence[str], target: str) -> Mistake | None:
    """Say how wrong an image was told.

    Args:
        told: What was told of it.
        labels: The labels in the order of the verdict; none of numbers.
        target: ``label``, ``labels`` or ``number``.

    Returns:
        The mistake; None where all is right, or nobody knows. Of several labels the worst one
        counts: a label that is there has the sureness of its absence.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> image = ImageExample(PixelImage("digits", 7), "3", 7)
        >>> mistake(Told(image, (0.1, 0.9)), ["3", "8"], "label")
        Mistake(sureness=0.9, said='8', right='3')
    """
    right, verdict = told.example.label, told.verdict
    if right is None:
        return None
    if target == "label":
        best = max(range(len(verdict)), key=lambda place: verdict[place])
        wrong = labels[best] != right
        return Mistake(verdict[best], labels[best], str(right)) if wrong else None
    if target == "labels":
        there = right if isinstance(right, tuple) else (str(right),)
        said = [label for label, share in zip(labels, verdict, strict=True) if share > _LIKELY]
        wrong_by = (
            1 - share if label in there else share
            for label, share in zip(labels, verdict, strict=True)
        )
        worst = max(wrong_by, default=0.0)
        if set(said) == set(there):
            return None
        return Mistake(worst, ", ".join(said) or "nothing", ", ".join(there) or "nothing")
    number = float(right) if isinstance(right, float | int) else 0.0
    distance = abs(verdict[0] - number)
    return Mistake(distance, f"{verdict[0]:.2f}", f"{number:g}") if distance else None


def label_scores(known: Sequence[Told], labels: Sequence[str]) -> ClassificationScores:
    """Collect the verdicts of images that have one label each.

    Args:
        known: Images with their label.
        labels: The labels in the order of the verdicts.

    Returns:
        The metric over all of them.
    """
    scores = ClassificationScores(labels)
    places = {label: place for place, label in enumerate(labels)}
    right = torch.tensor([places[str(told.example.label)] for told in known])
    scores.update(list(range(len(known))), _verdicts(known), right)
    return scores


def score_table(
    known: Sequence[Told], labels: Sequence[str], target: str, train: Sequence[Label]
) -> str:
    """Write the scores, beside those of who says the same of every image.

    Args:
        known: Images with what is right, at least one.
        labels: The labels in the order of the verdicts; none of numbers.
        target: ``label``, ``labels`` or ``number``.
        train: What is right of the training images.

    Returns:
        A table in Markdown; shares in percent, errors of numbers in their unit.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> image = ImageExample(PixelImage("digits", 7), "3", 7)
        >>> print(score_table([Told(image, (0.25, 0.75))], ["3", "8"], "label", ["3", "3"]))
        | of 1 images, in percent | accuracy | macro F1 | calibration error |
        | --- | ---: | ---: | ---: |
        | this model | 0.0 | 0.0 | 75.0 |
        | commonest label | 100.0 | - | - |
    """
    head = f"of {len(known):,} images"
    if target == "label":
        values = label_scores(known, labels).compute()
        usual = Counter(map(str, train)).most_common(1)
        same = fsum(str(told.example.label) == usual[0][0] for told in known) if usual else 0.0
        row = [f"{100 * same / len(known):.1f}", *["-"] * (len(values) - 1)]
        return _table(
            [f"{head}, in percent", *map(_name, values)], [[OURS, *_shares(values)], [USUAL, *row]]
        )
    if target == "labels":
        several = SeveralLabelsScores(labels)
        several.update(list(range(len(known))), _verdicts(known), _given(known, labels))
        values = several.compute()
        return _table([f"{head}, in percent", *map(_name, values)], [[OURS, *_shares(values)]])
    numbers = torch.tensor([float(told.example.label) for told in known])  # type: ignore[arg-type]
    mean = fsum(float(each) for each in train) / max(1, len(train))  # type: ignore[arg-type]
    rows, names = [], []
    said = _verdicts(known)[:, 0]
    for name, column in {OURS: said, MEAN: torch.full_like(said, mean)}.items():
        errors = RegressionScores()
        errors.update(list(range(len(known))), column, numbers)
        values = errors.compute()
        names = [key.replace("_", " ") for key in values]
        rows.append([name, *(f"{value:.3f}" for value in values.values())])
    return _table([head, *names], rows)


def label_table(known: Sequence[Told], labels: Sequence[str], target: str) -> str:
    """Write a row for each label.

    Args:
        known: Images with what is right.
        labels: The labels in the order of the verdicts.
        target: ``label`` or ``labels``.

    Returns:
        A table in Markdown, shares in percent; of several labels with their average precision.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> image = ImageExample(PixelImage("digits", 7), "3", 7)
        >>> print(label_table([Told(image, (0.75, 0.25))], ["3", "8"], "label"))
        | label | images | precision | recall | F1 |
        | --- | ---: | ---: | ---: | ---: |
        | 3 | 1 | 100.0 | 100.0 | 100.0 |
        | 8 | 0 | 0.0 | 0.0 | 0.0 |
    """
    head = ["label", "images", "precision", "recall", "F1"]
    if target == "label":
        rows = [_cells(row) for row in label_scores(known, labels).per_class()]
        return _table(head, rows)
    verdicts, given = _verdicts(known), _given(known, labels) > _LIKELY
    rows = []
    for place, label in enumerate(labels):
        there, said = given[:, place], verdicts[:, place] > _LIKELY
        hits = int((there & said).sum())
        counts = (int(there.sum()), int(said.sum()))
        precision, recall = hits / max(1, counts[1]), hits / max(1, counts[0])
        row = ClassRow(label, counts[0], precision, recall, 2 * hits / max(1, sum(counts)))
        area = f"{100 * average_precision(verdicts[:, place], there):.1f}" if counts[0] else "-"
        rows.append([*_cells(row), area])
    return _table([*head, "average precision"], rows)


def _verdicts(known: Sequence[Told]) -> Tensor:
    return torch.tensor([told.verdict for told in known])


def _given(known: Sequence[Told], labels: Sequence[str]) -> Tensor:
    """1 where an image has a label, 0 where not, ``(images, labels)``."""
    rows = []
    for told in known:
        right = told.example.label
        there = right if isinstance(right, tuple) else (right,)
        rows.append([float(label in there) for label in labels])
    return torch.tensor(rows)


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
