"""A trained sentiment classifier as a function from texts to verdicts, with each word's share.

`SentimentPredictor` reads texts with the tokenizer, and as far, as its model read them in training.
A verdict comes with the probability of every label, the words that the model never saw, and what
each word contributed to the verdict's log-odds. The predictor keeps nothing from one call to the
next, so any number of threads may share one.

References:
    Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks" (contributions).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor, nn

from multimodal.attribution.evidence import Evidence
from multimodal.attribution.scores import log_odds
from multimodal.data.batches import collate_texts
from multimodal.data.documents import Excerpt, read_words
from multimodal.inference.devices import Precision, arithmetic, check_precision, find_device
from multimodal.inference.rebuilding import (
    read_labels,
    read_number,
    read_vocabulary,
    rebuild,
    refusing,
)
from multimodal.saving import read_model
from multimodal.saving.checkpoint import SavedModel
from multimodal.sentiment.evidence import text_evidence, word_contributions
from multimodal.sentiment.model import SentimentClassifier, SentimentSettings
from multimodal.sentiment.result import Sentiment
from multimodal.text import Vocabulary


class SentimentPredictor:
    """Judge texts.

    Args:
        model: A trained classifier; it is moved to the device and set to evaluation.
        vocabulary: Its words.
        labels: Names of its classes in their order; none if it gives a number.
        excerpt: How much of a long text it reads.
        centre: Added to the output of a model that gives a number, after `scale`.
        scale: What the output of a model that gives a number is multiplied by.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``: faster where the hardware has it, and less exact.
            Contributions are computed in single precision either way.

    Raises:
        ValueError: If model, vocabulary and labels do not belong together, the excerpt is out of
            range, the device is not there, or `precision` is none of the names.

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
        _check_sizes(model, vocabulary, labels)
        check_precision(precision)
        read_words("", excerpt)  # refuses one that is out of range
        self.device = find_device(device)
        self.precision = precision
        self.model = model.to(self.device).eval()
        self.vocabulary = vocabulary
        self.labels = tuple(labels)
        self.excerpt = excerpt
        self.centre = centre
        self.scale = scale

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> "SentimentPredictor":
        """Rebuild a classifier from a saved model, which is read as data and never executed.

        Args:
            path: A shipped name, an exported folder, or a ``.ckpt`` file of a sentiment run.
            device: As for the class.
            precision: As for the class.

        Returns:
            The predictor.

        Raises:
            FileNotFoundError: If there is no such model.
            ValueError: If it is no model of a sentiment run, or does not fit this version.
        """
        saved = read_model(path, task="sentiment")
        return cls.from_saved(saved, str(path), device=device, precision=precision)

    @classmethod
    def from_saved(
        cls,
        saved: SavedModel,
        source: str,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> "SentimentPredictor":
        """Rebuild a classifier from what `multimodal.saving.read_model` returned.

        Args:
            saved: Settings, words, labels and weights.
            source: Where they come from, for messages.
            device: As for the class.
            precision: As for the class.

        Returns:
            The predictor.

        Raises:
            ValueError: If the parts do not fit each other, or this version.
        """
        labels, vocabulary = read_labels(saved, source), read_vocabulary(saved, source)
        with refusing(source):
            excerpt = Excerpt(**saved.extra.get("excerpt", {}))
            read_words("", excerpt)  # refuses one that is out of range
            centre, scale = (
                read_number(saved, *pair) for pair in (("centre", 0.0), ("scale", 1.0))
            )
        model = rebuild(
            lambda: SentimentClassifier(
                SentimentSettings.for_loading(saved.settings), len(vocabulary), len(labels) or 1
            ),
            saved,
            source,
        )
        return cls(
            model,
            vocabulary,
            labels,
            excerpt,
            centre=centre,
            scale=scale,
            device=device,
            precision=precision,
        )

    @overload  # a str is an iterable of str too, but is one text: the first of the two counts
    def __call__(  # type: ignore[overload-overlap]
        self, texts: str, *, explain: bool = ..., batch_size: int = ...
    ) -> Sentiment: ...

    @overload
    def __call__(
        self, texts: Iterable[str], *, explain: bool = ..., batch_size: int = ...
    ) -> list[Sentiment]: ...

    def __call__(
        self, texts: str | Iterable[str], *, explain: bool = True, batch_size: int = 32
    ) -> Sentiment | list[Sentiment]:
        """Judge one text, or each of many.

        Args:
            texts: One text, or many, each of any length. Words that the model never saw are named
                in the result.
            explain: Whether to compute what each word contributed, which takes ten to twenty times
                as long as the verdict.
            batch_size: Texts that go through the model together.

        Returns:
            One verdict on one text; on many a list of verdicts in their order.

        Raises:
            TypeError: If a text is not a string.
            ValueError: If a text has no word in it, or `batch_size` is below 1.
        """
        if isinstance(texts, str):
            text = self._read(texts, "The text")
            return self._judge([text], explain)[0]
        if not isinstance(texts, Iterable) or isinstance(texts, bytes):
            raise TypeError(
                f"A predictor takes a text or a sequence of them, got {type(texts).__name__}."
            )
        found: list[Sentiment] = []
        for each in self._each(texts, explain, batch_size):
            if isinstance(each, ValueError):
                raise ValueError(f"Text {len(found)} (counted from 0): {each}") from each
            found.append(each)
        return found

    def stream(
        self, texts: Iterable[str], *, explain: bool = False, batch_size: int = 32
    ) -> Iterator[Sentiment | ValueError]:
        """Judge texts one batch after another, for more than fit into memory.

        What cannot be judged does not stop the others: its error comes in its verdict's place.

        Args:
            texts: Texts; any iterable, from which a batch is taken at a time.
            explain: As for a call, but off unless asked for.
            batch_size: Texts that go through the model together.

        Yields:
            For each text, in order, the verdict; or a `ValueError` that says what is wrong with it.

        Raises:
            TypeError: If something is not a string.
            ValueError: If `batch_size` is below 1.
        """
        yield from self._each(texts, explain, batch_size)

    def _each(
        self, texts: Iterable[Any], explain: bool, batch_size: int
    ) -> Iterator[Sentiment | ValueError]:
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be 1 or more, got {batch_size}.")
        items = enumerate(texts)
        while batch := list(islice(items, batch_size)):
            read = [self._try_to_read(text, number) for number, text in batch]
            good = [text for text in read if isinstance(text, _Text)]
            found = iter(self._judge(good, explain) if good else ())
            for text in read:
                yield next(found) if isinstance(text, _Text) else text

    def _try_to_read(self, text: object, number: int) -> "_Text | ValueError":
        try:
            return self._read(text, f"Text {number} (counted from 0)")
        except ValueError as error:
            return error

    def _read(self, text: object, name: str) -> "_Text":
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a string, got {type(text).__name__}.")
        words, cut = read_words(text, self.excerpt)
        if not words:
            raise ValueError(
                f"A text has no word in it: {text[:40]!r}. Write something, such as 'A good film.'."
            )
        unknown = dict.fromkeys(word for word in words if word not in self.vocabulary)
        return _Text(text, tuple(words), self.vocabulary.encode(words), tuple(unknown), cut)

    def _judge(self, texts: "list[_Text]", explain: bool) -> list[Sentiment]:
        tokens, mask = (part.to(self.device) for part in collate_texts([t.tokens for t in texts]))
        with torch.inference_mode(), arithmetic(self.device, self.precision):
            logits = self.model(tokens, mask).float()
        shares = logits.softmax(dim=-1).tolist()
        best = logits.argmax(dim=-1)
        why = self._contributions(tokens, mask, best) if explain else [()] * len(texts)
        parts = zip(texts, logits[:, 0].tolist(), shares, best.tolist(), why, strict=True)
        return [self._result(*each) for each in parts]

    def _result(
        self,
        text: "_Text",
        output: float,
        shares: list[float],
        best: int,
        why: tuple[float, ...],
    ) -> Sentiment:
        return Sentiment(
            label=self.labels[best] if self.labels else "",
            probability=shares[best] if self.labels else 0.0,
            probabilities=dict(zip(self.labels, shares, strict=True)) if self.labels else {},
            value=None if self.labels else self.centre + self.scale * output,
            tokens=text.words,
            contributions=why,
            text=text.text,
            unknown_words=text.unknown_words,
            cut=text.cut,
        )

    def _contributions(self, tokens: Tensor, mask: Tensor, best: Tensor) -> list[tuple[float, ...]]:
        with torch.inference_mode(mode=False):  # copies, for those of inference know no gradients
            tokens, mask, chosen = tokens.clone(), mask.clone(), best.clone()

            def score(logits: Tensor, texts: Tensor) -> Tensor:
                return log_odds(logits, chosen[texts]) if self.labels else self.scale * logits[:, 0]

            return word_contributions(self.model, tokens, mask, score)

    def evidence(self, text: object, question: str = "") -> Evidence:
        """Return the prediction with its scores, for `multimodal.explain`."""
        return text_evidence(self, text, question)


class _Text(NamedTuple):
    """A text as a model reads it."""

    text: str
    words: tuple[str, ...]
    tokens: list[int]
    unknown_words: tuple[str, ...]
    cut: bool


def _check_sizes(model: SentimentClassifier, vocabulary: Vocabulary, labels: Sequence[str]) -> None:
    last = model.head[-1]
    assert isinstance(last, nn.Linear)
    known = (model.embedding.num_embeddings, last.out_features)
    if known != (len(vocabulary), len(labels) or 1):
        raise ValueError(
            f"The model knows {known[0]} tokens and has {known[1]} outputs, the vocabulary has "
            f"{len(vocabulary)} and there are {len(labels)} labels. Take all from the same "
            "training."
        )
