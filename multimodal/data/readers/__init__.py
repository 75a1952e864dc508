"""Data sets as functions of `(root, split)`, one per accepted format.

Captions come as `list[CaptionExample]`, questions as `list[QuestionExample]`.
"""

from multimodal.data.readers.clevr import read_clevr
from multimodal.data.readers.coco import read_coco
from multimodal.data.readers.daquar import read_daquar
from multimodal.data.readers.easy_vqa import read_easy_vqa
from multimodal.data.readers.flickr8k import read_flickr8k
from multimodal.data.readers.karpathy import read_karpathy
from multimodal.data.readers.question_table import read_question_table
from multimodal.data.readers.splits import holdout
from multimodal.data.readers.table import read_table
from multimodal.data.readers.vqa import read_vqa

__all__ = [
    "holdout",
    "read_clevr",
    "read_coco",
    "read_daquar",
    "read_easy_vqa",
    "read_flickr8k",
    "read_karpathy",
    "read_question_table",
    "read_table",
    "read_vqa",
]
