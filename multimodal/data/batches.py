"""What a data set hands to a task: tensors, padded and masked, and the examples they come from."""

from collections.abc import Sequence
from typing import NamedTuple

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
        indices: Positions in the data set, ``(batch,)``; what an error message names.
        images: ``(batch, 3, height, width)`` uint8, or None where features are cached.
        features: ``(batch, regions, feature)`` from the cache, or None.
        tokens: ``(batch, captions, time)`` from ``<bos>`` to ``<eos>``, padded.
        mask: ``(batch, captions, time)``, True = real; a missing caption is wholly False.
        examples: Where each image comes from, with its references as text.
        skipped: What could not be read and was left out, one line each.
    """

    indices: Tensor
    images: Tensor | None
    features: Tensor | None
    tokens: Tensor
    mask: Tensor
    examples: tuple[CaptionExample, ...]
    skipped: tuple[str, ...]

    def to(self, device: torch.device | str) -> "CaptionBatch":
        """Move the tensors; the examples stay as they are.

        Lightning calls this; without it, it would walk into the examples and refuse them.
        """

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        return self._replace(
            indices=move(self.indices),
            images=None if self.images is None else move(self.images),
            features=None if self.features is None else move(self.features),
            tokens=move(self.tokens),
            mask=move(self.mask),
        )


class QuestionBatch(NamedTuple):
    """Images with their questions, each image and each question once.

    A row is one asked question: a pair of an image and a question.

    Attributes:
        indices: Positions in the data set, ``(batch,)``; what an error message names.
        images: ``(batch, 3, height, width)`` uint8, or None where features are cached.
        features: ``(batch, regions, feature)`` from the cache, or None.
        tokens: The different questions of the batch, ``(questions, time)``, padded.
        mask: ``(questions, time)``, True = real.
        image_of: Which image each row asks about, ``(rows,)``.
        question_of: Which question each row asks, ``(rows,)``.
        labels: The most common answer of each row as a class, -1 where it is none, ``(rows,)``.
        scores: What each answer is worth to each row, 0 to 1, ``(rows, answers)``.
        examples: Where each image comes from.
        asked: The question of each row, with its answers as text.
        skipped: What could not be read and was left out, one line each.
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
    asked: tuple[Question, ...]
    skipped: tuple[str, ...]

    def to(self, device: torch.device | str) -> "QuestionBatch":
        """Move the tensors; the examples stay as they are.

        Lightning calls this; without it, it would walk into the examples and refuse them.
        """
        moved = (
            value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
            for value in self
        )
        return QuestionBatch._make(moved)


class ClassificationBatch(NamedTuple):
    """Images with their classes, with several each, or with numbers such as a count.

    Attributes:
        indices: Positions in the data set, ``(batch,)``; what an error message names.
        images: ``(batch, 3 or 1, height, width)`` uint8.
        labels: Classes ``(batch,)``, -1 where there is none; or for several of them float32 zeros
            and ones ``(batch, classes)``; or float32 numbers ``(batch,)``; NaN where none.
        examples: Where each image comes from.
        skipped: What could not be read and was left out, one line each.
    """

    indices: Tensor
    images: Tensor
    labels: Tensor
    examples: tuple[ImageExample, ...]
    skipped: tuple[str, ...]

    def to(self, device: torch.device | str) -> "ClassificationBatch":
        """Move the tensors; the examples stay as they are.

        Lightning calls this; without it, it would walk into the examples and refuse them.
        """
        moved = (
            value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
            for value in self
        )
        return ClassificationBatch._make(moved)


class TextBatch(NamedTuple):
    """Texts with their classes, or with numbers such as stars.

    Attributes:
        indices: Positions in the data set, ``(batch,)``; what an error message names.
        tokens: ``(batch, time)``, padded; at least one real token each.
        mask: ``(batch, time)``, True = real.
        labels: ``(batch,)``: classes, -1 where there is none; or float32 numbers, NaN where none.
        examples: Where each text comes from.
    """

    indices: Tensor
    tokens: Tensor
    mask: Tensor
    labels: Tensor
    examples: tuple[TextExample, ...]

    def to(self, device: torch.device | str) -> "TextBatch":
        """Move the tensors; the examples stay as they are.

        Lightning calls this; without it, it would walk into the examples and refuse them.
        """

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        return self._replace(
            indices=move(self.indices),
            tokens=move(self.tokens),
            mask=move(self.mask),
            labels=move(self.labels),
        )


class StreamBatch(NamedTuple):
    """A window of several streams of text, for a language model that carries its state over.

    Attributes:
        indices: Number of the window in its epoch, ``(1,)``; before number 0 the state is zeros.
        tokens: What is read, ``(batch, time)``; row by row the next words of the last window.
        targets: What comes next after each token, ``(batch, time)``.
        mask: ``(batch, time)``, True = real; False only after the last stream's end.
    """

    indices: Tensor
    tokens: Tensor
    targets: Tensor
    mask: Tensor


def collate_questions(questions: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Pad questions to one block; they have no frame, for nothing is generated.

    Args:
        questions: For each question its token ids.

    Returns:
        Tokens and mask, both ``(questions, time)``.

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
    """Pad texts to one block, without a frame.

    Args:
        texts: For each text its token ids; a text without words is one ``<unk>``.

    Returns:
        Tokens and mask, both ``(batch, time)``.

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
    """Pad the captions of several images to one block, framed by ``<bos>`` and ``<eos>``.

    Args:
        captions: For each image its captions, for each caption its token ids without frame.

    Returns:
        Tokens and mask, both ``(batch, captions, time)``.

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
