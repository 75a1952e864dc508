"""Check a data set before a model is trained on it for hours.

The check opens every picture, measures the texts, counts labels and the words that a vocabulary
lacks, and finds examples that are in two splits: a model that is tested on its training data looks
better than it is.

References:
    Barz and Denzler 2020, "Do we train on test data? Purging CIFAR of near-duplicates" (3 % of
    CIFAR-10's test pictures are in its training split, too).
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]  # it brings no types

from multimodal.data.duplicates import letters_of
from multimodal.data.examples import (
    CaptionExample,
    ImageExample,
    ImageFile,
    PixelImage,
    QuestionExample,
    TextExample,
)
from multimodal.data.images import load_image
from multimodal.text import tokenize
from multimodal.worlds.scenes import Scene

Example: TypeAlias = CaptionExample | QuestionExample | TextExample | ImageExample
StoredImage: TypeAlias = ImageFile | PixelImage

SPLITS: Final = ("train", "val", "test")
MAX_NAMED: Final = 10
"""The most words, labels and pictures that are listed by name."""

_BINS = 10


class OpenedImages(NamedTuple):
    """The result of opening pictures.

    Attributes:
        broken: A sentence for each picture that cannot be opened; it names the picture.
        digests: The names of the others by a digest of their pixels; of equal ones the first.
        copies: The number of pictures that are equal to an earlier one.
    """

    broken: list[str]
    digests: dict[str, str]
    copies: int


class Lengths(NamedTuple):
    """Lengths of texts in words; a bin is its least and largest length and its number of texts."""

    shortest: int
    median: int
    longest: int
    bins: list[tuple[int, int, int]]


class Coverage(NamedTuple):
    """The words of some texts, those in the vocabulary, and the counts of the unknown ones."""

    words: int
    known: int
    unknown: list[tuple[str, int]]


def examine(data: Any, missing: Sequence[str], *, open_pictures: bool) -> dict[str, Any]:
    """Check all examples of a data module.

    Args:
        missing: Names of missing pictures; the readers fill it while they read.

    Returns:
        JSON types: ``ok``, ``missing`` and ``broken`` (pictures), ``problems`` (sentences about
        splits that cannot be read), ``splits`` (a dictionary each), ``vocabulary`` (its size;
        None for pictures alone).
    """
    if not hasattr(data, "examples"):
        raise ValueError(
            f"{type(data).__name__} has no examples to check; check data of captioning, "
            "questions, sentiment or classification."
        )
    problems: list[str] = []
    examples = {split: _read(data, split, problems) for split in SPLITS}
    words = data.words if hasattr(data, "words") else None
    parse = getattr(data, "parse", tokenize)  # a language model may read characters
    splits = {split: _counts(examples[split], words, parse) for split in SPLITS}
    opened = {split: _open(data, examples[split]) for split in SPLITS} if open_pictures else {}
    for split, images in opened.items():
        splits[split]["pictures"] = len(images.digests) + images.copies
        splits[split]["copies"] = images.copies
    texts = {
        split: text_digests(named_texts(examples[split]))
        for split in SPLITS
        if examples[split] and isinstance(examples[split][0], TextExample)
    }
    pictures = {split: images.digests for split, images in opened.items()}
    for split in SPLITS[1:]:
        splits[split]["in_train"] = [
            list(pair)
            for names in (pictures, texts)
            if split in names and "train" in names
            for pair in overlap(names["train"], names[split])
        ]
    broken = [sentence for images in opened.values() for sentence in images.broken]
    return {
        "ok": not (missing or broken or problems),
        "missing": list(dict.fromkeys(missing)),
        "broken": list(dict.fromkeys(broken)),
        "problems": problems,
        "vocabulary": None if words is None else len(words),
        "splits": splits,
    }


def texts_of(example: Example) -> tuple[str, ...]:
    """Return an example's captions, questions or text."""
    match example:
        case CaptionExample():
            return example.captions
        case QuestionExample():
            return tuple(question.text for question in example.questions)
        case TextExample():
            return (example.text,)
    return ()


def named_texts(examples: Iterable[Example]) -> Iterator[tuple[str, str]]:
    """Yield each text with the id of its example."""
    for example in examples:
        name = example.text_id if isinstance(example, TextExample) else example.image_id
        for text in texts_of(example):
            yield str(name), text


def labels_of(example: Example) -> tuple[str, ...]:
    """Return an example's labels, or the first answer to each of its questions."""
    match example:
        case QuestionExample():
            return tuple(question.answers[0] for question in example.questions if question.answers)
        case TextExample() | ImageExample():
            label = example.label
            if label is None:
                return ()
            return label if isinstance(label, tuple) else (str(label),)
    return ()


def open_images(
    images: Iterable[StoredImage], load: Callable[[StoredImage], Tensor]
) -> OpenedImages:
    """Open each picture once with `load`; one for which it raises an error is broken."""
    broken: list[str] = []
    digests: dict[str, str] = {}
    copies = 0
    for image in dict.fromkeys(images):
        try:
            pixels = load(image)
        except (ValueError, OSError) as error:
            broken.append(str(error))
            continue
        digest = hashlib.blake2b(str(tuple(pixels.shape)).encode(), digest_size=16)
        digest.update(pixels.contiguous().numpy().tobytes())
        copies += digests.setdefault(digest.hexdigest(), str(image)) != str(image)
    return OpenedImages(broken, digests, copies)


def text_digests(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the name of each text by its letters and digits; of equal texts the first one's.

    Example:
        >>> text_digests([("1", "It does n't work ."), ("2", "it doesn't work"), ("3", "!")])
        {'itdoesntwork': '1'}
    """
    digests: dict[str, str] = {}
    for name, text in texts:
        if letters := letters_of(text):
            digests.setdefault(letters, name)
    return digests


def overlap(train: Mapping[str, str], other: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the names of equal examples of two splits, as pairs."""
    return [(train[digest], name) for digest, name in other.items() if digest in train]


def measure(lengths: Sequence[int]) -> Lengths:
    """Summarise lengths, with at most ten bins of about equal width.

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
        (low + index * width, min(low + (index + 1) * width - 1, high), counts[index])
        for index in range((high - low) // width + 1)
    ]
    return Lengths(low, ordered[(len(ordered) - 1) // 2], high, bins)


def cover(sentences: Iterable[Sequence[str]], known: Callable[[str], bool]) -> Coverage:
    """Count the words of sentences and those that are known; unknown ones, most frequent first.

    Example:
        >>> cover([["a", "red", "gnu"], ["a", "gnu"]], {"a", "red"}.__contains__)
        Coverage(words=5, known=3, unknown=[('gnu', 2)])
    """
    counts = Counter(word for sentence in sentences for word in sentence)
    unknown = Counter({word: count for word, count in counts.items() if not known(word)})
    total = counts.total()
    return Coverage(total, total - unknown.total(), unknown.most_common())


def _read(data: Any, split: str, problems: list[str]) -> list[Example]:
    """Read a split; an error in one that is not trained on does not hide the other splits."""
    try:
        examples: list[Example] = data.examples(split)
    except (ValueError, OSError) as error:
        if split == "train":
            raise
        problems.append(f"{split}: {error}")
        return []
    if not examples:
        problems.append(f"{split} has no example.")
    return examples


def _counts(
    examples: Sequence[Example], words: Any, parse: Callable[[str], list[str]]
) -> dict[str, Any]:
    """Count the examples, texts, labels and words of a split."""
    labels = Counter(label for example in examples for label in labels_of(example))
    sentences = [parse(text) for example in examples for text in texts_of(example)]
    counts: dict[str, Any] = {
        "examples": len(examples),
        "texts": len(sentences),
        "labels": dict(labels.most_common()),
    }
    if sentences:
        counts["lengths"] = measure([len(sentence) for sentence in sentences])._asdict()
    if words is not None:
        covered = cover(sentences, words.__contains__)
        counts["words"], counts["known_words"] = covered.words, covered.known
        counts["unknown"] = [list(pair) for pair in covered.unknown[:MAX_NAMED]]
    return counts


def _open(data: Any, examples: Sequence[Example]) -> OpenedImages:
    """Open every picture that is stored in a file or in memory; scenes can always be drawn."""
    images = [
        example.image
        for example in examples
        if not isinstance(example, TextExample) and not isinstance(example.image, Scene)
    ]

    def load(image: StoredImage) -> Tensor:
        if isinstance(image, PixelImage):
            return torch.from_numpy(data.sets[image.source].images[image.index])
        return load_image(image)

    hidden = not sys.stderr.isatty()
    return open_images(tqdm(images, unit=" pictures", disable=hidden, leave=False), load)
