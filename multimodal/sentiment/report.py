"""Report a test of sentiment: a table beside a linear baseline, the confusions, the worst mistakes.

A bag of n-grams under a linear classifier is trained on the same texts and tested on the same ones,
because on many data sets it is hard to beat; a network that does not beat it has learned no more
than words. The average of both is often better than either.

References:
    Wang and Manning 2012, "Baselines and bigrams: simple, good sentiment and topic classification"
    (the baseline); Mesnil et al. 2014, "Ensemble of generative and discriminative techniques for
    sentiment analysis of movie reviews" (the average of unlike models).
"""

import csv
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from multimodal.data.examples import TextExample
from multimodal.files import atomic_write
from multimodal.metrics.classification import ClassificationScores
from multimodal.metrics.regression import RegressionScores
from multimodal.sentiment.data import SentimentData
from multimodal.sentiment.linear_baseline import LinearBaseline
from multimodal.training.results import gather

OURS = "this model"
LINEAR = "linear, words and word pairs"
BOTH = "both, averaged"
USUAL = "commonest label"
MEAN = "mean of the training texts"
_WORST = 20
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judged:
    """A text and its verdict.

    Args:
        example: The text, with the right label or number.
        verdict: The probability of each label, or one number.
    """

    example: TextExample
    verdict: tuple[float, ...]


class VerdictsReport(Callback):
    """After a test write ``report.md`` and ``mistakes.tsv`` into the run's folder, and print one.

    The task's ``test_step`` must return the verdicts of its batch ``(batch, labels)``, or numbers
    ``(batch, 1)``; the data must be a `SentimentData`.

    Args:
        baseline: Whether a linear classifier is trained and tested beside; seconds for thousands of
            texts.
    """

    def __init__(self, *, baseline: bool = True) -> None:
        super().__init__()
        self.baseline = baseline
        self._found: dict[int, Judged] = {}

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with nothing."""
        self._found = {}

    @override
    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the verdicts, by the texts' positions."""
        for index, example, row in zip(
            batch.indices.tolist(), batch.examples, outputs.tolist(), strict=True
        ):
            self._found[index] = Judged(example, tuple(row))

    @override
    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the files, print the tables and log the others' accuracy, on the first process."""
        folder = Path(trainer.log_dir or trainer.default_root_dir)  # all processes must ask
        found = [one for _, one in sorted(gather(self._found).items()) if _is_known(one.example)]
        self._found = {}
        data = getattr(trainer, "datamodule", None)
        if not trainer.is_global_zero or not found or not isinstance(data, SentimentData):
            return
        train = [example for example in data.examples("train") if _is_known(example)]
        if data.labels:
            others = linear_verdicts(train, found, data.labels) if self.baseline else {}
            for name, key in ((LINEAR, "linear"), (BOTH, "averaged")):
                if name in others:
                    share = accuracy(found, data.labels, others[name])
                    pl_module.log(f"test/accuracy_{key}", share, rank_zero_only=True)
            report = label_tables(found, data.labels, train, others)
        else:
            report = number_table(found, train)
        try:
            with atomic_write(folder / "report.md") as path:
                path.write_text(report + "\n", encoding="utf-8")
            _write_mistakes(worst(found, data.labels), data.labels, folder / "mistakes.tsv")
        except OSError as error:  # what was measured is printed all the same
            _LOGGER.warning("No report in the run's folder: %s", error)
        _LOGGER.info("\n%s\n\nThe worst mistakes: %s", report, folder / "mistakes.tsv")


def accuracy(found: Sequence[Judged], labels: Sequence[str], verdicts: Tensor) -> float:
    """Return the share of texts whose label is held likeliest.

    Args:
        found: Texts, with their right labels.
        labels: The labels in the order of the verdicts.
        verdicts: Probabilities ``(texts, labels)``.

    Example:
        >>> texts = [TextExample("a", "neg", "1"), TextExample("b", "pos", "2")]
        >>> verdicts = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
        >>> accuracy([Judged(text, ()) for text in texts], ["neg", "pos"], verdicts)
        0.5
    """
    right = torch.tensor([labels.index(str(one.example.label)) for one in found])
    return (verdicts.argmax(dim=1) == right).double().mean().item()


def linear_verdicts(
    train: Sequence[TextExample], found: Sequence[Judged], labels: Sequence[str]
) -> dict[str, Tensor]:
    """Train the linear baseline and let it judge the same texts.

    Args:
        train: Texts to learn from.
        found: Texts that were judged.
        labels: The labels in the order of the verdicts.

    Returns:
        Probabilities ``(texts, labels)`` of the baseline and of the average of both, by name.
    """
    texts = [example.text for example in train]
    baseline = LinearBaseline(calibration_folds=3).fit(
        texts, [str(example.label) for example in train]
    )
    places = [labels.index(label) for label in baseline.classes]
    linear = torch.zeros(len(found), len(labels))
    given = baseline.predict_proba([one.example.text for one in found])
    linear[:, places] = given.float()
    ours = torch.tensor([one.verdict for one in found])
    return {LINEAR: linear, BOTH: (linear + ours) / 2}


def label_tables(
    found: Sequence[Judged],
    labels: Sequence[str],
    train: Sequence[TextExample],
    others: Mapping[str, Tensor],
) -> str:
    """Write the scores of what is compared, and where the model confuses what, in Markdown.

    Args:
        found: Texts that were judged.
        labels: The labels in the order of the verdicts.
        train: The training texts.
        others: Verdicts of others on the same texts ``(texts, labels)``, by name.

    Returns:
        Two tables.

    Example:
        >>> texts = [TextExample("a", "neg", "1"), TextExample("b", "pos", "2")]
        >>> judged = [Judged(texts[0], (0.75, 0.25)), Judged(texts[1], (0.75, 0.25))]
        >>> print(label_tables(judged, ["neg", "pos"], texts[:1], {}))
        | in percent | accuracy | macro F1 | calibration error |
        | --- | ---: | ---: | ---: |
        | this model | 50.0 | 33.3 | 25.0 |
        | commonest label | 50.0 | | |
        <BLANKLINE>
        | texts that are | neg | pos | said to be |
        | --- | ---: | ---: | --- |
        | neg | 1 | 0 | |
        | pos | 1 | 0 | |
    """
    right = torch.tensor([labels.index(str(one.example.label)) for one in found])
    ours = torch.tensor([one.verdict for one in found])
    rows = []
    confusion: list[list[int]] = []
    for name, verdicts in {OURS: ours, **others}.items():
        scores = ClassificationScores(labels)
        scores.update(list(range(len(found))), verdicts, right)
        values = scores.compute()
        shares = [values[key] for key in ("accuracy", "macro_f1", "calibration_error")]
        rows.append([name, *(f"{100 * share:.1f}" for share in shares)])
        confusion = confusion or scores.confusion().tolist()
    usual = Counter(str(example.label) for example in train).most_common(1)[0][0]
    same = sum(str(one.example.label) == usual for one in found)
    rows.append([USUAL, f"{100 * same / len(found):.1f}", "", ""])
    head = ["in percent", "accuracy", "macro F1", "calibration error"]
    numbers = [[label, *map(str, row), ""] for label, row in zip(labels, confusion, strict=True)]
    return (
        _table(head, rows, ["---", *["---:"] * 3])
        + "\n\n"
        + _table(
            ["texts that are", *labels, "said to be"],
            numbers,
            ["---", *["---:"] * len(labels), "---"],
        )
    )


def number_table(found: Sequence[Judged], train: Sequence[TextExample]) -> str:
    """Write the errors of predicted numbers beside those of always saying the mean, in Markdown.

    Args:
        found: Texts that were judged.
        train: The training texts.

    Returns:
        A table.

    Example:
        >>> texts = [TextExample("a", 1.0, "1"), TextExample("b", 3.0, "2")]
        >>> print(number_table([Judged(texts[0], (2.0,)), Judged(texts[1], (3.0,))], texts))
        | | mean error | root mean square | correlation |
        | --- | ---: | ---: | ---: |
        | this model | 0.500 | 0.707 | 1.000 |
        | mean of the training texts | 1.000 | 1.000 | 0.000 |
    """
    right = torch.tensor([float(one.example.label or 0) for one in found])
    ours = torch.tensor([one.verdict[0] for one in found])
    mean = sum(float(each.label or 0) for each in train) / max(1, len(train))
    rows = []
    for name, numbers in {OURS: ours, MEAN: torch.full_like(ours, mean)}.items():
        scores = RegressionScores()
        scores.update(list(range(len(found))), numbers, right)
        rows.append([name, *(f"{value:.3f}" for value in scores.compute().values())])
    head = ["", "mean error", "root mean square", "correlation"]
    return _table(head, rows, ["---", *["---:"] * 3])


def worst(found: Sequence[Judged], labels: Sequence[str]) -> list[Judged]:
    """Choose the texts that were judged worst.

    Args:
        found: Texts that were judged.
        labels: The labels in the order of the verdicts; none of numbers.

    Returns:
        At most twenty wrongly judged texts: those whose label was held least probable, or whose
        number is farthest off, worst first.

    Example:
        >>> texts = [TextExample(text, "neg", text) for text in "abc"]
        >>> verdicts = [(0.4, 0.6), (0.9, 0.1), (0.2, 0.8)]
        >>> judged = [Judged(text, said) for text, said in zip(texts, verdicts)]
        >>> [one.example.text for one in worst(judged, ["neg", "pos"])]
        ['c', 'a']
    """
    if not labels:
        ranked = sorted(found, key=lambda one: -abs(one.verdict[0] - float(one.example.label or 0)))
        return ranked[:_WORST]
    wrong = [one for one in found if said(one, labels) != one.example.label]
    ranked = sorted(wrong, key=lambda one: one.verdict[labels.index(str(one.example.label))])
    return ranked[:_WORST]


def said(one: Judged, labels: Sequence[str]) -> str:
    """Return the verdict as a word, or as a number.

    Args:
        one: A text that was judged.
        labels: The labels in the order of the verdicts; none of numbers.
    """
    if not labels:
        return f"{one.verdict[0]:.3f}"
    return labels[max(range(len(labels)), key=lambda place: one.verdict[place])]


def _write_mistakes(judged: Sequence[Judged], labels: Sequence[str], path: Path) -> None:
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["text_id", "label", "said", "probability of the label", "text"])
        for one in judged:
            label = str(one.example.label)
            own = f"{one.verdict[labels.index(label)]:.3f}" if labels else ""
            text = " ".join(one.example.text.split())
            writer.writerow([one.example.text_id, label, said(one, labels), own, text])


def _is_known(example: TextExample) -> bool:
    return example.label is not None


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], rule: Sequence[str]) -> str:
    lines = [head, rule, *rows]
    return "\n".join("|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in lines)
