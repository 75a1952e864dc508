"""The evidence for a caption: the log-probability of each of its words after those before it."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from multimodal.attribution.evidence import Evidence, PictureScores, input_pixels, refuse_question
from multimodal.inference.inputs import Picture
from multimodal.text import BOS_ID

if TYPE_CHECKING:
    from multimodal.captioning.predictor import CaptionPredictor


def caption_evidence(
    predictor: "CaptionPredictor", picture: Picture, question: str = ""
) -> Evidence:
    """Caption a picture, and score the words of the caption."""
    refuse_question(question)
    caption = predictor(picture, n_best=1)
    if not caption.tokens:
        raise ValueError("The model wrote no word, so that there is nothing to explain.")
    model = predictor.model
    words = torch.tensor(predictor.vocabulary.encode(caption.tokens), device=predictor.device)
    inputs = torch.cat([words.new_tensor([BOS_ID]), words[:-1]])  # (time,)

    def score_maps(maps: Tensor) -> Tensor:
        rows, time = len(maps), len(words)
        features = maps.flatten(2).transpose(1, 2)  # (rows, regions, feature)
        tokens = inputs.expand(rows, 1, time)
        logits, _ = model(features, tokens, torch.ones_like(tokens, dtype=torch.bool))
        log_probs = logits.log_softmax(dim=-1).unflatten(0, (rows, time))
        scores: Tensor = log_probs.gather(2, words.expand(rows, time).unsqueeze(2)).squeeze(2)
        return scores  # (rows, time)

    encode = model.encoder.feature_map
    scores = PictureScores(
        input_pixels(picture, predictor.transform, predictor.device),
        encode,
        score_maps,
        lambda pixels: score_maps(encode(pixels)),
        outputs=len(words),
    )
    return Evidence(
        task="captioning",
        prediction=caption.text,
        unit="the log-probability of each word",
        picture=scores,
        words=caption.tokens,
        image=predictor.seen(picture),
    )
