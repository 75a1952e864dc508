"""Assign examples to train, val and test, hold a part out, make folds for cross-validation.

A data set either names its splits itself (lists, a column, a key) or is split by a hash: of a
picture's name, or of a text's letters, so that texts that differ only in case, signs and spaces
stay together. A hash keeps an example in its split when others are added or removed, on every
machine, and needs no stored list. All captions of a picture, and all questions about it, stay in
one part.

References:
    Kohavi 1995, "A study of cross-validation and bootstrap for accuracy estimation and model
    selection", section 2 (stratified folds).
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeVar

from multimodal.data.duplicates import letters_of
from multimodal.data.examples import CaptionExample, ImageExample, QuestionExample, TextExample
from multimodal.data.readers.text_files import closest

SPLITS = ("train", "val", "test")
ALL = "all"
_Example = TypeVar("_Example", CaptionExample, QuestionExample, TextExample, ImageExample)
_ALIASES = {"dev": "val", "valid": "val", "validation": "val"}


def canonical_split(split: str, where: str = "", *, allow_all: bool = False) -> str:
    """Return a split's canonical name: train, val or test; dev, valid and validation mean val.

    Example:
        >>> canonical_split("dev")
        'val'
        >>> canonical_split("trian")
        Traceback (most recent call last):
        ValueError: split must be train, val or test, got 'trian'; did you mean 'train'?
    """
    plain = split.strip().lower()
    name = _ALIASES.get(plain, plain)
    if name in SPLITS or (allow_all and split == ALL):
        return name
    hint = closest(plain, [*SPLITS, *_ALIASES])
    hint = hint if hint.endswith("?") else "."
    subject = f"{where}: the split" if where else "split"
    raise ValueError(f"{subject} must be train, val or test, got {split!r}{hint}")


def train_or_test(split: str, root: Path, name: str) -> str:
    """Return the canonical name of a split of a set that has no val; val is refused."""
    split = canonical_split(split)
    if split == "val":
        raise ValueError(
            f"{root}: {name} has no val; hold out a part of train with `data.holdout`."
        )
    return split


def split_names(split: str) -> list[str]:
    """List the names of a split, its canonical one first."""
    return [split, *(alias for alias, name in _ALIASES.items() if name == split)]


def text_key(text: str) -> str:
    """Return the part of a text that is hashed: its letters, or its signs if it has no letter.

    Example:
        >>> text_key("Not bad !") == text_key("not bad.")
        True
    """
    return letters_of(text) or text


def split_by_hash(key: str) -> str:
    """Assign a picture's name or a `text_key` to a split: 80 % train, 10 % val, 10 % test.

    Example:
        >>> [split_by_hash(name) for name in ("red_square.png", "green_triangle.png")]
        ['train', 'val']
    """
    fraction = _fraction(_digest("split", key))
    if fraction < 0.8:
        return "train"
    return "val" if fraction < 0.9 else "test"


def texts_of_split(examples: Sequence[TextExample], split: str) -> list[TextExample]:
    """Return one split of a corpus that has no official splits, by a hash; or all of it.

    Example:
        >>> examples = [TextExample(f"Text {n} .", "good", str(n)) for n in range(100)]
        >>> [len(texts_of_split(examples, split)) for split in ("train", "val", "test", "all")]
        [84, 10, 6, 100]
    """
    if split == ALL:
        return list(examples)
    return [example for example in examples if split_by_hash(text_key(example.text)) == split]


def holdout(
    examples: Sequence[_Example], fraction: float, seed: int = 0, *, stratify: bool = False
) -> tuple[list[_Example], list[_Example]]:
    """Hold a part of the examples out, by a hash of each picture's id or each text's letters.

    Both the kept and the held-out examples stay in the order given. A fraction that leaves nothing
    on either side is an error.

    Args:
        fraction: The fraction that is held out, at least 0 and below 1.
        seed: Another seed holds out other examples.
        stratify: Whether to hold out exactly the same fraction of each class. Otherwise it is
            approximate, but an example stays in its part when others are added or removed.

    Example:
        >>> examples = [TextExample(f"Text {n} .", "ab"[n % 4 > 0], str(n)) for n in range(40)]
        >>> [len(part) for part in holdout(examples, 0.25)]
        [26, 14]
        >>> kept, heldout = holdout(examples, 0.25, stratify=True)
        >>> len(heldout), [example.label for example in heldout].count("a")
        (10, 2)
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"`holdout` must be at least 0 and below 1, got {fraction}.")
    purpose = f"holdout:{seed}"
    if stratify:
        chosen = _same_fraction_of_each_class(examples, fraction, purpose)
    else:
        fractions = [_fraction(_digest(purpose, _key(example))) for example in examples]
        chosen = {index for index, value in enumerate(fractions) if value < fraction}
    if fraction and not 0 < len(chosen) < len(examples):
        raise ValueError(
            f"A holdout of {fraction} of {len(examples)} examples leaves "
            f"{len(examples) - len(chosen)} to train on and {len(chosen)} held out; change "
            "`holdout`."
        )
    return _divided(examples, chosen)


def take_fold(
    examples: Sequence[_Example], folds: int, fold: int, seed: int = 0
) -> tuple[list[_Example], list[_Example]]:
    """Divide the examples into those of the other folds and those of one fold, stratified by class.

    Folds are equally large and have equally many examples of each class, as far as duplicate texts,
    which always share a fold, allow it.

    Args:
        fold: The index of the fold to test on.
        seed: Another seed gives other folds.

    Example:
        >>> examples = [TextExample(f"Text {n} .", "ab"[n % 2], str(n)) for n in range(100)]
        >>> others, tested = take_fold(examples, 10, 3)
        >>> len(others), len(tested), [example.label for example in tested].count("a")
        (90, 10, 5)
    """
    if folds < 2 or not 0 <= fold < folds:
        raise ValueError(
            f"`folds` must be 2 or more and `fold` from 0 to `folds` - 1, got {folds} and {fold}."
        )
    if len(examples) < folds:
        raise ValueError(
            f"{len(examples)} examples cannot be divided into {folds} folds; lower `folds`."
        )
    groups = [group for groups in _by_class(examples, f"fold:{seed}") for group in groups]
    return _divided(examples, {index for group in groups[fold::folds] for index in group})


def _same_fraction_of_each_class(
    examples: Sequence[_Example], fraction: float, purpose: str
) -> set[int]:
    chosen: set[int] = set()
    due = 0.0
    for groups in _by_class(examples, purpose):
        indices = [index for group in groups for index in group]
        # The rounding error of one class is carried to the next: the total is exact.
        due += fraction * len(indices)
        number = round(due)
        chosen.update(indices[:number])
        due -= number
    return chosen


def _by_class(examples: Sequence[_Example], purpose: str) -> list[list[list[int]]]:
    """Return the indices of each class in the order of their hashes; equal texts form a group."""
    labels: dict[bytes, str] = {}
    classes: dict[str, dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, example in enumerate(examples):
        digest = _digest(purpose, _key(example))
        if not isinstance(example, TextExample):
            digest += index.to_bytes(8, "big")  # two pictures may have the same name
        # An equal text with another label belongs to the class of the first.
        classes[labels.setdefault(digest, _class(example))][digest].append(index)
    return [[indices for _, indices in sorted(classes[label].items())] for label in sorted(classes)]


def _divided(
    examples: Sequence[_Example], chosen: Collection[int]
) -> tuple[list[_Example], list[_Example]]:
    others = [example for index, example in enumerate(examples) if index not in chosen]
    return others, [examples[index] for index in sorted(chosen)]


def _key(example: CaptionExample | QuestionExample | TextExample | ImageExample) -> str:
    return text_key(example.text) if isinstance(example, TextExample) else str(example.image_id)


def _class(example: CaptionExample | QuestionExample | TextExample | ImageExample) -> str:
    """Return the label; all numbers and sets of labels count as one class."""
    label = getattr(example, "label", "")
    return label if isinstance(label, str) else ""


def _digest(purpose: str, key: str) -> bytes:
    return hashlib.sha256(f"{purpose}:{key}".encode("utf-8", "surrogatepass")).digest()


def _fraction(digest: bytes) -> float:
    return int.from_bytes(digest[:8], "big") / 2**64
