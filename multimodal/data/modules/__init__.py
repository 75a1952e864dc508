"""Data modules, one per task: from a folder, or from nothing, to batches."""

from multimodal.data.modules.captioning import CaptionData
from multimodal.data.modules.classification import ClassificationData
from multimodal.data.modules.language_model import LanguageModelData
from multimodal.data.modules.sentiment import SentimentData
from multimodal.data.modules.sources import SceneCounts, SplitImages
from multimodal.data.modules.text_sources import ReviewCounts, TextSource
from multimodal.data.modules.vqa import Columns, VQAData

__all__ = [
    "CaptionData",
    "ClassificationData",
    "Columns",
    "LanguageModelData",
    "ReviewCounts",
    "SceneCounts",
    "SentimentData",
    "SplitImages",
    "TextSource",
    "VQAData",
]
