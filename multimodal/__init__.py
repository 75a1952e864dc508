"""A CNN looks, an LSTM reads and writes.

Image captioning, visual question answering, sentiment analysis and image classification, each with
its training, metrics and inference. The public names are imported when first used, so that
``import multimodal`` needs a few milliseconds and no torch.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from multimodal.tasks import public_names

if TYPE_CHECKING:
    from multimodal.attribution.explanation import Explanation, explain
    from multimodal.captioning.predictor import CaptionPredictor
    from multimodal.captioning.result import Caption
    from multimodal.classification.predictor import ClassificationPredictor
    from multimodal.classification.result import Classification, Ranked
    from multimodal.language_model.predictor import Writer
    from multimodal.language_model.result import Passage
    from multimodal.loading import load
    from multimodal.sentiment.predictor import SentimentPredictor
    from multimodal.sentiment.result import Sentiment
    from multimodal.vqa.predictor import VQAPredictor
    from multimodal.vqa.result import Answer

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
    "load": "multimodal.loading",
    "explain": "multimodal.attribution.explanation",
    "Explanation": "multimodal.attribution.explanation",
} | public_names()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'multimodal' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOMES})
