"""The table of tasks: one row each, with everything that depends on the task.

A row holds names only, so that reading the table imports no torch; `Task.load` imports a class.
"""

from importlib import import_module
from typing import Any, Final, Literal, NamedTuple

InputKind = Literal["images", "images and questions", "texts", "prompts"]
Part = Literal["module", "data", "settings", "predictor", "options"]

_FILES: Final[dict[Part, str]] = {
    "module": "task",
    "data": "data",
    "settings": "model",
    "predictor": "predictor",
    "options": "options",
}


class Task(NamedTuple):
    """A task: a folder of the package, and the names of its classes.

    Args:
        name: The task's name in checkpoints, and its folder in the package.
        verb: The command that uses a trained model.
        inputs: The inputs of a trained model.
        usage: Description and call of the command, with ``{path}`` for the model.
        run: The name of a training run, in "a checkpoint of ...".
        shipped: Name of the model that ships with the package; empty if there is none.
        module: Name of its LightningModule, in the folder's ``task.py``.
        data: Name of its LightningDataModule, in ``data.py``.
        settings: Name of the model's settings, in ``model.py``.
        predictor: Name of its predictor, in ``predictor.py``.
        options: Name of the predictor's options, in ``options.py``, which imports no torch.
        results: Names of its results, in ``result.py``; the predictor's own first.
    """

    name: str
    verb: str
    inputs: InputKind
    usage: str
    run: str
    shipped: str
    module: str
    data: str
    settings: str
    predictor: str
    options: str
    results: tuple[str, ...]

    def load(self, part: Part) -> Any:
        """Import one of the task's classes.

        Example:
            >>> TASKS["captioning"].load("settings").__name__
            'CaptionerSettings'
        """
        module = import_module(f"multimodal.{self.name}.{_FILES[part]}")
        return getattr(module, getattr(self, part))


_ROWS = (
    Task(
        name="captioning",
        verb="caption",
        inputs="images",
        usage="write captions for images: multimodal caption {path} IMAGE...",
        run="a captioning run",
        shipped="captioning-scenes",
        module="CaptioningTask",
        data="CaptionData",
        settings="CaptionerSettings",
        predictor="CaptionPredictor",
        options="CaptionOptions",
        results=("Caption",),
    ),
    Task(
        name="vqa",
        verb="ask",
        inputs="images and questions",
        usage="answer questions about images: multimodal ask {path} IMAGE QUESTION...",
        run="a run of visual question answering",
        shipped="vqa-scenes",
        module="VQATask",
        data="VQAData",
        settings="AnswererSettings",
        predictor="VQAPredictor",
        options="AnswerOptions",
        results=("Answer",),
    ),
    Task(
        name="sentiment",
        verb="sentiment",
        inputs="texts",
        usage="classify texts: multimodal sentiment {path} TEXT...",
        run="a sentiment run",
        shipped="sentiment-reviews",
        module="SentimentTask",
        data="SentimentData",
        settings="SentimentSettings",
        predictor="SentimentPredictor",
        options="SentimentOptions",
        results=("Sentiment",),
    ),
    Task(
        name="classification",
        verb="classify",
        inputs="images",
        usage="classify images: multimodal classify {path} IMAGE...",
        run="a run of image classification",
        shipped="classification-digits",
        module="ClassificationTask",
        data="ClassificationData",
        settings="ClassifierSettings",
        predictor="ClassificationPredictor",
        options="ClassificationOptions",
        results=("Classification", "Ranked"),
    ),
    Task(
        name="language_model",
        verb="write",
        inputs="prompts",
        usage="continue a text: multimodal write {path} PROMPT",
        run="a run of a language model",
        shipped="",
        module="LanguageModelTask",
        data="LanguageModelData",
        settings="LanguageModelSettings",
        predictor="Writer",
        options="WritingOptions",
        results=("Passage",),
    ),
)

TASKS: Final[dict[str, Task]] = {row.name: row for row in _ROWS}


def public_names() -> dict[str, str]:
    """Return the public predictors and results of all tasks, each with its module.

    Example:
        >>> public_names()["Caption"]
        'multimodal.captioning.result'
    """
    names = {row.predictor: f"multimodal.{row.name}.predictor" for row in _ROWS}
    return names | {name: f"multimodal.{row.name}.result" for row in _ROWS for name in row.results}
