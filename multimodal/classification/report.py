"""Report a test of classification: tables, confusions, calibration, a sheet of confident mistakes.

After a test the run's folder holds ``report.md`` (the scores, and a row for each label),
``mistakes.tsv`` (every mistake, the most confident first) and ``mistakes.png`` (the most confident
mistakes, drawn as the network saw them); where each image has one label also ``confusion.png`` and
``calibration.png``. Where numbers are predicted, every inexact one is a mistake, ranked by its
error.

References:
    Guo et al. 2017, "On calibration of modern neural networks", figure 1 (reliability diagrams);
    Northcutt, Athalye and Mueller 2021, "Pervasive label errors in test sets destabilize machine
    learning benchmarks" (many of the most confident mistakes are wrong labels).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lightning.pytorch import LightningModule, Trainer
from matplotlib.figure import Figure
from torch import Tensor
from typing_extensions import override

from multimodal.classification.class_tables import Results, label_table, mistake, score_table
from multimodal.data.batches import ClassificationBatch
from multimodal.data.examples import ImageExample
from multimodal.figures.captions import caption_sheet
from multimodal.figures.labels import calibration_figure, confusion_figure
from multimodal.figures.page import save_figure
from multimodal.files import atomic_write
from multimodal.tables import write_tsv
from multimodal.training.report import Report
from multimodal.training.score_tables import Predicted, label_scores

_SHOWN = 16  # mistakes on a sheet
_LOGGER = logging.getLogger(__name__)


class Result(NamedTuple):
    """The prediction of an image, and the image as the network saw it if it is to be drawn."""

    predicted: Predicted[ImageExample]
    image: Tensor | None


class ClassificationReport(Report[Result]):
    """After a test write tables and pictures into the run's folder, and print the scores.

    The task's ``test_step`` returns probabilities ``(batch, labels)`` or numbers ``(batch, 1)``.

    Args:
        labels: The labels; none where numbers are predicted.
        target: ``label``, ``labels``, ``number`` or ``count``.
        training_examples: Returns the training examples, whose most common label or mean is the
            baseline; without any there is no report.
        shown: The most mistakes on the sheet; 0 for no sheet.
    """

    def __init__(
        self,
        labels: Sequence[str],
        target: str,
        training_examples: Callable[[], Sequence[ImageExample]],
        *,
        shown: int = _SHOWN,
    ) -> None:
        super().__init__()
        self.labels = labels
        self.target = target
        self.training_examples = training_examples
        self.shown = shown
        self._top: dict[int, float] = {}  # confidences of the top mistakes so far

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_test_start(trainer, pl_module)
        self._top = {}

    @override
    def collect(self, batch: ClassificationBatch, outputs: Tensor) -> dict[int, Result]:
        rows = zip(
            batch.indices.tolist(), batch.examples, outputs.tolist(), batch.images, strict=True
        )
        results, before = {}, self._top
        for index, example, prediction, image in rows:
            predicted = Predicted(example, tuple(prediction))
            wrong = mistake(predicted, self.labels, self.target)
            if wrong:
                self._top = {**self._top, index: wrong.confidence}
            results[index] = Result(predicted, image if wrong else None)
        self._top = _largest(self._top, self.shown)
        for index, (predicted, image) in results.items():
            kept = image.cpu().clone() if image is not None and index in self._top else None
            results[index] = Result(predicted, kept)
        for index in before.keys() - self._top.keys() - results.keys():
            self._rows[index] = self._rows[index]._replace(image=None)
        return results

    @override
    def write(self, rows: Mapping[int, Result], folder: Path, task: LightningModule) -> None:
        """Print the scores and write the files."""
        predictions = [row.predicted for _, row in sorted(rows.items())]
        known = [each for each in predictions if each.example.label is not None]
        train = [each.label for each in self.training_examples() if each.label is not None]
        if not known or not train:
            return
        scores = score_table(known, self.labels, self.target, train)
        _LOGGER.info("\n%s\nMore, and every mistake: %s", scores, folder / "report.md")
        self._write_tables(known, scores, folder)
        if self.target == "label":
            _draw_labels(known, self.labels, folder)
        pictures = {index: row for index, row in rows.items() if row.image is not None}
        wrong = {
            index: mistake(row.predicted, self.labels, self.target)
            for index, row in pictures.items()
        }
        top = _largest({i: each.confidence for i, each in wrong.items() if each}, self.shown)
        if top:
            pairs = [(row.predicted, row.image) for row in map(rows.__getitem__, top)]
            drawn = [(predicted, image) for predicted, image in pairs if image is not None]
            sheet = mistake_sheet(drawn, self.labels, self.target)
            save_figure(sheet, folder / "mistakes.png")

    def _write_tables(self, known: Results, scores: str, folder: Path) -> None:
        labels = "\n" + label_table(known, self.labels, self.target) if self.labels else ""
        with atomic_write(folder / "report.md") as path:
            path.write_text(scores + labels, encoding="utf-8")
        mistakes = [(each, mistake(each, self.labels, self.target)) for each in known]
        rows = [(predicted, wrong) for predicted, wrong in mistakes if wrong is not None]
        rows.sort(key=lambda row: -row[1].confidence)
        head = ["image_id", "target", "predicted", "confidence" if self.labels else "distance"]
        cells = [
            [each.example.image_id, wrong.target, wrong.predicted, f"{wrong.confidence:.4f}"]
            for each, wrong in rows
        ]
        with atomic_write(folder / "mistakes.tsv") as path:
            write_tsv(path, head, cells)


def mistake_sheet(
    mistakes: Sequence[tuple[Predicted[ImageExample], Tensor]], labels: Sequence[str], target: str
) -> Figure:
    """Draw mistakes with the predictions and the right labels.

    Args:
        mistakes: Predictions of images, and the images ``(3 or 1, height, width)`` as the network
            saw them; the most confident first.
        labels: The labels in the order of the predictions; none of numbers.
        target: ``label``, ``labels`` or ``number``.

    Raises:
        ValueError: If there is no mistake, or a prediction is right.

    Example:
        >>> import torch
        >>> from multimodal.data.examples import ImageExample, PixelImage
        >>> predicted = Predicted(ImageExample(PixelImage("digits", 7), "3", 7), (0.1, 0.9))
        >>> image = torch.zeros(1, 8, 8, dtype=torch.uint8)
        >>> sheet = mistake_sheet([(predicted, image)], ["3", "8"], "label")
        >>> [text.get_text() for text in sheet.texts]
        ['Confident mistakes', '8', '90 % sure. It is 3. digits[7]']
    """
    captions, notes = [], []
    for predicted, _ in mistakes:
        wrong = mistake(predicted, labels, target)
        if wrong is None:
            raise ValueError(f"The prediction of {predicted.example.image} is not a mistake.")
        sure = f"{100 * wrong.confidence:.0f} % sure. " if labels else ""
        captions.append(wrong.predicted)
        notes.append(f"{sure}It is {wrong.target}. {predicted.example.image}")
    images = [image.expand(3, -1, -1) for _, image in mistakes]
    title = "Confident mistakes" if labels else "The largest errors"
    return caption_sheet(images, captions, notes=notes, title=title)


def _largest(values: Mapping[int, float], number: int) -> dict[int, float]:
    """Return the largest values in descending order."""
    return dict(sorted(values.items(), key=lambda item: -item[1])[:number])


def _draw_labels(known: Results, labels: Sequence[str], folder: Path) -> None:
    scores = label_scores(known, labels)
    title = f"Of {len(known):,} test images"
    confusion = confusion_figure(scores.confusion(), labels, title=title)
    save_figure(confusion, folder / "confusion.png")
    error = scores.compute()["calibration_error"]
    calibration = calibration_figure(scores.calibration(), error, title=title)
    save_figure(calibration, folder / "calibration.png")
