"""Settings and classes that had another name, so that an old configuration gets the new one."""

from typing import Final

_TASKS: Final = {
    "captioning": ("CaptioningTask", "CaptionData"),
    "vqa": ("VQATask", "VQAData"),
    "sentiment": ("SentimentTask", "SentimentData"),
    "classification": ("ClassificationTask", "ClassificationData"),
    "language_model": ("LanguageModelTask", "LanguageModelData"),
}
_REPORTS: Final = (
    ("answers", "vqa", "AnswersReport"),
    ("classes", "classification", "ClassesReport"),
    ("pictures", "captioning", "CaptionPictures"),
    ("verdicts", "sentiment", "VerdictsReport"),
)

CLASSES: Final[dict[str, str]] = {
    old: new
    for name, (task, data) in _TASKS.items()
    for old, new in (
        (f"multimodal.tasks.{name}.{task}", f"multimodal.{name}.task.{task}"),
        (f"multimodal.data.modules.{data}", f"multimodal.{name}.data.{data}"),
        (f"multimodal.data.modules.{name}.{data}", f"multimodal.{name}.data.{data}"),
    )
}
"""Old import paths of tasks and data modules, with the new ones."""

REPORTS: Final = frozenset(
    path
    for module, task, name in _REPORTS
    for path in (f"multimodal.training.{module}.{name}", f"multimodal.{task}.report.{name}")
)
"""Old callbacks that write reports. Each task now adds its own."""

_IMAGES: Final = {"images": "options.images", "scenes": "options"}
_KNOWN: Final = "nothing: a checkpoint's own are used where one is evaluated"
_WORDS: Final = {name: f"text.{name}" for name in ("min_count", "max_words")}
_VOCABULARY: Final = {"max_vocabulary": "text.max_vocabulary"}

KEYS: Final[dict[str, dict[str, str]]] = {
    "CaptionData": {
        **_IMAGES,
        **_WORDS,
        **_VOCABULARY,
        "image_column": "options.image_column",
        "caption_column": "options.caption_column",
        "captions_per_image": "text.captions_per_image",
        "buckets": "text.buckets",
        "tokens": _KNOWN,
    },
    "VQAData": {
        **_IMAGES,
        **_WORDS,
        "questions": "options.questions (vqa, clevr) or options.file (daquar, table)",
        "annotations": "options.annotations",
        "columns": "options.image_column, options.question_column and options.answer_column",
        "scene_questions": "options.questions",
        "questions_per_image": "text.questions_per_image",
        "min_answer_count": "answers.min_count",
        "max_answers": "answers.max_answers",
        "normalize_answers": "answers.normalize",
        "tokens": _KNOWN,
        "known_answers": _KNOWN,
    },
    "SentimentData": {
        **_WORDS,
        **_VOCABULARY,
        "file": "options.file",
        "columns": "options.columns",
        "reviews": "options",
        "classes": "options.classes",
        "phrases": "options.phrases",
        "keep": "text.keep",
        "buckets": "text.buckets",
        "tokens": _KNOWN,
        "own_words": "nothing: model.language_model does it",
        "known_labels": _KNOWN,
    },
    "ClassificationData": {
        **_IMAGES,
        "file": "options.file",
        "columns": "options.columns",
        "coarse": "options.coarse",
        "scene_label": "options.label",
        "image_size": "transform.size",
        "resize": "transform.resize",
        "crop_fraction": "transform.crop_fraction",
        "augmentation": "transform.augmentation",
        "mirrored": "transform.mirrored",
        "compute_mean": "transform.compute_mean",
        "memory": "transform.memory",
        "known_labels": _KNOWN,
        "known_mean": _KNOWN,
        "known_std": _KNOWN,
    },
    "LanguageModelData": {"min_count": "text.min_count", **_VOCABULARY, "tokens": _KNOWN},
    "TextSource": {
        "file": "options.file",
        "columns": "options.columns",
        "target": "nothing: a language model reads no labels",
        "classes": "options.classes",
        "phrases": "options.phrases",
        "unlabelled": "options.unlabelled",
        "reviews": "options",
    },
}
"""Old settings of each data module, with what replaces them."""
