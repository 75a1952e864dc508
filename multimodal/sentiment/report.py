"""Report a test of sentiment: scores next to a linear baseline, confusions, the worst mistakes.

A linear classifier of n-grams is trained and tested on the same texts, because on many data sets it
is hard to beat; a network that does not beat it has learned no more than words. The average of both
is often better than either.

References:
    Wang and Manning 2012, "Baselines and bigrams: simple, good sentiment and topic classification"
    (the baseline); Mesnil et al. 2014, "Ensemble of generative and discriminative techniques for
    sentiment analysis of movie reviews" (the average of unlike models).
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from typing_extensions import override

from multimodal.data.batches import TextBatch
from multimodal.data.examples import TextExample
from multimodal.files import atomic_write
from multimodal.metrics.classification import ClassificationScores
from multimodal.metrics.regression import RegressionScores
from multimodal.sentiment.linear_baseline import LinearBaseline
from multimodal.tables import write_tsv
from multimodal.training.report import Report

OURS = "this model"
LINEAR = "linear, words and word pairs"
BOTH = "both, averaged"
USUAL = "commonest label"
MEAN = "mean of the training texts"
_WORST = 20
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Predicted:
    """A text and its prediction.

    Args:
        example: The text, with the right label or number.
        prediction: The probability of each label, or one number.
    """

    example: TextExample
    prediction: tuple[float, ...]


class SentimentReport(Report[Predicted]):
    """After a test write ``report.md`` and ``mistakes.tsv`` into the run's folder, and print one.

    The task's ``test_step`` returns probabilities ``(batch, labels)`` or numbers ``(batch, 1)``.

    Args:
        labels: The labels; none where numbers are predicted.
        training_examples: Returns the training texts, on which the baselines are trained; without
            any there is no report.
        baseline: Whether a linear classifier is trained and tested, to compare; seconds for
            thousands of texts.
    """

    def __init__(
        self,
        labels: Sequence[str],
        training_examples: Callable[[], Sequence[TextExample]],
        *,
        baseline: bool = True,
    ) -> None:
        super().__init__()
        self.labels = labels
        self.training_examples = training_examples
        self.baseline = baseline

    @override
    def collect(self, batch: TextBatch, outputs: Tensor) -> dict[int, Predicted]:
        rows = zip(batch.indices.tolist(), batch.examples, outputs.tolist(), strict=True)
        return {index: Predicted(example, tuple(row)) for index, example, row in rows}

    @override
    def write(self, rows: Mapping[int, Predicted], folder: Path, task: LightningModule) -> None:
        """Print the tables, log the baselines' accuracy and write the files."""
        results = [rows[index] for index in sorted(rows) if _is_known(rows[index].example)]
        train = [example for example in self.training_examples() if _is_known(example)]
        if not results or not train:
            return
        if self.labels:
            others = linear_predictions(train, results, self.labels) if self.baseline else {}
            for name, key in ((LINEAR, "linear"), (BOTH, "averaged")):
                if name in others:
                    share = accuracy(results, self.labels, others[name])
                    task.log(f"test/accuracy_{key}", share, rank_zero_only=True)
            report = label_tables(results, self.labels, train, others)
        else:
            report = number_table(results, train)
        _LOGGER.info("\n%s\n\nThe worst mistakes: %s", report, folder / "mistakes.tsv")
        with atomic_write(folder / "report.md") as path:
            path.write_text(report + "\n", encoding="utf-8")
        _write_mistakes(worst(results, self.labels), self.labels, folder / "mistakes.tsv")


def accuracy(results: Sequence[Predicted], labels: Sequence[str], predictions: Tensor) -> float:
    """Return the share of texts whose most probable label is right.

    Args:
        results: Texts, with their right labels.
        labels: The labels in the order of the predictions.
        predictions: Probabilities ``(texts, labels)``.

    Example:
        >>> texts = [TextExample("a", "neg", "1"), TextExample("b", "pos", "2")]
        >>> predictions = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
        >>> accuracy([Predicted(text, ()) for text in texts], ["neg", "pos"], predictions)
        0.5
    """
    right = torch.tensor([labels.index(str(one.example.label)) for one in results])
    return (predictions.argmax(dim=1) == right).double().mean().item()


def linear_predictions(
    train: Sequence[TextExample], results: Sequence[Predicted], labels: Sequence[str]
) -> dict[str, Tensor]:
    """Train the linear baseline and predict the same texts with it.

    Args:
        train: Texts to learn from.
        results: Texts with predictions.
        labels: The labels in the order of the predictions.

    Returns:
        Probabilities ``(texts, labels)`` of the baseline and of the average of both, by name.
    """
    texts = [example.text for example in train]
    baseline = LinearBaseline(calibration_folds=3).fit(
        texts, [str(example.label) for example in train]
    )
    columns = [labels.index(label) for label in baseline.classes]
    linear = torch.zeros(len(results), len(labels))
    probabilities = baseline.predict_proba([one.example.text for one in results])
    linear[:, columns] = probabilities.float()
    ours = torch.tensor([one.prediction for one in results])
    return {LINEAR: linear, BOTH: (linear + ours) / 2}


def label_tables(
    results: Sequence[Predicted],
    labels: Sequence[str],
    train: Sequence[TextExample],
    others: Mapping[str, Tensor],
) -> str:
    """Format the scores next to the baselines', and the confusions of labels, as Markdown.

    Args:
        results: Texts with predictions.
        labels: The labels in the order of the predictions.
        train: The training texts.
        others: The baselines' predictions of the same texts ``(texts, labels)``, by name.

    Returns:
        Two tables.

    Example:
        >>> texts = [TextExample("a", "neg", "1"), TextExample("b", "pos", "2")]
        >>> results = [Predicted(texts[0], (0.75, 0.25)), Predicted(texts[1], (0.75, 0.25))]
        >>> print(label_tables(results, ["neg", "pos"], texts[:1], {}))
        | in percent | accuracy | macro F1 | calibration error |
        | --- | ---: | ---: | ---: |
        | this model | 50.0 | 33.3 | 25.0 |
        | commonest label | 50.0 | | |
        <BLANKLINE>
        | texts that are | neg | pos | predicted as |
        | --- | ---: | ---: | --- |
        | neg | 1 | 0 | |
        | pos | 1 | 0 | |
    """
    right = torch.tensor([labels.index(str(one.example.label)) for one in results])
    ours = torch.tensor([one.prediction for one in results])
    rows = []
    confusion: list[list[int]] = []
    for name, predictions in {OURS: ours, **others}.items():
        scores = ClassificationScores(labels)
        scores.update(list(range(len(results))), predictions, right)
        values = scores.compute()
        shares = [values[key] for key in ("accuracy", "macro_f1", "calibration_error")]
        rows.append([name, *(f"{100 * share:.1f}" for share in shares)])
        confusion = confusion or scores.confusion().tolist()
    usual = Counter(str(example.label) for example in train).most_common(1)[0][0]
    same = sum(str(one.example.label) == usual for one in results)
    rows.append([USUAL, f"{100 * same / len(results):.1f}", "", ""])
    head = ["in percent", "accuracy", "macro F1", "calibration error"]
    numbers = [[label, *map(str, row), ""] for label, row in zip(labels, confusion, strict=True)]
    return (
        _table(head, rows, ["---", *["---:"] * 3])
        + "\n\n"
        + _table(
            ["texts that are", *labels, "predicted as"],
            numbers,
            ["---", *["---:"] * len(labels), "---"],
        )
    )


def number_table(results: Sequence[Predicted], train: Sequence[TextExample]) -> str:
    """Format the errors of predicted numbers next to those of predicting the mean, as Markdown.

    Args:
        results: Texts with predictions.
        train: The training texts.

    Returns:
        A table.

    Example:
        >>> texts = [TextExample("a", 1.0, "1"), TextExample("b", 3.0, "2")]
        >>> print(number_table([Predicted(texts[0], (2.0,)), Predicted(texts[1], (3.0,))], texts))
        | | mean error | root mean square | correlation |
        | --- | ---: | ---: | ---: |
        | this model | 0.500 | 0.707 | 1.000 |
        | mean of the training texts | 1.000 | 1.000 | 0.000 |
    """
    right = torch.tensor([float(one.example.label or 0) for one in results])
    ours = torch.tensor([one.prediction[0] for one in results])
    mean = sum(float(each.label or 0) for each in train) / max(1, len(train))
    rows = []
    for name, numbers in {OURS: ours, MEAN: torch.full_like(ours, mean)}.items():
        scores = RegressionScores()
        scores.update(list(range(len(results))), numbers, right)
        rows.append([name, *(f"{value:.3f}" for value in scores.compute().values())])
    head = ["", "mean error", "root mean square", "correlation"]
    return _table(head, rows, ["---", *["---:"] * 3])


def worst(results: Sequence[Predicted], labels: Sequence[str]) -> list[Predicted]:
    """Choose the worst mistakes.

    Args:
        results: Texts with predictions.
        labels: The labels in the order of the predictions; none of numbers.

    Returns:
        At most twenty wrongly predicted texts: those whose right label got the least probability,
        or whose number is farthest off, worst first.

    Example:
        >>> texts = [TextExample(text, "neg", text) for text in "abc"]
        >>> predictions = [(0.4, 0.6), (0.9, 0.1), (0.2, 0.8)]
        >>> results = [Predicted(*pair) for pair in zip(texts, predictions)]
        >>> [one.example.text for one in worst(results, ["neg", "pos"])]
        ['c', 'a']
    """
    if not labels:
        ranked = sorted(
            results, key=lambda one: -abs(one.prediction[0] - float(one.example.label or 0))
        )
        return ranked[:_WORST]
    wrong = [one for one in results if named(one, labels) != one.example.label]
    ranked = sorted(wrong, key=lambda one: one.prediction[labels.index(str(one.example.label))])
    return ranked[:_WORST]


def named(one: Predicted, labels: Sequence[str]) -> str:
    """Return the predicted label, or the number, as text.

    Args:
        one: A text with its prediction.
        labels: The labels in the order of the predictions; none of numbers.
    """
    if not labels:
        return f"{one.prediction[0]:.3f}"
    return labels[max(range(len(labels)), key=lambda index: one.prediction[index])]


def _write_mistakes(mistakes: Sequence[Predicted], labels: Sequence[str], path: Path) -> None:
    rows = []
    for one in mistakes:
        label = str(one.example.label)
        own = f"{one.prediction[labels.index(label)]:.3f}" if labels else ""
        text = " ".join(one.example.text.split())
        rows.append([one.example.text_id, label, named(one, labels), own, text])
    head = ["text_id", "label", "predicted", "probability of the label", "text"]
    with atomic_write(path) as temporary:
        write_tsv(temporary, head, rows)


def _is_known(example: TextExample) -> bool:
    return example.label is not None


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], rule: Sequence[str]) -> str:
    lines = [head, rule, *rows]
    return "\n".join("|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in lines)
