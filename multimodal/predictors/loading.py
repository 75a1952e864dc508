"""Open any trained model: the checkpoint says what it is."""

from pathlib import Path

import torch

from multimodal.predictors.captioning import CaptionPredictor, rebuild
from multimodal.predictors.devices import Precision
from multimodal.predictors.vqa import VQAPredictor
from multimodal.saving import read_checkpoint


def load(
    path: str | Path, *, device: str | torch.device = "auto", precision: Precision = "float32"
) -> CaptionPredictor | VQAPredictor:
    """Open a checkpoint as the predictor of its task; it is read as data and never executed.

    Args:
        path: A ``.ckpt`` file that a run of ours wrote.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``, which is faster where the hardware has it.

    Returns:
        The predictor of the checkpoint's task: call a captioner with a picture or with many, an
        answerer with a picture and a question or several.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no checkpoint of ours, or of a task that has no predictor.
    """
    saved = read_checkpoint(Path(path))
    match saved.task:
        case "captioning":
            parts = rebuild(saved, str(path))
            return CaptionPredictor(*parts, device=device, precision=precision)
        case "vqa":
            return VQAPredictor.from_saved(saved, str(path), device=device, precision=precision)
    raise ValueError(
        f"{path} is a checkpoint of the task {saved.task!r}, and this version of multimodal "
        "has predictors for captioning and vqa only. Install a newer one."
    )
