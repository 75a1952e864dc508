"""Which examples train, which choose, which test.

A data set either says so itself (lists, a column, a key) or is split by a hash of each picture's
name. A hash keeps a picture where it is when others come or go, on every machine, and needs no
stored list. `holdout` cuts a part of the training examples off in the same way, so that one can
choose on it and leave the official validation and test examples alone.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from multimodal.data.examples import CaptionExample, QuestionExample
from multimodal.data.readers.text_files import closest

SPLITS = ("train", "val", "test")
_Example = TypeVar("_Example", CaptionExample, QuestionExample)
_ALIASES = {"dev": "val", "valid": "val", "validation": "val"}


def canonical_split(split: str, where: str = "") -> str:
    """Return a split's name as used here: train, val or test.

    Args:
        split: The name; dev, valid and validation mean val.
        where: File and line or key, for the message.

    Returns:
        "train", "val" or "test".

    Raises:
        ValueError: It is none of these.

    Example:
        >>> canonical_split("dev")
        'val'
        >>> canonical_split("trian")
        Traceback (most recent call last):
        ValueError: split must be train, val or test, got 'trian'; did you mean 'train'?
    """
    plain = split.strip().lower()
    name = _ALIASES.get(plain, plain)
    if name not in SPLITS:
        hint = closest(plain, [*SPLITS, *_ALIASES])
        hint = hint if hint.endswith("?") else "."
        place = f"{where}: the split" if where else "split"
        raise ValueError(f"{place} must be train, val or test, got {split!r}{hint}")
    return name


def split_names(split: str) -> list[str]:
    """List the names that a split goes by.

    Args:
        split: train, val or test.

    Returns:
        Its own name, then its others.

    Example:
        >>> split_names("val")
        ['val', 'dev', 'valid', 'validation']
    """
    return [split, *(alias for alias, name in _ALIASES.items() if name == split)]


def split_by_hash(name: str) -> str:
    """Put a picture into a split by its name alone: 80 % train, 10 % val, 10 % test.

    Args:
        name: The picture's name as the data set writes it.

    Returns:
        "train", "val" or "test".

    Example:
        >>> [split_by_hash(name) for name in ("red_square.png", "green_triangle.png")]
        ['train', 'val']
    """
    place = _fraction(f"split:{name}")
    if place < 0.8:
        return "train"
    return "val" if place < 0.9 else "test"


def holdout(
    examples: Sequence[_Example], fraction: float, seed: int = 0
) -> tuple[list[_Example], list[_Example]]:
    """Cut a part off a list of examples, by a hash of each picture's id.

    Examples are pictures: all captions of a picture, and all questions about it, stay on one side.

    Args:
        examples: Usually the training examples.
        fraction: About this part is held out; at least 0, below 1.
        seed: Another seed holds out other examples.

    Returns:
        The kept and the held-out examples, each in the order given.

    Raises:
        ValueError: The fraction is out of range, or leaves nothing on either side.

    Example:
        >>> from pathlib import Path
        >>> from multimodal.data.examples import ImageFile
        >>> examples = [CaptionExample(ImageFile(Path("x")), ("a",), n) for n in range(1000)]
        >>> kept, held = holdout(examples, 0.1)
        >>> len(kept), len(held)
        (889, 111)
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"holdout `fraction` must be at least 0 and below 1, got {fraction}.")
    kept: list[_Example] = []
    held: list[_Example] = []
    for example in examples:
        place = _fraction(f"holdout:{seed}:{example.image_id}")
        (held if place < fraction else kept).append(example)
    if fraction and not (kept and held):
        raise ValueError(
            f"A holdout of {fraction} of {len(examples)} examples leaves {len(kept)} to train on "
            f"and {len(held)} held out; change the fraction."
        )
    return kept, held


def _fraction(key: str) -> float:
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
