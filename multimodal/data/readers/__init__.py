"""Data sets as functions of `(root, split)`, one per accepted format.

Captions: COCO, Karpathy's splits, Flickr8k, a table. Questions: VQA, CLEVR, DAQUAR, easy-VQA, a
table. Labelled pictures: class folders, a table, the built-in scenes; and in memory as a `PixelSet`
CIFAR, MNIST, Fashion-MNIST, digits. Texts: SST, IMDB, NLTK's corpora, a table, plain text. A reader
returns `list[CaptionExample]`, `list[QuestionExample]`, `list[ImageExample]` or
`list[TextExample]`.

Every reader raises `FileNotFoundError` if a folder, a file or pictures are missing, with a message
that tells what to put there; and `ValueError` with file and line or key if a split or a file is
wrong. With `skip_missing`, missing pictures are left out with a warning instead. `images` names
another folder or archive of the pictures, relative to the root.
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
from multimodal.data.readers.imdb import read_imdb
from multimodal.data.readers.karpathy import read_karpathy
from multimodal.data.readers.nltk_corpora import (
    read_movie_reviews,
    read_sentence_polarity,
    read_subjectivity,
)
from multimodal.data.readers.plain_text import read_plain_text
from multimodal.data.readers.reviews import read_reviews
from multimodal.data.readers.scenes import (
    read_scene_captions,
    read_scene_labels,
    read_scene_questions,
)
from multimodal.data.readers.splits import holdout, take_fold
from multimodal.data.readers.sst import read_sst
from multimodal.data.readers.table import (
    read_image_table,
    read_question_table,
    read_table,
    read_text_table,
)
from multimodal.data.readers.vqa import read_vqa

__all__ = [
    "holdout",
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
    "read_reviews",
    "read_scene_captions",
    "read_scene_labels",
    "read_scene_questions",
    "read_sentence_polarity",
    "read_sst",
    "read_subjectivity",
    "read_table",
    "read_text_table",
    "read_vqa",
    "take_fold",
]
