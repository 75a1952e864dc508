"""Scores of captions, answers and classes: a function and a torchmetrics class in one file each."""

from multimodal.metrics.answer_results import (
    Annotation,
    AnswerReport,
    read_annotations,
    read_answers,
    score_answers,
)
from multimodal.metrics.bleu import BleuScore, bleu, bleu_per_image
from multimodal.metrics.captions import CaptionScores, caption_scores
from multimodal.metrics.cider import CiderD, CiderDScore, cider_d
from multimodal.metrics.classification import (
    CalibrationBin,
    ClassificationScores,
    ClassRow,
    calibration_bins,
    calibration_error,
    class_rows,
    confusion_matrix,
    macro_f1,
)
from multimodal.metrics.meteor import MeteorScore, meteor, meteor_per_image, wordnet_is_there
from multimodal.metrics.results import read_references, read_results, score_results
from multimodal.metrics.rouge import RougeLScore, rouge_l, rouge_l_per_image
from multimodal.metrics.truth import CaptionTruth
from multimodal.metrics.vqa_accuracy import (
    QuestionScore,
    TypeScore,
    VQAScores,
    mean_scores,
    mean_wups,
    question_scores,
    scores_by_type,
    vqa_accuracy,
)
from multimodal.metrics.wups import answer_items, wups

__all__ = [
    "Annotation",
    "AnswerReport",
    "BleuScore",
    "CalibrationBin",
    "CaptionScores",
    "CaptionTruth",
    "CiderD",
    "CiderDScore",
    "ClassRow",
    "ClassificationScores",
    "MeteorScore",
    "QuestionScore",
    "RougeLScore",
    "TypeScore",
    "VQAScores",
    "answer_items",
    "bleu",
    "bleu_per_image",
    "calibration_bins",
    "calibration_error",
    "caption_scores",
    "cider_d",
    "class_rows",
    "confusion_matrix",
    "macro_f1",
    "mean_scores",
    "mean_wups",
    "meteor",
    "meteor_per_image",
    "question_scores",
    "read_annotations",
    "read_answers",
    "read_references",
    "read_results",
    "rouge_l",
    "rouge_l_per_image",
    "score_answers",
    "score_results",
    "scores_by_type",
    "vqa_accuracy",
    "wordnet_is_there",
    "wups",
]
