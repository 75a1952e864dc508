"""Data sets as functions: `(root, split) -> list[CaptionExample]`, one per accepted format."""

from multimodal.data.readers.coco import read_coco
from multimodal.data.readers.flickr8k import read_flickr8k
from multimodal.data.readers.karpathy import read_karpathy
from multimodal.data.readers.splits import holdout
from multimodal.data.readers.table import read_table

__all__ = ["holdout", "read_coco", "read_flickr8k", "read_karpathy", "read_table"]
