"""Scores of captions, each a pure function and a torchmetrics class in one file."""

from multimodal.metrics.bleu import BleuScore, bleu, bleu_per_image
from multimodal.metrics.captions import CaptionScores, caption_scores
from multimodal.metrics.cider import CiderD, CiderDScore, cider_d
from multimodal.metrics.meteor import MeteorScore, meteor, meteor_per_image, wordnet_is_there
from multimodal.metrics.results import read_references, read_results, score_results
from multimodal.metrics.rouge import RougeLScore, rouge_l, rouge_l_per_image
from multimodal.metrics.truth import CaptionTruth

__all__ = [
    "BleuScore",
    "CaptionScores",
    "CaptionTruth",
    "CiderD",
    "CiderDScore",
    "MeteorScore",
    "RougeLScore",
    "bleu",
    "bleu_per_image",
    "caption_scores",
    "cider_d",
    "meteor",
    "meteor_per_image",
    "read_references",
    "read_results",
    "rouge_l",
    "rouge_l_per_image",
    "score_results",
    "wordnet_is_there",
]
