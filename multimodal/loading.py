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
            folder that ``multimodal export`` wrote; or a ``.ckpt`` file that a run of ours wrote.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``, which is faster where the hardware has it.

    Returns:
        The predictor of the model's task: call a captioner or a classifier with one picture or
        many, an answerer with a picture and one question or many, a sentiment classifier with one
        text or many, and the writer of a language model with a prompt.

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
) -> Predictor[Any, Any, Any]:
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
    if saved.task not in TASKS:
        raise ValueError(
            f"{source} is a checkpoint of the task {saved.task!r}, and this version of multimodal "
            "has no predictor for it. Install a newer one."
        )
    predictor: type[Predictor[Any, Any, Any]] = TASKS[saved.task].load("predictor")
    return predictor.from_saved(saved, source, device=device, precision=precision)
