"""The models of the page: each is opened once, or the reason why it is missing is kept."""

from collections.abc import Mapping
from typing import Any

import torch

from multimodal.loading import load
from multimodal.tasks import TASKS

_USES = {
    "captioning": "captions",
    "vqa": "questions about pictures",
    "sentiment": "texts",
    "classification": "labels of pictures",
}


class Models:
    """Predictors by task.

    Args:
        sources: A name, folder or checkpoint for each task; see `multimodal.load`.
        device: ``auto`` takes a GPU if there is one.

    Attributes:
        sources: The source of each task's model.
        problems: The reason why a task has no model, in a sentence.

    Example:
        >>> models = Models({"vqa": "nowhere.ckpt"})
        >>> models.problems["vqa"]
        "No model for questions about pictures: ...nowhere.ckpt..."
    """

    def __init__(self, sources: Mapping[str, str], device: str | torch.device = "auto") -> None:
        self.sources = dict(sources)
        self.problems: dict[str, str] = {}
        self._predictors: dict[str, Any] = {}
        for task, source in sources.items():
            try:
                predictor = load(source, device=device)
                if predictor.task != task:
                    raise ValueError(
                        f"{source} is a {type(predictor).__name__}, expected a "
                        f"{TASKS[task].predictor}. Name another one."
                    )
                self._predictors[task] = predictor
            except (ValueError, OSError) as error:
                self.problems[task] = f"No model for {_USES[task]}: {error}"

    def get(self, task: str) -> Any:
        """Return the predictor of a task.

        Raises:
            ValueError: If there is none, with the reason.
        """
        if task not in self._predictors:
            raise ValueError(self.problems.get(task, f"No model for {_USES[task]} was named."))
        return self._predictors[task]

    def picture_size(self, task: str) -> int | None:
        """Return the side of the pictures that a task's model receives, if it has a model."""
        return self.get(task).transform.settings.size if task in self._predictors else None
