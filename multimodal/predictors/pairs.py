"""Questions, and pairs of a picture and a question, made ready for a model.

Of the pairs of a batch, each picture is opened once however many questions are asked about it.
"""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from multimodal.data.examples import ImageFile
from multimodal.data.scenes import Scene
from multimodal.data.transforms import EvalTransform
from multimodal.predictors.pictures import Picture, prepare_picture
from multimodal.text import Vocabulary, tokenize

Failure: TypeAlias = ValueError | FileNotFoundError


class AskedQuestion(NamedTuple):
    """A question as a model reads it.

    Attributes:
        text: The question as it was asked.
        tokens: The numbers of its words.
        unknown_words: Those of its words that have no number of their own, each once.
    """

    text: str
    tokens: tuple[int, ...]
    unknown_words: tuple[str, ...]


class Pairs(NamedTuple):
    """A batch of pairs; what cannot be used is in no tensor.

    Attributes:
        images: Each different picture once, ``(batch, 3, size, size)``; None if there is none.
        asked: The question of each usable pair.
        image_of: Which image each usable pair is about.
        failures: What is wrong with each pair; None where nothing is.
    """

    images: Tensor | None
    asked: list[AskedQuestion]
    image_of: list[int]
    failures: list[Failure | None]


def read_question(question: object, vocabulary: Vocabulary, name: str) -> AskedQuestion:
    """Read a question with a model's words.

    Args:
        question: The question.
        vocabulary: The model's words.
        name: What it is called in a message.

    Returns:
        The question as the model reads it.

    Raises:
        TypeError: If it is not a string.
        ValueError: If it has no word in it, or more than 10,000 characters.

    Example:
        >>> words = Vocabulary.build([["is", "it", "red"]])
        >>> read_question("Is it blue?", words, "The question")
        AskedQuestion(text='Is it blue?', tokens=(4, 5, 3), unknown_words=('blue',))
    """
    if not isinstance(question, str):
        raise TypeError(f"{name} must be a string, got {type(question).__name__}.")
    words = tokenize(question)
    if not words:
        raise ValueError(
            f"A question has no word in it: {question[:40]!r}. Ask something, such as 'What colour "
            "is it?'."
        )
    unknown = dict.fromkeys(word for word in words if word not in vocabulary)
    return AskedQuestion(question, tuple(vocabulary.encode(words)), tuple(unknown))


def read_pairs(
    pairs: Sequence[tuple[int, Any]], transform: EvalTransform, vocabulary: Vocabulary
) -> Pairs:
    """Open the pictures and read the questions of a batch of pairs.

    A picture that comes several times, by the same name or as the same object, is opened once.

    Args:
        pairs: Numbers and pairs of a picture and a question.
        transform: The transform that the model was evaluated with.
        vocabulary: The model's words.

    Returns:
        The batch.

    Raises:
        TypeError: If something is not a pair of a picture and a string.
    """
    opened: dict[Hashable, Tensor | Failure] = {}
    places: dict[Hashable, int] = {}
    batch = Pairs(None, [], [], [])
    for number, pair in pairs:
        picture, question = _split(pair, number)
        try:
            asked = read_question(
                question, vocabulary, f"The question of pair {number} (counted from 0)"
            )
        except ValueError as error:
            batch.failures.append(error)
            continue
        key = _key(picture)
        if key not in opened:
            opened[key] = prepare_picture(picture, transform, number)
        pixels = opened[key]
        if isinstance(pixels, Tensor):
            batch.asked.append(asked)
            batch.image_of.append(places.setdefault(key, len(places)))
        batch.failures.append(None if isinstance(pixels, Tensor) else pixels)
    images = [pixels for pixels in opened.values() if isinstance(pixels, Tensor)]
    return batch._replace(images=torch.stack(images)) if images else batch


def _split(pair: object, number: int) -> tuple[Any, object]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(
            f"`stream` takes pairs (picture, question), got {type(pair).__name__} at position "
            f"{number} (counted from 0)."
        )
    return pair[0], pair[1]


def _key(picture: Picture) -> Hashable:
    """What tells pictures apart that lie in memory together: their name, or which object it is."""
    if isinstance(picture, str | Path | bytes | ImageFile | Scene):
        return picture
    return id(picture)
