"""The tasks of the command line: one row each, for all that depends on which task it is.

A configuration names its task by class. A class that has no row here, such as a LightningModule of
one's own, is trained and evaluated as Lightning does it, without what the rows add.
"""

from dataclasses import dataclass, field
from pydoc import locate
from typing import Any, Protocol, runtime_checkable

from jsonargparse import Namespace
from lightning.pytorch import LightningDataModule, LightningModule

from multimodal.captioning.data import CaptionData
from multimodal.captioning.model import CaptionerSettings
from multimodal.captioning.task import CaptioningTask
from multimodal.classification.data import ClassificationData
from multimodal.classification.model import ClassifierSettings
from multimodal.classification.task import ClassificationTask
from multimodal.language_model.data import LanguageModelData
from multimodal.language_model.model import LanguageModelSettings
from multimodal.language_model.task import LanguageModelTask
from multimodal.saving.checkpoint import SavedModel
from multimodal.sentiment.data import SentimentData
from multimodal.sentiment.model import SentimentSettings
from multimodal.sentiment.task import SentimentTask
from multimodal.vqa.data import VQAData
from multimodal.vqa.model import AnswererSettings
from multimodal.vqa.task import VQATask


@runtime_checkable
class Settings(Protocol):
    """A network's settings: what a task's dataclass of them must have."""

    @classmethod
    def for_loading(cls, values: dict[str, Any]) -> "Settings":
        """Rebuild them for saved weights."""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types only."""


@dataclass(frozen=True)
class TaskRow:
    """What the command line must know of a task.

    Args:
        name: The task's name in its checkpoints.
        task: Its LightningModule.
        data: Its data module.
        settings: Its network's settings.
        usage: The command that uses a checkpoint, with what it is for.
        kept: Arguments of the data module that a checkpoint fills beside ``tokens`` and
            ``transform``, with the names under which its ``extra`` keeps them; a dot leads into
            one of its dictionaries, among which is the ``transform``.
    """

    name: str
    task: type[LightningModule]
    data: type[LightningDataModule]
    settings: type[Settings]
    usage: str
    kept: dict[str, str] = field(default_factory=dict)

    def adopt(self, config: Namespace, saved: SavedModel) -> None:
        """Give a configuration the network, vocabulary and transform of what it evaluates.

        Args:
            config: The configuration of a verb; changed in place. A data module of one's own gets
                what it has arguments for.
            saved: The checkpoint.
        """
        settings = self.settings.for_loading(saved.settings).to_dict()
        config.model.init_args.settings = _namespace(settings)
        held = {**saved.extra, "transform": saved.transform}
        extra = {argument: _kept(held, name) for argument, name in self.kept.items()}
        arguments = {"tokens": saved.vocabulary, "transform": saved.transform, **extra}
        for argument, value in arguments.items():
            if argument in config.data.get("init_args", {}):
                config.data.init_args[argument] = value


TASKS = (
    TaskRow(
        name="captioning",
        task=CaptioningTask,
        data=CaptionData,
        settings=CaptionerSettings,
        usage="caption images: multimodal caption {path} IMAGE...",
    ),
    TaskRow(
        name="vqa",
        task=VQATask,
        data=VQAData,
        settings=AnswererSettings,
        usage="ask: multimodal ask {path} IMAGE QUESTION...",
        kept={"known_answers": "answers"},
    ),
    TaskRow(
        name="sentiment",
        task=SentimentTask,
        data=SentimentData,
        settings=SentimentSettings,
        usage="judge texts: multimodal sentiment {path} TEXT...",
        kept={
            "known_labels": "labels",
            "target": "target",
            "max_words": "excerpt.max_words",
            "keep": "excerpt.keep",
        },
    ),
    TaskRow(
        name="classification",
        task=ClassificationTask,
        data=ClassificationData,
        settings=ClassifierSettings,
        usage="classify images: multimodal classify {path} IMAGE...",
        kept={
            "known_labels": "labels",
            "known_mean": "mean",
            "image_size": "transform.size",
            "resize": "transform.resize",
            "crop_fraction": "transform.crop_fraction",
        },
    ),
    TaskRow(
        name="language_model",
        task=LanguageModelTask,
        data=LanguageModelData,
        settings=LanguageModelSettings,
        usage="write: multimodal write {path} PROMPT",
        kept={"level": "level", "keep_lines": "keep_lines"},
    ),
)

# Arguments of data modules that may have as many entries as a language has words.
_LISTS = ("tokens", "known_answers", "known_labels")
# What makes a classifier's recurrent layers the same network as a language model's.
_SHARED = ("cell", "directions", "num_layers", "embedding_dim", "hidden_dim", "last_dim")


def row_of(class_path: str) -> TaskRow | None:
    """Find the row of a task's class.

    Args:
        class_path: What a configuration names, which the parser has imported by now.

    Returns:
        The row of it or of the class it extends; None for a LightningModule of one's own.

    Example:
        >>> row_of("multimodal.captioning.task.CaptioningTask").name
        'captioning'
        >>> row_of("lightning.pytorch.LightningModule") is None
        True
    """
    named = locate(class_path)
    rows = (row for row in TASKS if isinstance(named, type) and issubclass(named, row.task))
    return next(rows, None)


def adopt_language_model(config: Namespace, saved: SavedModel) -> None:
    """Give a classifier's configuration the layers and the words of a language model.

    Words of the training texts that the language model does not know are added to them.

    Args:
        config: The configuration of a verb; changed in place. Dropout stays as it is.
        saved: The language model's checkpoint.
    """
    reader = saved.settings.get("reader", {})
    for name in _SHARED:
        if name in reader:
            config.model.init_args.settings.reader[name] = reader[name]
    data = config.data.get("init_args", {})
    if "tokens" in data and "own_words" in data:
        data.tokens, data.own_words = saved.vocabulary, True


def take_lists(config: Namespace) -> dict[str, list[str]]:
    """Take the long lists out of a configuration, to be given to the data module itself.

    The parser copies every list for each of its entries, so that a vocabulary of tens of thousands
    of words keeps it busy for many minutes. The configuration that a run saves stays short, too.

    Args:
        config: The configuration of a verb; changed in place. Of a data module of one's own
            nothing is taken.

    Returns:
        The lists, by the names of the data module's arguments and attributes.
    """
    named = locate(config.data.get("class_path", ""))
    if not any(isinstance(named, type) and issubclass(named, row.data) for row in TASKS):
        return {}
    arguments = config.data.init_args
    names = [name for name in _LISTS if isinstance(arguments.get(name), list)]
    lists = {name: arguments[name] for name in names}
    for name in names:
        arguments[name] = None
    return lists


def _kept(extra: dict[str, Any], name: str) -> Any:
    outer, _, inner = name.partition(".")
    value = extra.get(outer)
    return value.get(inner) if inner and isinstance(value, dict) else value


def _namespace(values: dict[str, Any]) -> Namespace:
    parts = {k: _namespace(v) if isinstance(v, dict) else v for k, v in values.items()}
    return Namespace(**parts)  # type: ignore[no-untyped-call]  # it brings no types
