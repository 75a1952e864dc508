"""A trained captioner as a function from pictures to sentences.

`CaptionPredictor` opens pictures with the function, and resizes them with the transform, that its
model was evaluated with, and searches with the same beam. A caption comes with its score, the
runners-up, and, for each of its words, where the model looked. The predictor keeps nothing from one
call to the next, so any number of threads may share one.

References:
    Xu et al. 2015, "Show, Attend and Tell", section 4 and figure 3: attention maps, word by word.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias, overload

import torch
from jaxtyping import UInt8
from torch import Tensor

from multimodal.attribution.evidence import Evidence
from multimodal.captioning.evidence import caption_evidence
from multimodal.captioning.model import Captioner, CaptionerSettings
from multimodal.captioning.result import Alternative, Caption
from multimodal.data.transforms import EvalTransform
from multimodal.decoding import Hypotheses, LengthPenalty, beam_search
from multimodal.inference.devices import Precision, arithmetic, check_precision, find_device
from multimodal.inference.inputs import (
    Picture,
    SeenPicture,
    Unusable,
    is_one,
    see_picture,
    seen_picture,
)
from multimodal.inference.rebuilding import read_transform, read_vocabulary, rebuild
from multimodal.saving import read_model
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import Vocabulary, detokenize

_Search: TypeAlias = Callable[..., Hypotheses]


class CaptionPredictor:
    """Write captions for pictures.

    Args:
        model: A trained captioner; it is moved to the device and set to evaluation.
        vocabulary: Its words.
        transform: The transform it was evaluated with.
        device: ``auto`` takes a GPU if there is one; otherwise any device that torch knows.
        precision: ``float32``, or ``bfloat16``: faster where the hardware has it, and less exact.

    Raises:
        ValueError: If model and vocabulary do not belong together, or the device is not there.

    Example:
        >>> from multimodal.data.transforms import TransformSettings
        >>> from multimodal.nn.encoders import EncoderSettings
        >>> small = EncoderSettings(channels=[8, 8], strides=[4, 4])
        >>> settings = CaptionerSettings(small, embedding_dim=8, hidden_dim=8, attention_dim=8)
        >>> words = Vocabulary.build([["a", "red", "ring"]])
        >>> transform = EvalTransform(TransformSettings(size=64))
        >>> predictor = CaptionPredictor(Captioner(settings, len(words)), words, transform)
        >>> caption = predictor(torch.zeros(3, 60, 80), max_length=4)
        >>> set(caption.tokens) <= {"a", "red", "ring"}
        True
    """

    def __init__(
        self,
        model: Captioner,
        vocabulary: Vocabulary,
        transform: EvalTransform,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> None:
        if model.embedding.num_embeddings != len(vocabulary):
            raise ValueError(
                f"The model knows {model.embedding.num_embeddings} tokens and the vocabulary has "
                f"{len(vocabulary)}. Take both from the same training."
            )
        check_precision(precision)
        self.device = find_device(device)
        self.precision = precision
        self.model = model.to(self.device).eval()
        self.vocabulary = vocabulary
        self.transform = transform

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> "CaptionPredictor":
        """Rebuild a captioner from a saved model, which is read as data and never executed.

        Args:
            path: A shipped name, an exported folder, or a ``.ckpt`` file of a captioning run.
            device: As for the class.
            precision: As for the class.

        Returns:
            The predictor.

        Raises:
            FileNotFoundError: If there is no such model.
            ValueError: If it is no model of a captioner, or does not fit this version.
        """
        saved = read_model(path, task="captioning")
        return cls.from_saved(saved, str(path), device=device, precision=precision)

    @classmethod
    def from_saved(
        cls,
        saved: SavedModel,
        source: str,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "float32",
    ) -> "CaptionPredictor":
        """Rebuild a captioner from what `multimodal.saving.read_model` returned.

        Args:
            saved: Settings, words, transform and weights.
            source: Where they come from, for messages.
            device: As for the class.
            precision: As for the class.

        Returns:
            The predictor.

        Raises:
            ValueError: If the parts do not fit each other, or this version.
        """
        vocabulary = read_vocabulary(saved, source)
        model = rebuild(
            lambda: Captioner(CaptionerSettings.for_loading(saved.settings), len(vocabulary)),
            saved,
            source,
        )
        transform = read_transform(saved, source)
        return cls(model, vocabulary, transform, device=device, precision=precision)

    @overload  # a str is an iterable of str too, but means a path: the first of the two counts
    def __call__(  # type: ignore[overload-overlap]
        self,
        images: Picture,
        *,
        beam_size: int = ...,
        n_best: int = ...,
        max_length: int = ...,
        length_penalty: LengthPenalty = ...,
        no_repeat_ngram: int = ...,
        batch_size: int = ...,
    ) -> Caption: ...

    @overload
    def __call__(
        self,
        images: Iterable[Picture],
        *,
        beam_size: int = ...,
        n_best: int = ...,
        max_length: int = ...,
        length_penalty: LengthPenalty = ...,
        no_repeat_ngram: int = ...,
        batch_size: int = ...,
    ) -> list[Caption]: ...

    def __call__(
        self,
        images: Picture | Iterable[Picture],
        *,
        beam_size: int = 5,
        n_best: int = 3,
        max_length: int = 20,
        length_penalty: LengthPenalty = 0.0,
        no_repeat_ngram: int = 0,
        batch_size: int = 32,
    ) -> Caption | list[Caption]:
        """Write a caption for one picture, or for each of many.

        Args:
            images: One picture, or many: a path, the bytes of a file, a PIL image, an array
                ``(height, width, 3)``, a tensor ``(3, height, width)``, a member of a zip archive
                (`ImageFile`) or a built-in `Scene`. An array or a tensor with a batch axis in front
                is many.
            beam_size: Captions searched side by side; 1 is greedy search.
            n_best: Captions returned, the alternatives counted; at most ``beam_size`` of them.
            max_length: Most words of a caption; the end counts as one.
            length_penalty: Exponent of the length normalisation, 0 for none, or ``average``; see
                `multimodal.decoding.beam_search`.
            no_repeat_ngram: How many words in a row are never said twice; 0 allows everything.
            batch_size: Pictures that go through the model together.

        Returns:
            One caption for one picture; for many a list of captions in their order.

        Raises:
            FileNotFoundError: If a file is not there.
            ImageError: If a picture cannot be used; the message names it.
            TypeError: If something is not a picture.
            ValueError: If an option is out of range.
        """
        one = is_one(images)
        if not one and not isinstance(images, Iterable):
            raise TypeError(
                "A predictor takes a picture (a path, bytes, a PIL image, an array or a tensor) "
                f"or a sequence of them, got {type(images).__name__}."
            )
        search = partial(
            beam_search,
            beam_size=beam_size,
            n_best=min(n_best, beam_size),
            max_length=max_length,
            min_length=1,
            length_penalty=length_penalty,
            no_repeat_ngram=no_repeat_ngram,
        )
        pictures: Any = [images] if one else images
        captions = list(_or_raise(self._each(pictures, search, batch_size, numbered=not one)))
        return captions[0] if one else captions

    def stream(
        self,
        images: Iterable[Picture],
        *,
        beam_size: int = 5,
        n_best: int = 3,
        max_length: int = 20,
        length_penalty: LengthPenalty = 0.0,
        no_repeat_ngram: int = 0,
        batch_size: int = 32,
    ) -> Iterator[Caption | Unusable]:
        """Write captions one batch after another, for more pictures than fit into memory.

        ``images`` may be any iterable, from which a batch is taken at a time; the options are those
        of a call. A picture that cannot be used does not stop the others: its error comes in its
        caption's place.

        Yields:
            For each picture, in order, its caption, or the `ImageError` or `FileNotFoundError` that
            names it.

        Raises:
            TypeError: If something is not a picture.
            ValueError: If an option is out of range.
        """
        search = partial(
            beam_search,
            beam_size=beam_size,
            n_best=min(n_best, beam_size),
            max_length=max_length,
            min_length=1,
            length_penalty=length_penalty,
            no_repeat_ngram=no_repeat_ngram,
        )
        yield from self._each(images, search, batch_size, numbered=True)

    def seen(self, picture: Picture) -> UInt8[Tensor, "3 height width"]:
        """Return what the model sees of a picture, which its attention maps lie over.

        Args:
            picture: One picture, as for a call.

        Returns:
            The whole picture, or the square that was cut from it, if that is the model's way.
        """
        return seen_picture(picture, self.transform)

    def _each(
        self, pictures: Iterable[Picture], search: _Search, batch_size: int, *, numbered: bool
    ) -> Iterator[Caption | Unusable]:
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be 1 or more, got {batch_size}.")
        items = enumerate(pictures)
        while batch := list(islice(items, batch_size)):
            opened = [
                see_picture(picture, self.transform, number if numbered else None)
                for number, picture in batch
            ]
            good = [seen for seen in opened if isinstance(seen, SeenPicture)]
            captions = iter(self._write(good, search) if good else ())
            for found in opened:
                yield next(captions) if isinstance(found, SeenPicture) else found

    @torch.inference_mode()
    def _write(self, seen: list[SeenPicture], search: _Search) -> list[Caption]:
        images = torch.stack([picture.pixels for picture in seen])
        with arithmetic(self.device, self.precision):
            grid = self.model.encoder.feature_map(images.to(self.device))
            features = grid.flatten(2).transpose(1, 2)  # (batch, regions, feature)
            start = self.model.begin(features)
            found = search(self.model.step, *start)
        weights = _attention(found, *grid.shape[2:])
        return [
            self._caption(*parts)
            for parts in zip(
                found.tokens.tolist(), found.scores.tolist(), weights, seen, strict=True
            )
        ]

    def _caption(
        self, tokens: list[list[int]], scores: list[float], weights: Tensor, seen: SeenPicture
    ) -> Caption:
        words = [self.vocabulary.decode(row) for row in tokens]
        texts = [detokenize(row) for row in words]
        # A beam that found fewer captions than asked for fills up with empty ones of score -inf.
        others = [
            Alternative(text, score)
            for text, score in zip(texts[1:], scores[1:], strict=True)
            if score > -math.inf
        ]
        grids = weights[: len(words[0])].tolist()
        return Caption(
            text=texts[0],
            tokens=tuple(words[0]),
            score=scores[0],
            alternatives=tuple(others),
            attention=tuple(tuple(map(tuple, grid)) for grid in grids),
            picture=seen,
        )

    def evidence(self, picture: Picture, question: str = "") -> Evidence:
        """Return the prediction with its scores, for `multimodal.explain`."""
        return caption_evidence(self, picture, question)


def _attention(found: Hypotheses, rows: int, columns: int) -> Tensor:
    """Return each best caption's attention ``(batch, time, rows, columns)``."""
    batch, _, time = found.tokens.shape
    if found.attention is None:  # the decoder looks at all regions alike
        return torch.full((batch, time, rows, columns), 1 / (rows * columns))
    return found.attention[:, 0].float().cpu().reshape(batch, time, rows, columns)


def _or_raise(found: Iterable[Caption | Unusable]) -> Iterator[Caption]:
    for each in found:
        if not isinstance(each, Caption):
            raise each
        yield each
