"""What is to be known of a data set before a model is trained on it for hours.

Whether its pictures can be opened, how long its texts are, how many of their words a model would
know, what its labels are, and what stands in two parts of it at once: a model that is tested on
what it was trained on looks better than it is.

References:
    Barz and Denzler 2020, "Do we train on test data? Purging CIFAR of near-duplicates" (3 % of
    CIFAR-10's test pictures stand in its training part, too).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from torch import Tensor

from multimodal.data.duplicates import letters_of
from multimodal.data.examples import (
    CaptionExample,
    ImageExample,
    ImageFile,
    PixelImage,
    QuestionExample,
    TextExample,
)
from multimodal.worlds.scenes import Scene

Example: TypeAlias = CaptionExample | QuestionExample | TextExample | ImageExample
AnyImage: TypeAlias = ImageFile | Scene | PixelImage

_BINS = 10


class Opened(NamedTuple):
    """What came of opening pictures.

    Attributes:
        broken: A sentence for each that cannot be used; it names the picture.
        digests: The name of each other one, by a digest of its pixels; of equal ones the first.
        copies: How many more there are of pictures that are there already.
    """

    broken: list[str]
    digests: dict[str, str]
    copies: int


class Lengths(NamedTuple):
    """Lengths of texts in words.

    Attributes:
        shortest: The least.
        median: The middle one.
        longest: The largest.
        bins: Least and largest length of each bin, both counted in, and how many texts it has.
    """

    shortest: int
    median: int
    longest: int
    bins: list[tuple[int, int, int]]


class Coverage(NamedTuple):
    """How much of some texts a vocabulary knows.

    Attributes:
        words: How many words they have, each as often as it stands there.
        known: How many of these it knows.
        unknown: The others with how often they stand there, most frequent first.
    """

    words: int
    known: int
    unknown: list[tuple[str, int]]


def image_of(example: Example) -> AnyImage | None:
    """Return an example's picture, or None for a text.

    Example:
        >>> image_of(TextExample("Fine.", "positive", "1")) is None
        True
    """
    return None if isinstance(example, TextExample) else example.image


def texts_of(example: Example) -> tuple[str, ...]:
    """Return an example's captions, questions or text.

    Example:
        >>> texts_of(TextExample("Fine.", "positive", "1"))
        ('Fine.',)
    """
    match example:
        case CaptionExample():
            return example.captions
        case QuestionExample():
            return tuple(question.text for question in example.questions)
        case TextExample():
            return (example.text,)
    return ()


def labels_of(example: Example) -> tuple[str, ...]:
    """Return an example's labels, or the first answer to each of its questions, as text.

    Example:
        >>> labels_of(TextExample("Fine.", "positive", "1"))
        ('positive',)
    """
    match example:
        case QuestionExample():
            return tuple(question.answers[0] for question in example.questions if question.answers)
        case TextExample() | ImageExample():
            label = example.label
            if label is None:
                return ()
            return label if isinstance(label, tuple) else (str(label),)
    return ()


def open_all(images: Iterable[AnyImage], load: Callable[[AnyImage], Tensor]) -> Opened:
    """Open pictures one after the other.

    Args:
        images: The pictures; one that comes several times is opened once.
        load: Opens one; raises `ImageError` or `FileNotFoundError` where it cannot.

    Returns:
        Which are broken, and digests of the others.

    Example:
        >>> import torch
        >>> found = open_all([PixelImage("a", 0), PixelImage("a", 1)], lambda _: torch.zeros(3))
        >>> found.broken, len(found.digests), found.copies
        ([], 1, 1)
    """
    found = Opened([], {}, 0)
    for image in dict.fromkeys(images):
        try:
            pixels = load(image)
        except (ValueError, OSError) as error:
            found.broken.append(str(error))
            continue
        digest = hashlib.blake2b(str(tuple(pixels.shape)).encode(), digest_size=16)
        digest.update(pixels.contiguous().numpy().tobytes())
        if found.digests.setdefault(digest.hexdigest(), str(image)) != str(image):
            found = found._replace(copies=found.copies + 1)
    return found


def digests_of_texts(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the name of each text, by its letters and digits alone.

    Args:
        texts: Names and texts; a text without a letter is left out.

    Returns:
        Names; of equal texts the first one's.

    Example:
        >>> digests_of_texts([("1", "It does n't work ."), ("2", "it doesn't work"), ("3", "!")])
        {'itdoesntwork': '1'}
    """
    found: dict[str, str] = {}
    for name, text in texts:
        if letters := letters_of(text):
            found.setdefault(letters, name)
    return found


def overlap(train: Mapping[str, str], other: Mapping[str, str]) -> list[tuple[str, str]]:
    """List what stands in two parts of a data set.

    Args:
        train: Names by digests.
        other: The same of the other part.

    Returns:
        Names of it in both.

    Example:
        >>> overlap({"a": "1.jpg", "b": "2.jpg"}, {"b": "7.jpg"})
        [('2.jpg', '7.jpg')]
    """
    return [(train[digest], name) for digest, name in other.items() if digest in train]


def measure(lengths: Sequence[int]) -> Lengths:
    """Summarise lengths, in ten bins at most of about equal width.

    Args:
        lengths: Lengths of texts, at least one.

    Returns:
        The summary.

    Raises:
        ValueError: If there are none.

    Example:
        >>> measure([3, 4, 4, 9])
        Lengths(shortest=3, median=4, longest=9, bins=[(3, 3, 1), (4, 4, 2), ...(9, 9, 1)])
    """
    if not lengths:
        raise ValueError("There are no texts to measure.")
    ordered = sorted(lengths)
    low, high = ordered[0], ordered[-1]
    width = max(1, -(-(high - low + 1) // _BINS))
    counts = Counter((length - low) // width for length in ordered)
    bins = [
        (low + place * width, min(low + (place + 1) * width - 1, high), counts[place])
        for place in range((high - low) // width + 1)
    ]
    return Lengths(low, ordered[(len(ordered) - 1) // 2], high, bins)


def cover(sentences: Iterable[Sequence[str]], known: Callable[[str], bool]) -> Coverage:
    """Count the words of sentences that are known.

    Args:
        sentences: Lists of words.
        known: Tells whether a word is known.

    Returns:
        The counts.

    Example:
        >>> cover([["a", "red", "gnu"], ["a", "gnu"]], {"a", "red"}.__contains__)
        Coverage(words=5, known=3, unknown=[('gnu', 2)])
    """
    counts = Counter(word for sentence in sentences for word in sentence)
    unknown = Counter({word: count for word, count in counts.items() if not known(word)})
    total = counts.total()
    return Coverage(total, total - unknown.total(), unknown.most_common())


def named_texts(examples: Iterable[Example]) -> Iterator[tuple[str, str]]:
    """Yield each text with the name of its example.

    Example:
        >>> list(named_texts([TextExample("Fine.", "positive", "reviews.csv:2")]))
        [('reviews.csv:2', 'Fine.')]
    """
    for example in examples:
        name = example.text_id if isinstance(example, TextExample) else example.image_id
        for text in texts_of(example):
            yield str(name), text
