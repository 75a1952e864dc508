"""Open any trained model, by name or by path, as the predictor of its task.

A saved model names its task; only that task's classes are imported.
"""

from pathlib import Path
from typing import Any

import torch

from multimodal.inference.devices import Precision
from multimodal.inference.predictor import Predictor
from multimodal.saving import read_model
from multimodal.saving.checkpoint import SavedModel
from multimodal.tasks import TASKS


def load(
    path: str | Path, *, device: str | torch.device = "auto", precision: Precision = "float32"
) -> Predictor[Any, Any, Any]:
    """Open a trained model as the predictor of its task; it is read as data and never executed.

    Args:
        path: The name of a model that ships with the package, such as ``captioning-scenes``; a
            folder that ``multimodal export`` wrote; or a ``.ckpt`` file of a training run.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``, which is faster where the hardware has it.

    Returns:
        A function of pictures (captioning, classification), of a picture and questions (VQA), of
        texts (sentiment) or of prompts (language models); one input or many.

    Raises:
        FileNotFoundError: If there is no such file, folder or name; close names are offered.
        TypeError: If it is neither a string nor a path.
        ValueError: If it is not such a model, is damaged, or its task has no predictor.
    """
    return from_saved(read_model(path), str(path), device=device, precision=precision)


def from_saved(
    saved: SavedModel,
    source: str,
    *,
    device: str | torch.device = "auto",
    precision: Precision = "float32",
) -> Predictor[Any, Any, Any]:
    """Make the predictor of a model that `multimodal.saving.read_model` returned.

    Args:
        saved: The model.
        source: Its name in error messages.
        device, precision: As for `load`.

    Raises:
        ValueError: If the model's parts do not fit each other, or its task has no predictor.
    """
    if saved.task not in TASKS:
        raise ValueError(
            f"{source} is a checkpoint of the task {saved.task!r}, and this version of multimodal "
            "has no predictor for it. Install a newer one."
        )
    predictor: type[Predictor[Any, Any, Any]] = TASKS[saved.task].load("predictor")
    return predictor.from_saved(saved, source, device=device, precision=precision)
