"""The evidence for an answer: its log-odds, from the picture and from the words of the question."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from multimodal.attribution.baselines import mean_word
from multimodal.attribution.evidence import (
    Evidence,
    PictureScores,
    WordScores,
    input_pixels,
    log_odds_of,
)
from multimodal.attribution.scores import log_odds
from multimodal.data.batches import collate_questions
from multimodal.inference.inputs import Picture
from multimodal.text import tokenize

if TYPE_CHECKING:
    from multimodal.vqa.predictor import VQAPredictor


def answer_evidence(predictor: "VQAPredictor", picture: Picture, question: str = "") -> Evidence:
    """Answer a question about a picture, and score the answer."""
    if not question:
        raise ValueError("This model answers questions. Give one with the picture.")
    answer = predictor(picture, question)
    model = predictor.model
    ids = predictor.vocabulary.encode(tokenize(question))
    tokens, mask = (part.to(predictor.device) for part in collate_questions([ids]))
    column = predictor.answers.to_list().index(answer.answer)

    def score(logits: Tensor) -> Tensor:
        if predictor.loss == "soft":  # a sigmoid for each answer: its logit is its log-odds
            return logits[:, column]
        return log_odds(logits, torch.full((len(logits),), column, device=logits.device))

    def score_maps(maps: Tensor) -> Tensor:
        index = torch.arange(len(maps), device=maps.device)
        features = maps.flatten(2).transpose(1, 2)  # (rows, regions, feature)
        logits, _ = model(features, tokens, mask, index, torch.zeros_like(index))
        return score(logits).unsqueeze(1)

    encode, image = (
        model.encoder.feature_map,
        input_pixels(picture, predictor.transform, predictor.device),
    )
    with torch.no_grad():
        features = encode(image).flatten(2).transpose(1, 2)
        vectors = model.questions.embedding(tokens)

    def score_words(vectors: Tensor) -> Tensor:
        index = torch.arange(len(vectors), device=vectors.device)
        questions = model.questions.encode(vectors, mask.expand(len(vectors), -1))
        return score(model.score(features, questions, torch.zeros_like(index), index)[0])

    return Evidence(
        task="vqa",
        prediction=answer.answer,
        unit=log_odds_of(answer.answer),
        picture=PictureScores(image, encode, score_maps, lambda pixels: score_maps(encode(pixels))),
        text=WordScores(vectors, score_words, mean_word(model.questions.embedding)),
        words=tuple(tokenize(question)),
        ranked=tuple((each.answer, each.probability) for each in answer.ranked),
        question=question,
        image=predictor.seen(picture),
    )
