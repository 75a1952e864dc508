"""The evidence for a class: the log-odds of its label; for a count its logarithm; or the number."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from multimodal.attribution.evidence import (
    Evidence,
    PictureScores,
    input_pixels,
    log_odds_of,
    refuse_question,
)
from multimodal.attribution.scores import log_odds
from multimodal.classification.grey import luma
from multimodal.inference.inputs import Picture

if TYPE_CHECKING:
    from multimodal.classification.predictor import ClassificationPredictor

_UNITS = {"count": "the logarithm of the count", "number": "the number"}


def class_evidence(
    predictor: "ClassificationPredictor", picture: Picture, question: str = ""
) -> Evidence:
    """Classify a picture, and score the best label, the count or the number."""
    refuse_question(question)
    result = predictor(picture)
    model = predictor.model
    column = predictor.labels.index(result.label) if predictor.labels else 0

    def score(outputs: Tensor) -> Tensor:
        if predictor.target == "label":
            chosen = torch.full((len(outputs),), column, device=outputs.device)
            return log_odds(outputs, chosen).unsqueeze(1)
        scale = predictor.scale if predictor.target == "number" else 1.0
        return scale * outputs[:, column : column + 1]

    def as_trained(pixels: Tensor) -> Tensor:
        return pixels if model.channels == 3 else luma(pixels)

    scores = PictureScores(
        input_pixels(picture, predictor.transform, predictor.device),
        lambda pixels: model.feature_map(as_trained(pixels)),
        lambda maps: score(model.classify(maps)),
        lambda pixels: score(model(as_trained(pixels))),  # with the mirror image, if it uses it
    )
    return Evidence(
        task="classification",
        prediction=result.label or str(result),
        unit=_UNITS.get(predictor.target) or log_odds_of(result.label),
        picture=scores,
        ranked=tuple((each.label, each.probability) for each in result.top),
        image=predictor.seen(picture),
    )
