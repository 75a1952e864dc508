"""Scores of captions, answers and classes: a function and a torchmetrics class in one file each.

The names are imported when first used, so that what needs one function loads no torchmetrics.
"""

from importlib import import_module
from typing import Any, Final

_NAMES: Final = {
    "answer_results": (
        "Annotation",
        "AnswerReport",
        "read_annotations",
        "read_answers",
        "score_answers",
    ),
    "bleu": (
        "BleuScore",
        "bleu",
        "bleu_per_image",
    ),
    "captions": (
        "CaptionScores",
        "caption_scores",
    ),
    "cider": (
        "CiderD",
        "CiderDScore",
        "cider_d",
    ),
    "classification": (
        "CalibrationBin",
        "ClassRow",
        "ClassificationScores",
        "calibration_bins",
        "calibration_error",
        "class_rows",
        "confusion_matrix",
        "macro_f1",
    ),
    "meteor": (
        "MeteorScore",
        "meteor",
        "meteor_per_image",
        "wordnet_is_there",
    ),
    "results": (
        "read_references",
        "read_results",
        "score_results",
    ),
    "rouge": (
        "RougeLScore",
        "rouge_l",
        "rouge_l_per_image",
    ),
    "truth": ("CaptionTruth",),
    "vqa_accuracy": (
        "QuestionScore",
        "TypeScore",
        "VQAScores",
        "mean_scores",
        "mean_wups",
        "question_scores",
        "scores_by_type",
        "vqa_accuracy",
    ),
    "wups": (
        "answer_items",
        "wups",
    ),
}
_FILES: Final = {name: file for file, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module 'multimodal.metrics' has no attribute {name!r}")
    return getattr(import_module(f"multimodal.metrics.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_FILES)
