"""Show what a captioner writes: sheets of pictures with their captions, while it trains and after.

A score of 0.6 says little about what goes wrong. After a test, `captions.png` shows the best, the
median and the worst captions by CIDEr-D, and `captions.tsv` lists all of them. While training, the
same few validation pictures are shown after each validation, so that one can watch the captions
grow.
"""

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from lightning.pytorch import Callback, LightningModule, Trainer
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
from multimodal.text import detokenize, tokenize
from multimodal.training.results import gather
from multimodal.worlds.scenes import Scene, render_scene

_LOGGER = logging.getLogger(__name__)
_OF_A_KIND = 4  # best, median and worst captions on a sheet
_SCENE_PIXELS = 192
_LONGEST = 512  # pixels of the longer side of what is drawn


@dataclass(frozen=True, slots=True)
class Written:
    """A picture and the caption it got.

    Args:
        example: The picture, with its references.
        words: The caption.
    """

    example: CaptionExample
    words: tuple[str, ...]


class CaptionPictures(Callback):
    """Write sheets of captioned pictures into the run's folder and its TensorBoard log.

    The task's ``validation_step`` and ``test_step`` must return a dictionary that holds, under
    ``captions``, the words of each caption of the batch.

    Args:
        validation: How many validation pictures are shown after each validation; 0 for none. They
            go to TensorBoard, if it is one of the run's loggers.
        files: Whether they are also written as ``samples/epoch_NNN.png`` in the run's folder.
    """

    def __init__(self, validation: int = 8, *, files: bool = False) -> None:
        super().__init__()
        self.validation = validation
        self.files = files
        self._shown: list[Written] = []
        self._tested: dict[int, Written] = {}

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with nothing."""
        self._shown = []

    @override
    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the first captions."""
        if trainer.is_global_zero and len(self._shown) < self.validation:
            self._shown += _pair(batch, outputs, "validation_step")
            del self._shown[self.validation :]

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the captions kept."""
        folder = _run_folder(trainer)  # all processes must ask
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
        except (OSError, ValueError) as error:  # a sheet is no reason to stop a training
            _LOGGER.warning("No sheet of validation pictures: %s", error)

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with nothing."""
        self._tested = {}

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
        """Keep all captions, by the examples' positions."""
        written = _pair(batch, outputs, "test_step")
        self._tested.update(zip(batch.indices.tolist(), written, strict=True))

    @override
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write ``captions.tsv`` and ``captions.png``, on the first process."""
        folder = _run_folder(trainer)  # all processes must ask
        found = gather(self._tested)
        self._tested = {}
        if not trainer.is_global_zero or not found:
            return
        written = [found[index] for index in sorted(found)]
        scores = cider_of_each(written)
        try:
            _write_table(written, scores, folder / "captions.tsv")
            save_figure(ranked_sheet(written, scores), folder / "captions.png")
            _LOGGER.info("Captions, from best to worst: %s", folder / "captions.png")
        except (OSError, ValueError) as error:  # what was measured has been logged by now
            _LOGGER.warning("No sheet of test pictures: %s", error)


def cider_of_each(written: Sequence[Written]) -> list[float]:
    """Compute CIDEr-D of each caption, with the idf of all these pictures' references.

    Args:
        written: Pictures with their captions.

    Returns:
        A score between 0 and 10 for each.
    """
    references = [list(map(tokenize, each.example.captions)) for each in written]
    return CiderD(references).score([each.words for each in written])[1]


def ranked_sheet(written: Sequence[Written], scores: Sequence[float]) -> Figure:
    """Draw the best, the median and the worst captions, a row each.

    Args:
        written: Pictures with their captions.
        scores: What they are ranked by, such as CIDEr-D.

    Returns:
        The drawing; of all pictures, best first, if there are not more than it shows.

    Raises:
        FileNotFoundError: If a picture is not there.
        ValueError: If a picture cannot be read.
    """
    order = sorted(range(len(written)), key=lambda index: -scores[index])
    chosen = [order[place] for place in chosen_places(len(order))]
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


def chosen_places(count: int) -> list[int]:
    """Choose four places at the top, in the middle and at the bottom of a ranking.

    Args:
        count: How many places there are.

    Returns:
        Places from 0 on, in order; all of them if they are twelve or fewer.

    Example:
        >>> chosen_places(101)
        [0, 1, 2, 3, 48, 49, 50, 51, 97, 98, 99, 100]
    """
    if count <= 3 * _OF_A_KIND:
        return list(range(count))
    middle = count // 2 - _OF_A_KIND // 2
    starts = (0, middle, count - _OF_A_KIND)
    return [place for start in starts for place in range(start, start + _OF_A_KIND)]


def _plain_sheet(written: Sequence[Written]) -> Figure:
    return caption_sheet(
        [_picture(each.example.image) for each in written],
        [detokenize(each.words) for each in written],
        notes=[f"Reference: {_reference(each.example)}" for each in written],
    )


def _reference(example: CaptionExample) -> str:
    """The first reference, in the form captions have."""
    return detokenize(tokenize(example.captions[0]))


def _pair(batch: CaptionBatch, outputs: Any, step: str) -> list[Written]:
    captions = outputs.get("captions") if isinstance(outputs, dict) else None
    if not isinstance(captions, list) or len(captions) != len(batch.examples):
        raise TypeError(
            f"CaptionPictures needs a task whose `{step}` returns {{'captions': ...}}, the words "
            f"of each caption of the batch: {len(batch.examples)} lists; got "
            f"{type(outputs).__name__}."
        )
    return [
        Written(example, tuple(words))
        for example, words in zip(batch.examples, captions, strict=True)
    ]


def _run_folder(trainer: Trainer) -> Path:
    return Path(trainer.log_dir or trainer.default_root_dir)


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
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["image_id", "caption", "cider"])
        for each, score in zip(written, scores, strict=True):
            table.writerow([each.example.image_id, detokenize(each.words), f"{score:.4f}"])
