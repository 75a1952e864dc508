"""A CNN looks, an LSTM reads and writes.

Image captioning, visual question answering, sentiment analysis and image classification, each with
its training, metrics and inference. The public names are imported when first used, so that
``import multimodal`` needs a few milliseconds and no torch.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multimodal.predictors import load
    from multimodal.predictors.captioning import CaptionPredictor
    from multimodal.predictors.classification import ClassificationPredictor
    from multimodal.predictors.explaining import Explanation, explain
    from multimodal.predictors.results import (
        Answer,
        Caption,
        Classification,
        Passage,
        Ranked,
        Sentiment,
    )
    from multimodal.predictors.sentiment import SentimentPredictor
    from multimodal.predictors.vqa import VQAPredictor
    from multimodal.predictors.writing import Writer

try:
    __version__ = version("multimodal-lstm")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [
    "Answer",
    "Caption",
    "CaptionPredictor",
    "Classification",
    "ClassificationPredictor",
    "Explanation",
    "Passage",
    "Ranked",
    "Sentiment",
    "SentimentPredictor",
    "VQAPredictor",
    "Writer",
    "__version__",
    "explain",
    "load",
]

_HOMES = {
    "load": "multimodal.predictors",
    "explain": "multimodal.predictors.explaining",
    "Explanation": "multimodal.predictors.explaining",
    "Caption": "multimodal.predictors.results",
    "CaptionPredictor": "multimodal.predictors.captioning",
    "Answer": "multimodal.predictors.results",
    "VQAPredictor": "multimodal.predictors.vqa",
    "Sentiment": "multimodal.predictors.results",
    "SentimentPredictor": "multimodal.predictors.sentiment",
    "Passage": "multimodal.predictors.results",
    "Ranked": "multimodal.predictors.results",
    "Writer": "multimodal.predictors.writing",
    "Classification": "multimodal.predictors.results",
    "ClassificationPredictor": "multimodal.predictors.classification",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'multimodal' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
