"""Report a test of classification: tables, confusions, calibration, the surest mistakes as a sheet.

After a test the run's folder holds ``report.md`` (the scores, and a row for each label),
``mistakes.tsv`` (every mistake, the surest first) and ``mistakes.png`` (the surest ones as the
network saw them); where each image has one label also ``confusion.png`` and ``calibration.png``.
Where numbers are told, a mistake is one that is off, ranked by how far.

References:
    Guo et al. 2017, "On calibration of modern neural networks", figure 1 (reliability diagrams);
    Northcutt, Athalye and Mueller 2021, "Pervasive label errors in test sets destabilize machine
    learning benchmarks" (many of the surest mistakes are wrong labels).
"""

import csv
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from matplotlib.figure import Figure
from torch import Tensor
from typing_extensions import override

from multimodal.classification.class_tables import (
    Told,
    label_scores,
    label_table,
    mistake,
    score_table,
)
from multimodal.classification.data import ClassificationData
from multimodal.figures.captions import caption_sheet
from multimodal.figures.labels import calibration_figure, confusion_figure
from multimodal.figures.page import save_figure
from multimodal.files import atomic_write
from multimodal.training.results import gather

_SHOWN = 16  # mistakes on a sheet
_LOGGER = logging.getLogger(__name__)


class ClassesReport(Callback):
    """After a test write tables and pictures into the run's folder, and print the scores.

    The task's ``test_step`` must return the verdicts of its batch ``(batch, labels)``, or numbers
    ``(batch, 1)``; the data must be a `ClassificationData`.

    Args:
        shown: The most mistakes on the sheet; 0 for no sheet.
    """

    def __init__(self, shown: int = _SHOWN) -> None:
        super().__init__()
        self.shown = shown
        self._found: dict[int, Told] = {}
        self._images: dict[int, tuple[float, Tensor]] = {}  # of the surest mistakes so far

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with nothing."""
        self._found, self._images = {}, {}

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
        """Keep the verdicts by the images' positions, and the images of the surest mistakes."""
        data = getattr(trainer, "datamodule", None)
        if not isinstance(data, ClassificationData):
            return
        rows = zip(
            batch.indices.tolist(), batch.examples, outputs.tolist(), batch.images, strict=True
        )
        for index, example, verdict, image in rows:
            told = self._found[index] = Told(example, tuple(verdict))
            if wrong := mistake(told, data.labels, data.target):
                self._images[index] = (wrong.sureness, image)
        ranked = sorted(self._images.items(), key=lambda kept: -kept[1][0])[: self.shown]
        self._images = {index: (sure, image.cpu().clone()) for index, (sure, image) in ranked}

    @override
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the files and print the scores, on the first process."""
        folder = Path(trainer.log_dir or trainer.default_root_dir)  # all processes must ask
        found = gather(self._found)
        images = gather(self._images)
        self._found, self._images = {}, {}
        data = getattr(trainer, "datamodule", None)
        known = [told for _, told in sorted(found.items()) if told.example.label is not None]
        if not trainer.is_global_zero or not known or not isinstance(data, ClassificationData):
            return
        train = [each.label for each in data.examples("train") if each.label is not None]
        scores = score_table(known, data.labels, data.target, train)
        _LOGGER.info("\n%s\n\nMore, and every mistake: %s", scores, folder / "report.md")
        try:
            _write_tables(known, data, scores, folder)
            if data.target == "label":
                _draw_labels(known, data.labels, folder)
            surest = sorted(images.items(), key=lambda kept: -kept[1][0])[: self.shown]
            if surest:
                pairs = [(found[index], image) for index, (_, image) in surest]
                figure = mistake_sheet(pairs, data.labels, data.target)
                save_figure(figure, folder / "mistakes.png")
        except (OSError, ValueError) as error:  # what was measured has been logged by now
            _LOGGER.warning("No report in the run's folder: %s", error)


def mistake_sheet(
    mistakes: Sequence[tuple[Told, Tensor]], labels: Sequence[str], target: str
) -> Figure:
    """Draw mistakes with what was told and what would have been right.

    Args:
        mistakes: What was told of images, and the images ``(3 or 1, height, width)`` as the network
            saw them; the surest first.
        labels: The labels in the order of the verdicts; none of numbers.
        target: ``label``, ``labels`` or ``number``.

    Returns:
        The sheet.

    Raises:
        ValueError: If there is no mistake, or what was told is none.

    Example:
        >>> import torch
        >>> from multimodal.data.examples import ImageExample, PixelImage
        >>> told = Told(ImageExample(PixelImage("digits", 7), "3", 7), (0.1, 0.9))
        >>> image = torch.zeros(1, 8, 8, dtype=torch.uint8)
        >>> sheet = mistake_sheet([(told, image)], ["3", "8"], "label")
        >>> [text.get_text() for text in sheet.texts]
        ['The surest mistakes', '8', '90 % sure. It is 3. digits[7]']
    """
    captions, notes = [], []
    for told, _ in mistakes:
        wrong = mistake(told, labels, target)
        if wrong is None:
            raise ValueError(f"What was told of {told.example.image} is no mistake.")
        sure = f"{100 * wrong.sureness:.0f} % sure. " if labels else ""
        captions.append(wrong.said)
        notes.append(f"{sure}It is {wrong.right}. {told.example.image}")
    images = [image.expand(3, -1, -1) for _, image in mistakes]
    title = "The surest mistakes" if labels else "The farthest off"
    return caption_sheet(images, captions, notes=notes, title=title)


def _write_tables(
    known: Sequence[Told], data: ClassificationData, scores: str, folder: Path
) -> None:
    parts = [scores]
    if data.labels:
        parts.append(label_table(known, data.labels, data.target))
    with atomic_write(folder / "report.md") as path:
        path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    wrong = [(told, mistake(told, data.labels, data.target)) for told in known]
    rows = sorted(
        ((told, each) for told, each in wrong if each is not None), key=lambda row: -row[1].sureness
    )
    path = folder / "mistakes.tsv"
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["image_id", "is", "said", "sureness" if data.labels else "distance"])
        for told, each in rows:
            writer.writerow([told.example.image_id, each.right, each.said, f"{each.sureness:.4f}"])


def _draw_labels(known: Sequence[Told], labels: Sequence[str], folder: Path) -> None:
    scores = label_scores(known, labels)
    counted = f"Of {len(known):,} test images"
    save_figure(
        confusion_figure(scores.confusion(), labels, title=counted), folder / "confusion.png"
    )
    error = scores.compute()["calibration_error"]
    save_figure(
        calibration_figure(scores.calibration(), error, title=counted), folder / "calibration.png"
    )
