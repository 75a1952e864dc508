"""What predictors say, as score functions of pixels, of an encoder's maps and of word vectors.

The methods of `multimodal.explain` explain such functions. What is explained of a label or an
answer are its log-odds, against all others together; of each word of a caption its
log-probability after the words before it; of a number the number. All is computed in single
precision.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from multimodal.captioning.predictor import CaptionPredictor
from multimodal.classification.predictor import ClassificationPredictor
from multimodal.data.batches import collate_questions
from multimodal.explain.contributions import average_word, log_odds
from multimodal.inference.inputs import Picture, open_picture
from multimodal.sentiment.predictor import SentimentPredictor
from multimodal.text import BOS_ID
from multimodal.vqa.pairs import read_question
from multimodal.vqa.predictor import VQAPredictor

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as for predictions


class PictureEvidence(NamedTuple):
    """Scores of a picture.

    Attributes:
        image: What the model sees, ``(1, 3, height, width)``, from 0 to 1.
        encode: Pixels to the encoder's maps.
        judge: Maps to scores ``(rows, outputs)``.
        score: Pixels to scores, as predictions are made.
        outputs: How many scores there are: one for each word of a caption, otherwise one.
    """

    image: Tensor
    encode: Callable[[Tensor], Tensor]
    judge: Callable[[Tensor], Tensor]
    score: Callable[[Tensor], Tensor]
    outputs: int


class WordEvidence(NamedTuple):
    """Scores of a text or a question.

    Attributes:
        vectors: Its word vectors, ``(1, time, embedding)``.
        score: Word vectors to scores ``(rows,)``.
        average: The mean of all word vectors.
    """

    vectors: Tensor
    score: Callable[[Tensor], Tensor]
    average: Tensor


def caption_evidence(
    predictor: CaptionPredictor, picture: Picture, words: Sequence[str]
) -> PictureEvidence:
    """Score each word of a caption, given those before it.

    Args:
        predictor: A captioner.
        picture: The picture.
        words: The caption's words.

    Returns:
        The log-probabilities as functions.
    """
    model = predictor.model
    said = torch.tensor(predictor.vocabulary.encode(words), device=predictor.device)
    before = torch.cat([said.new_tensor([BOS_ID]), said[:-1]])  # (time,)

    def judge(maps: Tensor) -> Tensor:
        rows, time = len(maps), len(said)
        features = maps.flatten(2).transpose(1, 2)  # (rows, regions, feature)
        tokens = before.expand(rows, 1, time)
        logits, _ = model(features, tokens, torch.ones_like(tokens, dtype=torch.bool))
        shares = logits.log_softmax(dim=-1).unflatten(0, (rows, time))
        found: Tensor = shares.gather(2, said.expand(rows, time).unsqueeze(2)).squeeze(2)
        return found  # (rows, time)

    encode = model.encoder.feature_map
    image = _seen(predictor, picture)
    return PictureEvidence(image, encode, judge, lambda pixels: judge(encode(pixels)), len(said))


def answer_evidence(
    predictor: VQAPredictor, picture: Picture, question: str, answer: str
) -> tuple[PictureEvidence, WordEvidence]:
    """Score an answer to a question about a picture.

    Args:
        predictor: An answerer.
        picture: The picture.
        question: The question.
        answer: The answer.

    Returns:
        Its log-odds as functions of the picture, and of the question's words.
    """
    model = predictor.model
    ids = read_question(question, predictor.vocabulary, "The question").tokens
    tokens, mask = (part.to(predictor.device) for part in collate_questions([ids]))
    place = _place(predictor.answers.to_list(), answer)

    def of_logits(logits: Tensor) -> Tensor:
        if predictor.loss == "soft":  # each answer by itself: the logit is its log-odds
            return logits[:, place]
        return log_odds(logits, torch.full((len(logits),), place, device=logits.device))

    def judge(maps: Tensor) -> Tensor:
        every = torch.arange(len(maps), device=maps.device)
        features = maps.flatten(2).transpose(1, 2)
        logits, _ = model(features, tokens, mask, every, torch.zeros_like(every))
        return of_logits(logits).unsqueeze(1)

    encode, image = model.encoder.feature_map, _seen(predictor, picture)
    with torch.no_grad():
        features = encode(image).flatten(2).transpose(1, 2)
        vectors = model.questions.embedding(tokens)

    def of_words(vectors: Tensor) -> Tensor:
        every = torch.arange(len(vectors), device=vectors.device)
        read = model.questions.encode(vectors, mask.expand(len(vectors), -1))
        return of_logits(model.judge(features, read, torch.zeros_like(every), every)[0])

    return (
        PictureEvidence(image, encode, judge, lambda pixels: judge(encode(pixels)), 1),
        WordEvidence(vectors, of_words, average_word(model.questions.embedding)),
    )


def class_evidence(
    predictor: ClassificationPredictor, picture: Picture, label: str
) -> PictureEvidence:
    """Score a label of a picture, or the number that a model gives.

    Args:
        predictor: A classifier.
        picture: The picture.
        label: The label; of no meaning where the model gives a number.

    Returns:
        Its log-odds as functions; the logarithm of a count; a number in its own unit.
    """
    model = predictor.model
    place = _place(predictor.labels, label) if predictor.labels else 0

    def of_outputs(outputs: Tensor) -> Tensor:
        if predictor.target == "label":
            chosen = torch.full((len(outputs),), place, device=outputs.device)
            return log_odds(outputs, chosen).unsqueeze(1)
        scale = predictor.scale if predictor.target == "number" else 1.0
        return scale * outputs[:, place : place + 1]

    def shown(pixels: Tensor) -> Tensor:
        if model.channels == 3:
            return pixels
        weights = pixels.new_tensor(_GREY).view(3, 1, 1)
        return (pixels * weights).sum(dim=1, keepdim=True)

    return PictureEvidence(
        _seen(predictor, picture),
        lambda pixels: model.feature_map(shown(pixels)),
        lambda maps: of_outputs(model.classify(maps)),
        lambda pixels: of_outputs(model(shown(pixels))),  # with its mirror image, where it does so
        1,
    )


def text_evidence(predictor: SentimentPredictor, words: Sequence[str], label: str) -> WordEvidence:
    """Score a label of a text, or the number that a model gives.

    Args:
        predictor: A sentiment classifier.
        words: The words that it reads.
        label: The label; of no meaning where the model gives a number.

    Returns:
        Its log-odds as a function of word vectors; a number in its own unit.
    """
    model = predictor.model
    tokens = torch.tensor([predictor.vocabulary.encode(words)], device=predictor.device)
    place = _place(predictor.labels, label) if predictor.labels else 0

    def score(vectors: Tensor) -> Tensor:
        mask = torch.ones(vectors.shape[:2], dtype=torch.bool, device=vectors.device)
        logits = model.classify(vectors, mask)
        if not predictor.labels:
            return predictor.scale * logits[:, 0]
        return log_odds(logits, torch.full((len(logits),), place, device=logits.device))

    with torch.no_grad():
        vectors = model.embedding(tokens)
    return WordEvidence(vectors, score, average_word(model.embedding))


def _seen(
    predictor: CaptionPredictor | VQAPredictor | ClassificationPredictor, picture: Picture
) -> Tensor:
    pixels = predictor.transform(open_picture(picture, predictor.transform.settings.size))
    return pixels.unsqueeze(0).to(predictor.device).float() / 255


def _place(names: Sequence[str], name: str) -> int:
    """The number of a label or an answer that a prediction has just named."""
    return list(names).index(name)
