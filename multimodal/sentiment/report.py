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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from typing_extensions import override

from multimodal.data.batches import TextBatch
from multimodal.data.examples import TextExample
from multimodal.files import atomic_write
from multimodal.sentiment.linear_baseline import LinearBaseline
from multimodal.tables import markdown_table, write_tsv
from multimodal.training.report import Report
from multimodal.training.score_tables import (
    OURS,
    USUAL,
    Predicted,
    label_scores,
    number_table,
    share_of_commonest,
)

LINEAR = "linear, words and word pairs"
BOTH = "both, averaged"
_WORST = 20
_LOGGER = logging.getLogger(__name__)

Result: TypeAlias = Predicted[TextExample]


class SentimentReport(Report[Result]):
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
    def collect(self, batch: TextBatch, outputs: Tensor) -> dict[int, Result]:
        rows = zip(batch.indices.tolist(), batch.examples, outputs.tolist(), strict=True)
        return {index: Predicted(example, tuple(row)) for index, example, row in rows}

    @override
    def write(self, rows: Mapping[int, Result], folder: Path, task: LightningModule) -> None:
        """Print the tables, log the baselines' accuracy and write the files."""
        results = [row for _, row in sorted(rows.items()) if row.example.label is not None]
        train = [example for example in self.training_examples() if example.label is not None]
        if not results or not train:
            return
        if self.labels:
            others = linear_predictions(train, results, self.labels) if self.baseline else {}
            for name, key in ((LINEAR, "linear"), (BOTH, "averaged")):
                if name in others:
                    scores = label_scores(results, self.labels, others[name]).compute()
                    task.log(f"test/accuracy_{key}", scores["accuracy"], rank_zero_only=True)
            report = label_tables(results, self.labels, train, others)
        else:
            numbers = [example.label for example in train]
            report = number_table("", results, numbers, "mean of the training texts")
        _LOGGER.info("\n%s\nThe worst mistakes: %s", report, folder / "mistakes.tsv")
        with atomic_write(folder / "report.md") as path:
            path.write_text(report, encoding="utf-8")
        _write_mistakes(worst(results, self.labels), self.labels, folder / "mistakes.tsv")


def linear_predictions(
    train: Sequence[TextExample], results: Sequence[Result], labels: Sequence[str]
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
    results: Sequence[Result],
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

    Example:
        >>> texts = [TextExample("a", "neg", "1"), TextExample("b", "pos", "2")]
        >>> results = [Predicted(texts[0], (0.75, 0.25)), Predicted(texts[1], (0.75, 0.25))]
        >>> print(label_tables(results, ["neg", "pos"], texts[:1], {}))
        | in percent      | accuracy | macro F1 | calibration error |
        | --------------- | -------: | -------: | ----------------: |
        | this model      |     50.0 |     33.3 |              25.0 |
        | commonest label |     50.0 |          |                   |
        <BLANKLINE>
        | texts that are | neg | pos | predicted as |
        | -------------- | --: | --: | -----------: |
        | neg            |   1 |   0 |              |
        | pos            |   1 |   0 |              |
        <BLANKLINE>
    """
    ours = label_scores(results, labels)
    columns = {OURS: ours} | {
        name: label_scores(results, labels, predictions) for name, predictions in others.items()
    }
    keys = ("accuracy", "macro_f1", "calibration_error")
    rows = [["in percent", "accuracy", "macro F1", "calibration error"]]
    for name, scores in columns.items():
        values = scores.compute()
        rows.append([name, *(f"{100 * values[key]:.1f}" for key in keys)])
    same = share_of_commonest(results, [example.label for example in train])
    rows.append([USUAL, f"{100 * same:.1f}", "", ""])
    confusion = zip(labels, ours.confusion().tolist(), strict=True)
    counts = [[label, *map(str, row), ""] for label, row in confusion]
    head = ["texts that are", *labels, "predicted as"]
    return f"{markdown_table(rows)}\n{markdown_table([head, *counts])}"


def worst(results: Sequence[Result], labels: Sequence[str]) -> list[Result]:
    """Choose at most twenty wrong predictions, worst first.

    These are the texts whose right label got the least probability, or whose number is farthest
    off.

    Args:
        results: Texts with predictions.
        labels: The labels in the order of the predictions; none of numbers.

    Example:
        >>> texts = [TextExample(text, "neg", text) for text in "abc"]
        >>> predictions = [(0.4, 0.6), (0.9, 0.1), (0.2, 0.8)]
        >>> results = [Predicted(*pair) for pair in zip(texts, predictions)]
        >>> [one.example.text for one in worst(results, ["neg", "pos"])]
        ['c', 'a']
    """
    if not labels:
        return sorted(
            results, key=lambda one: -abs(one.prediction[0] - float(one.example.label or 0))
        )[:_WORST]
    wrong = [one for one in results if named(one, labels) != one.example.label]
    return sorted(wrong, key=lambda one: _probability(one, labels))[:_WORST]


def named(one: Result, labels: Sequence[str]) -> str:
    """Return the predicted label, or without labels the number, as text."""
    if not labels:
        return f"{one.prediction[0]:.3f}"
    return labels[max(range(len(labels)), key=lambda index: one.prediction[index])]


def _probability(one: Result, labels: Sequence[str]) -> float:
    """Return the probability of the right label."""
    return one.prediction[labels.index(str(one.example.label))]


def _write_mistakes(mistakes: Sequence[Result], labels: Sequence[str], path: Path) -> None:
    rows = []
    for one in mistakes:
        probability = f"{_probability(one, labels):.3f}" if labels else ""
        text = " ".join(one.example.text.split())
        label = str(one.example.label)
        rows.append([one.example.text_id, label, named(one, labels), probability, text])
    head = ["text_id", "label", "predicted", "probability of the label", "text"]
    with atomic_write(path) as temporary:
        write_tsv(temporary, head, rows)
