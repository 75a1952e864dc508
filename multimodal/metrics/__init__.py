"""Scores of captions, answers and classes: pure functions, and torchmetrics classes over them.

The names are imported when they are first used, so that a function alone loads no torchmetrics.
"""

from importlib import import_module
from typing import Any, Final

_MODULES: Final[dict[str, tuple[str, ...]]] = {
    "bleu": ("bleu", "bleu_per_image"),
    "captions": ("CaptionScores", "caption_scores"),
    "cider": ("CiderD", "cider_d"),
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
    "meteor": ("meteor", "meteor_per_image", "wordnet_is_there"),
    "regression": ("CountScores", "RegressionScores"),
    "rouge": ("rouge_l", "rouge_l_per_image"),
    "several_labels": ("SeveralLabelsScores", "average_precision"),
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
    "wups": ("answer_items", "wups"),
}
_MODULE_OF: Final = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'multimodal.metrics' has no attribute {name!r}")
    return getattr(import_module(f"multimodal.metrics.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_MODULE_OF)
