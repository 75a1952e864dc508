"""Data sets as functions of `(root, split)`, one per accepted format.

Captions come as `list[CaptionExample]`, questions as `list[QuestionExample]`, texts as
`list[TextExample]`, labelled pictures as `list[ImageExample]`, or where they are small and many as
a `PixelSet`.
"""

from multimodal.data.readers.cifar import read_cifar10, read_cifar100
from multimodal.data.readers.clevr import read_clevr
from multimodal.data.readers.coco import read_coco
from multimodal.data.readers.daquar import read_daquar
from multimodal.data.readers.digits import read_digits
from multimodal.data.readers.easy_vqa import read_easy_vqa
from multimodal.data.readers.flickr8k import read_flickr8k
from multimodal.data.readers.idx import read_fashion_mnist, read_mnist
from multimodal.data.readers.image_folder import read_image_folder
from multimodal.data.readers.image_splits import fold_images, holdout_classes
from multimodal.data.readers.image_table import read_image_table
from multimodal.data.readers.imdb import read_imdb
from multimodal.data.readers.karpathy import read_karpathy
from multimodal.data.readers.nltk_corpora import (
    read_movie_reviews,
    read_sentence_polarity,
    read_subjectivity,
)
from multimodal.data.readers.plain_text import read_plain_text
from multimodal.data.readers.question_table import read_question_table
from multimodal.data.readers.scene_labels import read_scenes
from multimodal.data.readers.splits import holdout
from multimodal.data.readers.sst import read_sst
from multimodal.data.readers.table import read_table
from multimodal.data.readers.text_splits import fold_texts, holdout_texts
from multimodal.data.readers.text_table import read_text_table
from multimodal.data.readers.vqa import read_vqa

__all__ = [
    "fold_images",
    "fold_texts",
    "holdout",
    "holdout_classes",
    "holdout_texts",
    "read_cifar10",
    "read_cifar100",
    "read_clevr",
    "read_coco",
    "read_daquar",
    "read_digits",
    "read_easy_vqa",
    "read_fashion_mnist",
    "read_flickr8k",
    "read_image_folder",
    "read_image_table",
    "read_imdb",
    "read_karpathy",
    "read_mnist",
    "read_movie_reviews",
    "read_plain_text",
    "read_question_table",
    "read_scenes",
    "read_sentence_polarity",
    "read_sst",
    "read_subjectivity",
    "read_table",
    "read_text_table",
    "read_vqa",
]
