"""The batch of each task: padded and masked tensors, and the examples they come from.

Each batch has a method `to`, because Lightning would otherwise try to move the examples too, and
fail.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from multimodal.data.examples import (
    CaptionExample,
    ImageExample,
    Question,
    QuestionExample,
    TextExample,
)
from multimodal.text import BOS_ID, EOS_ID, PAD_ID, UNK_ID


class CaptionBatch(NamedTuple):
    """Images with all their captions.

    Attributes:
        indices: Indices in the data set, ``(batch,)``; error messages name them.
        images: ``(batch, 3, height, width)`` uint8, or None where features are cached.
        features: ``(batch, regions, feature)`` from the cache, or None.
        tokens: ``(batch, captions, time)`` from ``<bos>`` to ``<eos>``, padded.
        mask: ``(batch, captions, time)``, True = real; all False for a missing caption.
        examples: The examples, with their references as text.
        skipped: One line for each image that could not be read.
    """

    indices: Tensor
    images: Tensor | None
    features: Tensor | None
    tokens: Tensor
    mask: Tensor
    examples: tuple[CaptionExample, ...]
    skipped: tuple[str, ...]

    def to(self, device: torch.device | str) -> "CaptionBatch":
        """Move the tensors."""
        return CaptionBatch._make(_moved(self, device))


class QuestionBatch(NamedTuple):
    """Images with their questions, each image and each question once.

    A row is a pair of an image and a question.

    Attributes:
        indices: Indices in the data set, ``(batch,)``; error messages name them.
        images: ``(batch, 3, height, width)`` uint8, or None where features are cached.
        features: ``(batch, regions, feature)`` from the cache, or None.
        tokens: The different questions of the batch, ``(questions, time)``, padded.
        mask: ``(questions, time)``, True = real.
        image_of: Index of each row's image, ``(rows,)``.
        question_of: Index of each row's question, ``(rows,)``.
        labels: Index of each row's most common answer, -1 if it is not in the vocabulary,
            ``(rows,)``.
        scores: The soft score of each answer for each row, 0 to 1, ``(rows, answers)``.
        examples: The examples.
        questions: The question of each row, with its answers as text.
        skipped: One line for each image that could not be read.
    """

    indices: Tensor
    images: Tensor | None
    features: Tensor | None
    tokens: Tensor
    mask: Tensor
    image_of: Tensor
    question_of: Tensor
    labels: Tensor
    scores: Tensor
    examples: tuple[QuestionExample, ...]
    questions: tuple[Question, ...]
    skipped: tuple[str, ...]

    def to(self, device: torch.device | str) -> "QuestionBatch":
        """Move the tensors."""
        return QuestionBatch._make(_moved(self, device))


class ClassificationBatch(NamedTuple):
    """Images, each with a class, several labels, or a number such as a count.

    Attributes:
        indices: Indices in the data set, ``(batch,)``; error messages name them.
        images: ``(batch, 3 or 1, height, width)`` uint8.
        labels: Classes ``(batch,)``, -1 if missing; several labels ``(batch, classes)``, float32
            zeros and ones; or numbers ``(batch,)``, float32. Missing float32 labels are NaN.
        examples: The examples.
        skipped: One line for each image that could not be read.
    """

    indices: Tensor
    images: Tensor
    labels: Tensor
    examples: tuple[ImageExample, ...]
    skipped: tuple[str, ...]

    def to(self, device: torch.device | str) -> "ClassificationBatch":
        """Move the tensors."""
        return ClassificationBatch._make(_moved(self, device))


class TextBatch(NamedTuple):
    """Texts, each with a class, or a number such as a star rating.

    Attributes:
        indices: Indices in the data set, ``(batch,)``; error messages name them.
        tokens: ``(batch, time)``, padded; at least one real token each.
        mask: ``(batch, time)``, True = real.
        labels: ``(batch,)``: classes, -1 if missing; or float32 numbers, NaN if missing.
        examples: The examples.
    """

    indices: Tensor
    tokens: Tensor
    mask: Tensor
    labels: Tensor
    examples: tuple[TextExample, ...]

    def to(self, device: torch.device | str) -> "TextBatch":
        """Move the tensors."""
        return TextBatch._make(_moved(self, device))


class StreamBatch(NamedTuple):
    """A window of several streams of text, for a language model that keeps its state.

    Attributes:
        indices: Index of the window in its epoch, ``(1,)``; the state before window 0 is zero.
        tokens: ``(batch, time)``; each row continues the same row of the previous window.
        targets: The token after each token, ``(batch, time)``.
        mask: ``(batch, time)``, True = real; False only after the end of the last stream.
    """

    indices: Tensor
    tokens: Tensor
    targets: Tensor
    mask: Tensor


def _moved(batch: Iterable[Any], device: torch.device | str) -> Iterator[Any]:
    for value in batch:
        yield value.to(device, non_blocking=True) if isinstance(value, Tensor) else value


def collate_questions(questions: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Pad questions, without ``<bos>`` and ``<eos>``, to ``(questions, time)``.

    Returns:
        Tokens and mask.

    Example:
        >>> tokens, mask = collate_questions([[7, 8], [9]])
        >>> tokens.tolist(), mask.tolist()
        ([[7, 8], [9, 0]], [[True, True], [True, False]])
    """
    time = max((len(question) for question in questions), default=0)
    rows = [[*question, *[PAD_ID] * (time - len(question))] for question in questions]
    tokens = torch.tensor(rows).view(len(questions), time)
    return tokens, tokens != PAD_ID


def collate_texts(texts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Pad texts to ``(batch, time)`` without ``<bos>``, ``<eos>``; an empty text is ``<unk>``.

    Returns:
        Tokens and mask.

    Example:
        >>> tokens, mask = collate_texts([[7, 8], []])
        >>> tokens.tolist(), mask.tolist()
        ([[7, 8], [3, 0]], [[True, True], [True, False]])
    """
    lengths = torch.tensor([max(len(text), 1) for text in texts], dtype=torch.int64)
    # One flat list and one mask: a tensor per text would take most of the time for long reviews.
    flat = [token for text in texts for token in (text or (UNK_ID,))]
    mask = torch.arange(int(lengths.max()) if texts else 0) < lengths[:, None]
    tokens = torch.full(mask.shape, PAD_ID)
    tokens[mask] = torch.tensor(flat, dtype=torch.int64)
    return tokens, mask


def collate_captions(captions: Sequence[Sequence[Sequence[int]]]) -> tuple[Tensor, Tensor]:
    """Put captions between ``<bos>`` and ``<eos>``, and pad them.

    Args:
        captions: For each image, the token ids of each of its captions.

    Returns:
        Tokens and mask, each ``(batch, captions, time)``.

    Example:
        >>> tokens, mask = collate_captions([[[7, 8], [9]], [[5]]])
        >>> tokens.tolist()
        [[[1, 7, 8, 2], [1, 9, 2, 0]], [[1, 5, 2, 0], [0, 0, 0, 0]]]
        >>> mask[1].any(dim=1).tolist()
        [True, False]
    """
    most = max((len(texts) for texts in captions), default=0)
    time = 2 + max((len(text) for texts in captions for text in texts), default=0)
    tokens = torch.full((len(captions), most, time), PAD_ID)
    for row, texts in enumerate(captions):
        for column, text in enumerate(texts):
            framed = torch.tensor([BOS_ID, *text, EOS_ID])
            tokens[row, column, : len(framed)] = framed
    return tokens, tokens != PAD_ID
