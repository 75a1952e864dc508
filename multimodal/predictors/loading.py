"""Open any trained model: the checkpoint says what it is."""

from pathlib import Path
from typing import TypeAlias

import torch

from multimodal.predictors.captioning import CaptionPredictor
from multimodal.predictors.classification import ClassificationPredictor
from multimodal.predictors.devices import Precision
from multimodal.predictors.sentiment import SentimentPredictor
from multimodal.predictors.vqa import VQAPredictor
from multimodal.predictors.writing import Writer
from multimodal.saving import read_checkpoint

Predictor: TypeAlias = (
    CaptionPredictor | VQAPredictor | SentimentPredictor | Writer | ClassificationPredictor
)


def load(
    path: str | Path, *, device: str | torch.device = "auto", precision: Precision = "float32"
) -> Predictor:
    """Open a checkpoint as the predictor of its task; it is read as data and never executed.

    Args:
        path: A ``.ckpt`` file that a run of ours wrote.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``, which is faster where the hardware has it.

    Returns:
        The predictor of the checkpoint's task: call a captioner or a classifier with a picture or
        with many, an answerer with a picture and a question or several, a sentiment classifier with
        a text or with many, and the writer of a language model with a prompt.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no checkpoint of ours, or of a task that has no predictor.
    """
    saved = read_checkpoint(Path(path))
    match saved.task:
        case "captioning":
            return CaptionPredictor.from_saved(saved, str(path), device=device, precision=precision)
        case "vqa":
            return VQAPredictor.from_saved(saved, str(path), device=device, precision=precision)
        case "sentiment":
            return SentimentPredictor.from_saved(
                saved, str(path), device=device, precision=precision
            )
        case "classification":
            return ClassificationPredictor.from_saved(
                saved, str(path), device=device, precision=precision
            )
        case "language_model":
            return Writer.from_saved(saved, str(path), device=device, precision=precision)
    raise ValueError(
        f"{path} is a checkpoint of the task {saved.task!r}, and this version of multimodal "
        "has no predictor for it. Install a newer one."
    )
