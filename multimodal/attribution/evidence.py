"""The evidence protocol: a prediction with its score as functions that methods can differentiate.

A predictor that can be explained has a method ``evidence(given, question="") -> Evidence``. It
predicts once and returns the prediction with its score as a function of pixels, of the encoder's
maps and of word vectors, in single precision. The score of a label or an answer is its log-odds
against all others; of each word of a caption its log-probability after the words before it; of a
number the number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from multimodal.attribution.scores import Score
from multimodal.data.transforms import EvalTransform
from multimodal.inference.inputs import Picture, open_picture

_PIXELS, _WORDS = 1 << 19, 16_384  # in one batch


class PictureScores(NamedTuple):
    """Scores of a picture, as functions of its pixels and of the encoder's maps.

    Attributes:
        image: The model's input ``(1, 3, height, width)``, from 0 to 1.
        encode: Pixels to the encoder's maps ``(rows, feature, rows, columns)``.
        score_maps: Maps to scores ``(rows, outputs)``.
        score_pixels: Pixels to scores ``(rows, outputs)``, exactly as the predictor computes them.
        outputs: Number of scores: one for each word of a caption, otherwise one.
    """

    image: Tensor
    encode: Callable[[Tensor], Tensor]
    score_maps: Callable[[Tensor], Tensor]
    score_pixels: Callable[[Tensor], Tensor]
    outputs: int = 1

    @property
    def images(self) -> Tensor:
        """The image once for each score, ``(outputs, 3, height, width)``."""
        return self.image.expand(self.outputs, -1, -1, -1)

    @property
    def batch_size(self) -> int:
        """Number of images that go through the model together."""
        return max(1, _PIXELS // (self.image.shape[-1] ** 2))

    @staticmethod
    def each(scores: Callable[[Tensor], Tensor]) -> Score:
        """Make a score of which input ``n`` is explained for output ``n``."""
        return lambda rows, index: scores(rows).gather(1, index.unsqueeze(1)).squeeze(1)


class WordScores(NamedTuple):
    """The score of a text or a question, as a function of its word vectors.

    Attributes:
        vectors: The word vectors ``(1, time, embedding)``.
        score_words: Word vectors ``(rows, time, embedding)`` to scores ``(rows,)``.
        mean_word: The mean of all word vectors, ``(embedding,)``.
    """

    vectors: Tensor
    score_words: Callable[[Tensor], Tensor]
    mean_word: Tensor

    @property
    def batch_size(self) -> int:
        """Number of texts that go through the model together."""
        return max(1, _WORDS // max(1, self.vectors.shape[1]))

    def score(self, rows: Tensor, _: Tensor) -> Tensor:
        """Compute the score of each row; the index is ignored, since there is only one text."""
        return self.score_words(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A prediction and its scores.

    Args:
        prediction: The caption, the answer, the label or the number, as text.
        unit: Quantity that the scores measure; see `log_odds_of`.
        picture: The scores as functions of the picture; None where the input is a text.
        text: The score as a function of word vectors; None where no words are read.
        words: Words of the caption, the question or the text.
        ranked: Answers or labels with their probabilities, best first.
        question: The question that was answered.
        image: The picture to draw, RGB bytes ``(3, height, width)``.
    """

    task: str
    prediction: str
    unit: str
    picture: PictureScores | None = None
    text: WordScores | None = None
    words: tuple[str, ...] = ()
    ranked: tuple[tuple[str, float], ...] = ()
    question: str = ""
    image: Tensor | None = None


@runtime_checkable
class Explainable(Protocol):
    """The contract of a predictor that can be explained."""

    def evidence(self, given: Any, question: str = "", /) -> Evidence:
        """Predict, and return the prediction with its scores."""


def input_pixels(
    picture: Picture, transform: EvalTransform, device: torch.device
) -> Float[Tensor, "1 3 height width"]:
    """Open and transform a picture as for a prediction, in values from 0 to 1."""
    pixels = transform(open_picture(picture, transform.settings.size))
    return pixels.unsqueeze(0).to(device).float() / 255


def log_odds_of(prediction: str) -> str:
    """Name the unit of a label's or an answer's score."""
    return f"the log-odds of {prediction}"


def refuse_question(question: str) -> None:
    """Raise `ValueError` if a question is given to a model that answers none."""
    if question:
        raise ValueError(
            f"This model answers no questions, got {question[:60]!r}. Leave the question out."
        )
