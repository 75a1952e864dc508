"""Classify texts with a trained model, with the contribution of each word.

Texts are tokenized, and cut to the same length, as in the training of the model. A result comes
with the probability of every label, the unknown words, and the contribution of each word to the
log-odds of the label.

References:
    Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks" (contributions).
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from typing_extensions import override

from multimodal.attribution.evidence import Evidence
from multimodal.attribution.scores import log_odds
from multimodal.data.batches import collate_texts
from multimodal.data.documents import Excerpt, read_words
from multimodal.inference.devices import Precision, arithmetic
from multimodal.inference.predictor import Predictor, Problem, check_sizes
from multimodal.inference.rebuilding import (
    read_labels,
    read_number,
    read_vocabulary,
    rebuild,
    refusing,
)
from multimodal.saving.checkpoint import SavedModel
from multimodal.sentiment.evidence import text_evidence, word_contributions
from multimodal.sentiment.model import SentimentClassifier, SentimentSettings
from multimodal.sentiment.options import SentimentOptions
from multimodal.sentiment.result import Sentiment
from multimodal.text import Vocabulary


class Text(NamedTuple):
    """A text as a model reads it."""

    text: str
    words: tuple[str, ...]
    tokens: list[int]
    unknown_words: tuple[str, ...]
    cut: bool


class SentimentPredictor(Predictor[str, Text, Sentiment]):
    """Classify texts; see `Predictor` for calls and `SentimentOptions` for their keywords.

    A call explains its results unless ``explain=False``; a stream only with ``explain=True``.

    Args:
        model: A trained classifier.
        vocabulary: Its words.
        labels: Names of its classes in their order; none if it gives a number.
        excerpt: Part of a long text that the model reads.
        centre: Added to the output of a model that gives a number, after `scale`.
        scale: Factor of the output of a model that gives a number.
        device, precision: As for `Predictor`; contributions are computed in single precision.

    Raises:
        ValueError: If model, vocabulary and labels do not belong together, the excerpt is out of
            range, the device does not exist, or `precision` is none of the names.

    Example:
        >>> from multimodal.nn.text_encoder import TextEncoderSettings
        >>> settings = SentimentSettings(TextEncoderSettings(embedding_dim=8, hidden_dim=8))
        >>> words = Vocabulary.build([["a", "good", "film"]])
        >>> model = SentimentClassifier(settings, len(words), num_classes=2)
        >>> predictor = SentimentPredictor(model, words, ["negative", "positive"], Excerpt())
        >>> sentiment = predictor("A very good film!")
        >>> sentiment.tokens, sentiment.unknown_words, len(sentiment.contributions)
        (('a', 'very', 'good', 'film'), ('very',), 4)
    """

    task: ClassVar[str] = "sentiment"
    input_name: ClassVar[str] = "a text"
    Options = SentimentOptions
    stream_defaults: ClassVar[dict[str, Any]] = {"explain": False}
    model: SentimentClassifier

    def __init__(
        self,
        model: SentimentClassifier,
        vocabulary: Vocabulary,
        labels: Sequence[str],
        excerpt: Excerpt,
        *,
        centre: float = 0.0,
        scale: float = 1.0,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> None:
        check_sizes(
            tokens=(model.embedding.num_embeddings, len(vocabulary)),
            outputs=(model.head[-1].out_features, len(labels) or 1),
        )
        read_words("", excerpt)  # refuses one that is out of range
        super().__init__(model, device=device, precision=precision)
        self.vocabulary = vocabulary
        self.labels = tuple(labels)
        self.excerpt = excerpt
        self.centre = centre
        self.scale = scale

    @override
    @classmethod
    def build(cls, saved: SavedModel, source: str) -> dict[str, Any]:
        labels, vocabulary = read_labels(saved, source), read_vocabulary(saved, source)
        with refusing(source):
            excerpt = Excerpt(**saved.extra.get("excerpt", {}))
            read_words("", excerpt)  # refuses one that is out of range
            units = {
                "centre": read_number(saved, "centre", 0.0),
                "scale": read_number(saved, "scale", 1.0),
            }
        model = rebuild(
            lambda: SentimentClassifier(
                SentimentSettings.for_loading(saved.settings), len(vocabulary), len(labels) or 1
            ),
            saved,
            source,
        )
        parts = {"model": model, "vocabulary": vocabulary, "labels": labels, "excerpt": excerpt}
        return parts | units

    @override
    def read(self, given: object, number: int | None) -> Text:
        if not isinstance(given, str):
            raise TypeError(
                f"Text {number} (counted from 0) must be a string, got {type(given).__name__}."
            )
        words, cut = read_words(given, self.excerpt)
        if not words:
            raise ValueError(
                f"A text has no word in it: {given[:40]!r}. Write something, such as 'A good "
                "film.'."
            )
        unknown = dict.fromkeys(word for word in words if word not in self.vocabulary)
        return Text(given, tuple(words), self.vocabulary.encode(words), tuple(unknown), cut)

    @override
    def locate(self, error: Problem, number: int) -> Problem:
        return ValueError(f"Text {number} (counted from 0): {error}")

    @override
    def predict(self, items: list[Text], options: SentimentOptions) -> list[Sentiment]:
        tokens, mask = (
            part.to(self.device) for part in collate_texts([text.tokens for text in items])
        )
        with torch.inference_mode(), arithmetic(self.device, self.precision):
            logits = self.model(tokens, mask).float()
        probabilities = logits.softmax(dim=-1).tolist()
        best = logits.argmax(dim=-1)
        contributions: list[tuple[float, ...]] = [()] * len(items)
        if options.explain:
            contributions = self._contributions(tokens, mask, best)
        outputs = logits[:, 0].tolist()
        parts = zip(items, outputs, probabilities, best.tolist(), contributions, strict=True)
        return [self._result(*each) for each in parts]

    def _result(
        self,
        text: Text,
        output: float,
        probabilities: list[float],
        best: int,
        contributions: tuple[float, ...],
    ) -> Sentiment:
        labels = self.labels
        return Sentiment(
            label=labels[best] if labels else "",
            probability=probabilities[best] if labels else 0.0,
            probabilities=dict(zip(labels, probabilities, strict=True)) if labels else {},
            value=None if labels else self.centre + self.scale * output,
            tokens=text.words,
            contributions=contributions,
            text=text.text,
            unknown_words=text.unknown_words,
            cut=text.cut,
        )

    def _contributions(self, tokens: Tensor, mask: Tensor, best: Tensor) -> list[tuple[float, ...]]:
        # Tensors made in inference mode have no gradients, their copies do.
        with torch.inference_mode(mode=False):
            tokens, mask, chosen = tokens.clone(), mask.clone(), best.clone()

            def score(logits: Tensor, texts: Tensor) -> Tensor:
                return log_odds(logits, chosen[texts]) if self.labels else self.scale * logits[:, 0]

            return word_contributions(self.model, tokens, mask, score)

    def evidence(self, text: object, question: str = "") -> Evidence:
        """Return the prediction with its scores, for `multimodal.explain`."""
        return text_evidence(self, text, question)
