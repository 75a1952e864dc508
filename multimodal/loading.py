"""Open any trained model, by name or by path: it says itself what it is."""

from pathlib import Path
from typing import TypeAlias

import torch

from multimodal.captioning.predictor import CaptionPredictor
from multimodal.classification.predictor import ClassificationPredictor
from multimodal.inference.devices import Precision
from multimodal.language_model.predictor import Writer
from multimodal.saving import read_model
from multimodal.saving.checkpoint import SavedModel
from multimodal.sentiment.predictor import SentimentPredictor
from multimodal.vqa.predictor import VQAPredictor

Predictor: TypeAlias = (
    CaptionPredictor | VQAPredictor | SentimentPredictor | Writer | ClassificationPredictor
)


def load(
    path: str | Path, *, device: str | torch.device = "auto", precision: Precision = "float32"
) -> Predictor:
    """Open a trained model as the predictor of its task; it is read as data and never executed.

    Args:
        path: The name of a model that ships with the package, such as ``captioning-scenes``; a
            folder that ``multimodal export`` wrote; or a ``.ckpt`` file that a run of ours wrote.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``, which is faster where the hardware has it.

    Returns:
        The predictor of the model's task: call a captioner or a classifier with a picture or
        with many, an answerer with a picture and a question or several, a sentiment classifier with
        a text or with many, and the writer of a language model with a prompt.

    Raises:
        FileNotFoundError: If there is no such file, folder or name; close names are offered.
        TypeError: If it is neither a string nor a path.
        ValueError: If it is no model of ours, is damaged, or is of a task that has no predictor.
    """
    return from_saved(read_model(path), str(path), device=device, precision=precision)


def from_saved(
    saved: SavedModel,
    source: str,
    *,
    device: str | torch.device = "auto",
    precision: Precision = "float32",
) -> Predictor:
    """Make the predictor of a model that was read.

    Args:
        saved: What `multimodal.saving.read_model` returned.
        source: Where it comes from, for messages.
        device: As for `load`.
        precision: As for `load`.

    Returns:
        The predictor of the model's task.

    Raises:
        ValueError: If the model's parts do not fit each other, or its task has no predictor.
    """
    if saved.task not in _PREDICTORS:
        raise ValueError(
            f"{source} is a checkpoint of the task {saved.task!r}, and this version of multimodal "
            "has no predictor for it. Install a newer one."
        )
    kind = _PREDICTORS[saved.task]
    return kind.from_saved(saved, source, device=device, precision=precision)


_PREDICTORS: dict[str, type[Predictor]] = {
    "captioning": CaptionPredictor,
    "vqa": VQAPredictor,
    "sentiment": SentimentPredictor,
    "classification": ClassificationPredictor,
    "language_model": Writer,
}
