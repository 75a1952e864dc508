"""The models of the page: each is opened once, or it is said why it is not there."""

from collections.abc import Mapping
from typing import TypeVar

import torch

from multimodal.captioning.predictor import CaptionPredictor
from multimodal.classification.predictor import ClassificationPredictor
from multimodal.loading import load
from multimodal.sentiment.predictor import SentimentPredictor
from multimodal.vqa.predictor import VQAPredictor

Kind = TypeVar("Kind")

_KINDS = {
    "captioning": CaptionPredictor,
    "vqa": VQAPredictor,
    "sentiment": SentimentPredictor,
    "classification": ClassificationPredictor,
}


class Models:
    """Predictors by task.

    Args:
        sources: A name, folder or checkpoint for each task; see `multimodal.load`.
        device: ``auto`` takes a GPU if there is one.

    Attributes:
        sources: What was named for each task.
        problems: Why a task has no model, in a sentence.

    Example:
        >>> models = Models({"vqa": "nowhere.ckpt"})
        >>> models.problems["vqa"]
        "No model for questions about pictures: ...nowhere.ckpt..."
    """

    def __init__(self, sources: Mapping[str, str], device: str | torch.device = "auto") -> None:
        self.sources = dict(sources)
        self.problems: dict[str, str] = {}
        self._found: dict[str, object] = {}
        for task, source in sources.items():
            try:
                found = load(source, device=device)
            except (ValueError, OSError) as error:
                self.problems[task] = f"No model for {_USES[task]}: {error}"
                continue
            if isinstance(found, _KINDS[task]):
                self._found[task] = found
            else:
                self.problems[task] = (
                    f"No model for {_USES[task]}: {source} is a {type(found).__name__}, expected "
                    f"a {_KINDS[task].__name__}. Name another one."
                )

    def get(self, task: str, kind: type[Kind]) -> Kind:
        """Return the predictor of a task.

        Args:
            task: ``captioning``, ``vqa``, ``sentiment`` or ``classification``.
            kind: Its class.

        Returns:
            The predictor.

        Raises:
            ValueError: If there is none; the sentence says why.
        """
        found = self._found.get(task)
        if not isinstance(found, kind):
            raise ValueError(self.problems.get(task, f"No model for {_USES[task]} was named."))
        return found

    def picture_size(self, task: str) -> int | None:
        """Return the side of the pictures that a task's model sees, if there is one."""
        found = self._found.get(task)
        if isinstance(found, CaptionPredictor | VQAPredictor | ClassificationPredictor):
            return found.transform.settings.size
        return None


_USES = {
    "captioning": "captions",
    "vqa": "questions about pictures",
    "sentiment": "texts",
    "classification": "what pictures show",
}
