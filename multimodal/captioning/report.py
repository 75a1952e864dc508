"""Draw sheets of pictures with their captions, during training and after a test.

A mean score does not show what goes wrong. After a test, `captions.png` shows the best, the median
and the worst captions by CIDEr-D, and `captions.tsv` lists all of them. While training, the same
few validation pictures are shown after each validation.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure
from torch import Tensor
from typing_extensions import override

from multimodal.data.batches import CaptionBatch
from multimodal.data.examples import CaptionExample
from multimodal.data.images import load_image
from multimodal.figures.captions import caption_sheet
from multimodal.figures.page import save_figure
from multimodal.files import atomic_write
from multimodal.metrics.cider import CiderD
from multimodal.tables import write_tsv
from multimodal.text import detokenize, tokenize
from multimodal.training.report import Report, run_folder
from multimodal.worlds.scenes import Scene, render_scene

_LOGGER = logging.getLogger(__name__)
_OF_A_KIND = 4  # best, median and worst captions on a sheet
_SCENE_PIXELS = 192
_LONGEST = 512  # pixels of the longer side of what is drawn


@dataclass(frozen=True, slots=True)
class Written:
    """A picture with its references, and its generated caption."""

    example: CaptionExample
    words: tuple[str, ...]


class CaptionReport(Report[Written]):
    """Write sheets of captioned pictures into the run's folder and its TensorBoard log.

    The task's ``validation_step`` and ``test_step`` return the words of each caption of the batch.

    Args:
        validation: Number of validation pictures shown after each validation; 0 for none. They
            go to TensorBoard, if it is one of the run's loggers.
        files: Whether they are also written as ``samples/epoch_NNN.png`` in the run's folder.
    """

    def __init__(self, validation: int = 8, *, files: bool = False) -> None:
        super().__init__()
        self.validation = validation
        self.files = files
        self._shown: list[Written] = []

    @override
    def collect(self, batch: CaptionBatch, outputs: Sequence[Sequence[str]]) -> dict[int, Written]:
        return dict(zip(batch.indices.tolist(), _pair(batch, outputs), strict=True))

    @override
    def write(self, rows: Mapping[int, Written], folder: Path, task: LightningModule) -> None:
        """Write ``captions.tsv`` and ``captions.png``."""
        written = [rows[index] for index in sorted(rows)]
        scores = cider_of_each(written)
        _write_table(written, scores, folder / "captions.tsv")
        save_figure(ranked_sheet(written, scores), folder / "captions.png")
        _LOGGER.info("Captions, from best to worst: %s", folder / "captions.png")

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._shown = []

    @override
    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        if trainer.is_global_zero and len(self._shown) < self.validation:
            self._shown += _pair(batch, outputs)
            del self._shown[self.validation :]

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the first captions of the validation."""
        folder = run_folder(trainer)
        boards = [each for each in trainer.loggers if isinstance(each, TensorBoardLogger)]
        if trainer.sanity_checking or not self._shown or not (boards or self.files):
            return
        try:
            figure = _plain_sheet(self._shown)
            for board in boards:
                board.experiment.add_figure("val/captions", figure, trainer.global_step)
            if self.files:
                name = f"epoch_{trainer.current_epoch:03d}.png"
                save_figure(figure, folder / "samples" / name, dpi=100)
        except (OSError, ValueError) as error:  # no reason to stop a training
            _LOGGER.warning("No sheet of validation pictures: %s", error)


def cider_of_each(written: Sequence[Written]) -> list[float]:
    """Compute CIDEr-D of each caption, from 0 to 10, with the idf of all these references."""
    references = [list(map(tokenize, each.example.captions)) for each in written]
    return CiderD(references).score([each.words for each in written])[1]


def ranked_sheet(written: Sequence[Written], scores: Sequence[float]) -> Figure:
    """Draw the best, the median and the worst captions by score, a row each.

    Of a dozen pictures or fewer all are drawn, best first.

    Raises:
        FileNotFoundError: If a picture is not there.
        ValueError: If a picture cannot be read.
    """
    order = sorted(range(len(written)), key=lambda index: -scores[index])
    chosen = [order[rank] for rank in chosen_ranks(len(order))]
    ranks = {index: rank for rank, index in enumerate(order, start=1)}
    notes = [
        f"{ranks[index]:,}. CIDEr-D {scores[index]:.2f}. Reference: "
        f"{_reference(written[index].example)}"
        for index in chosen
    ]
    kinds = "best, median and worst" if len(order) > len(chosen) else "all"
    return caption_sheet(
        [_picture(written[index].example.image) for index in chosen],
        [detokenize(written[index].words) for index in chosen],
        notes=notes,
        columns=_OF_A_KIND,
        title=f"Captions of {len(order):,} test pictures by CIDEr-D: {kinds}",
    )


def chosen_ranks(count: int) -> list[int]:
    """Choose four ranks at the top, in the middle and at the bottom; of up to twelve, all.

    Example:
        >>> chosen_ranks(101)
        [0, 1, 2, 3, 48, 49, 50, 51, 97, 98, 99, 100]
    """
    if count <= 3 * _OF_A_KIND:
        return list(range(count))
    middle = count // 2 - _OF_A_KIND // 2
    starts = (0, middle, count - _OF_A_KIND)
    return [rank for start in starts for rank in range(start, start + _OF_A_KIND)]


def _plain_sheet(written: Sequence[Written]) -> Figure:
    return caption_sheet(
        [_picture(each.example.image) for each in written],
        [detokenize(each.words) for each in written],
        notes=[f"Reference: {_reference(each.example)}" for each in written],
    )


def _reference(example: CaptionExample) -> str:
    """Return the first reference, in the form of generated captions."""
    return detokenize(tokenize(example.captions[0]))


def _pair(batch: CaptionBatch, captions: Sequence[Sequence[str]]) -> list[Written]:
    return [
        Written(example, tuple(words))
        for example, words in zip(batch.examples, captions, strict=True)
    ]


def _picture(image: Any) -> UInt8[Tensor, "3 height width"]:
    """Open a picture, or draw a scene, no larger than it will be shown."""
    if isinstance(image, Scene):
        return torch.from_numpy(render_scene(image, _SCENE_PIXELS)).permute(2, 0, 1)
    pixels = load_image(image)
    height, width = pixels.shape[1:]
    shrink = _LONGEST / max(height, width)
    if shrink >= 1:
        return pixels
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    return F.interpolate(pixels[None], size, mode="bilinear", antialias=True)[0]


def _write_table(written: Sequence[Written], scores: Sequence[float], path: Path) -> None:
    rows = [
        [each.example.image_id, detokenize(each.words), f"{score:.4f}"]
        for each, score in zip(written, scores, strict=True)
    ]
    with atomic_write(path) as temporary:
        write_tsv(temporary, ["image_id", "caption", "cider"], rows)
