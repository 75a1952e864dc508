"""Which texts train, which choose, which test, where a corpus does not say so.

Texts are told apart by their letters, not by their place in a file: texts that differ only in case,
signs and spaces always stay on one side. A hash of the letters puts a text into train, val or test,
holds out a part, or deals all texts to the folds of a cross-validation.

References:
    Kohavi 1995, "A study of cross-validation and bootstrap for accuracy estimation and model
    selection", section 2 (stratified folds).
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from multimodal.data.duplicates import letters_of
from multimodal.data.examples import TextExample
from multimodal.data.readers.splits import canonical_split

ALL = "all"


def canonical_part(split: str) -> str:
    """Return the name of a split, or of all of them.

    Args:
        split: A split's name, or ``all``.

    Returns:
        "train", "val", "test" or "all".

    Raises:
        ValueError: It is none of these.

    Example:
        >>> canonical_part("dev"), canonical_part("all")
        ('val', 'all')
    """
    return ALL if split == ALL else canonical_split(split)


def split_by_text(text: str) -> str:
    """Put a text into a split by its letters alone: 80 % train, 10 % val, 10 % test.

    Args:
        text: The text.

    Returns:
        "train", "val" or "test".

    Example:
        >>> split_by_text("Not bad !") == split_by_text("not bad.")
        True
    """
    place = int.from_bytes(_digest("split", text)[:8], "big") / 2**64
    if place < 0.8:
        return "train"
    return "val" if place < 0.9 else "test"


def part_of(examples: Sequence[TextExample], split: str) -> list[TextExample]:
    """Take a split of a corpus that has none of its own.

    Args:
        examples: All of its texts.
        split: train, val, test or all.

    Returns:
        Those of the split, in order.

    Example:
        >>> examples = [TextExample(f"Text {n} .", "good", str(n)) for n in range(100)]
        >>> [len(part_of(examples, split)) for split in ("train", "val", "test", "all")]
        [84, 10, 6, 100]
    """
    if split == ALL:
        return list(examples)
    return [example for example in examples if split_by_text(example.text) == split]


def holdout_texts(
    examples: Sequence[TextExample], fraction: float, seed: int = 0
) -> tuple[list[TextExample], list[TextExample]]:
    """Cut a part off a list of texts, by a hash of each text.

    Args:
        examples: Usually the training texts.
        fraction: About this part is held out; at least 0, below 1.
        seed: Another seed holds out other texts.

    Returns:
        The kept and the held-out texts, each in the order given.

    Raises:
        ValueError: The fraction is out of range, or leaves nothing on either side.

    Example:
        >>> examples = [TextExample(f"Text {n} .", "good", str(n)) for n in range(100)]
        >>> kept, held = holdout_texts(examples, 0.1)
        >>> len(kept), len(held)
        (83, 17)
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"`holdout` must be at least 0 and below 1, got {fraction}.")
    kept: list[TextExample] = []
    held: list[TextExample] = []
    for example in examples:
        place = int.from_bytes(_digest(f"holdout:{seed}", example.text)[:8], "big") / 2**64
        (held if place < fraction else kept).append(example)
    if fraction and not (kept and held):
        raise ValueError(
            f"A holdout of {fraction} of {len(examples)} texts leaves {len(kept)} to train on and "
            f"{len(held)} held out; change `holdout`."
        )
    return kept, held


def fold_texts(
    examples: Sequence[TextExample], folds: int, fold: int, seed: int = 0
) -> tuple[list[TextExample], list[TextExample]]:
    """Take one fold of a cross-validation.

    Every text is in one of the folds; they are equally large and have equally many of each label,
    as far as duplicates, which are never taken apart, allow it.

    Args:
        examples: All texts.
        folds: Number of folds, 2 or more.
        fold: Which one is tested on, from 0.
        seed: Another seed deals them in another way.

    Returns:
        The texts of the other folds and those of this one, each in the order given.

    Raises:
        ValueError: A number is out of range, or there are fewer texts than folds.

    Example:
        >>> examples = [TextExample(f"Text {n} .", "ab"[n % 2], str(n)) for n in range(100)]
        >>> others, tested = fold_texts(examples, 10, 3)
        >>> len(others), len(tested), [example.label for example in tested].count("a")
        (90, 10, 5)
    """
    if folds < 2 or not 0 <= fold < folds:
        raise ValueError(
            f"`folds` must be 2 or more and `fold` from 0 to `folds` - 1, got {folds} and {fold}."
        )
    if len(examples) < folds:
        raise ValueError(f"{len(examples)} texts cannot be dealt to {folds} folds; lower `folds`.")
    dealt = _deal(examples, folds, seed)
    others: list[TextExample] = []
    tested: list[TextExample] = []
    for example, mine in zip(examples, dealt, strict=True):
        (tested if mine == fold else others).append(example)
    return others, tested


def _deal(examples: Sequence[TextExample], folds: int, seed: int) -> list[int]:
    """Deal texts like cards: shuffled by their hash, label after label, round and round."""
    digests = [_digest(f"fold:{seed}", example.text) for example in examples]
    by_label: dict[str, dict[bytes, None]] = defaultdict(dict)
    label_of: dict[bytes, str] = {}
    for example, digest in zip(examples, digests, strict=True):
        # Numbers are no labels: real-valued ratings are dealt as one heap.
        own = example.label if isinstance(example.label, str) else ""
        by_label[label_of.setdefault(digest, own)][digest] = None
    cards = [digest for label in sorted(by_label) for digest in sorted(by_label[label])]
    fold_of = {digest: number % folds for number, digest in enumerate(cards)}
    return [fold_of[digest] for digest in digests]


def _digest(purpose: str, text: str) -> bytes:
    # A text without any letter is told by its signs.
    key = f"{purpose}:{letters_of(text) or text}"
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
