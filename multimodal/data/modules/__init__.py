"""Data modules, one per task: from a folder, or from nothing, to batches."""

from multimodal.data.modules.captioning import CaptionData
from multimodal.data.modules.sources import SceneCounts, SplitImages

__all__ = ["CaptionData", "SceneCounts", "SplitImages"]
