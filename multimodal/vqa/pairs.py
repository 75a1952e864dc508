"""Questions, and pairs of a picture and a question, made ready for a model.

Of the pairs of a batch, each picture is opened once however many questions are asked about it.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from multimodal.data.examples import ImageFile
from multimodal.data.transforms import EvalTransform
from multimodal.inference.inputs import Picture, SeenPicture, see_picture
from multimodal.text import Vocabulary, tokenize
from multimodal.worlds.scenes import Scene

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
        pictures: Each different picture once.
        asked: The question of each usable pair.
        image_of: Which image each usable pair is about.
        failures: What is wrong with each pair; None where nothing is.
    """

    pictures: list[SeenPicture]
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


def pair_up(pictures: object, questions: str | Iterable[str]) -> Iterator[tuple[Any, Any]]:
    """Ask many pictures one question, or each its own.

    Args:
        pictures: The pictures.
        questions: The question, or as many as there are pictures.

    Yields:
        Pairs of a picture and a question.

    Raises:
        TypeError: If the pictures are no pictures.
        ValueError: If there are not as many questions as pictures.

    Example:
        >>> list(pair_up(["a.jpg", "b.jpg"], "Is it red?"))
        [('a.jpg', 'Is it red?'), ('b.jpg', 'Is it red?')]
        >>> list(pair_up(["a.jpg", "b.jpg"], ["Is it red?"]))
        Traceback (most recent call last):
        ValueError: Many pictures are asked one question, or one each: got 2 pictures ...
    """
    if not isinstance(pictures, Iterable):
        raise TypeError(
            "A predictor takes a picture (a path, bytes, a PIL image, an array or a tensor) or a "
            f"sequence of them, got {type(pictures).__name__}."
        )
    if isinstance(questions, str):
        yield from ((picture, questions) for picture in pictures)
        return
    many, asked = list(pictures), list(questions)
    if len(many) != len(asked):
        raise ValueError(
            f"Many pictures are asked one question, or one each: got {len(many)} pictures and "
            f"{len(asked)} questions."
        )
    yield from zip(many, asked, strict=True)


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
    opened: dict[Hashable, SeenPicture | Failure] = {}
    places: dict[Hashable, int] = {}
    batch = Pairs([], [], [], [])
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
            opened[key] = see_picture(picture, transform, number)
        seen = opened[key]
        if not isinstance(seen, SeenPicture):
            batch.failures.append(seen)
            continue
        if key not in places:
            places[key] = len(batch.pictures)
            batch.pictures.append(seen)
        batch.asked.append(asked)
        batch.image_of.append(places[key])
        batch.failures.append(None)
    return batch


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
