"""Which labelled pictures train, which choose, which test, with equally many of each class.

Pictures are put in order by a hash of their names, class by class, and dealt from there: the same
pictures come to the same side on every machine, and every side has each class's share of them.

References:
    Kohavi 1995, "A study of cross-validation and bootstrap for accuracy estimation and model
    selection", section 2 (stratified folds).
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from multimodal.data.examples import ImageExample


def holdout_classes(
    examples: Sequence[ImageExample], fraction: float, seed: int = 0
) -> tuple[list[ImageExample], list[ImageExample]]:
    """Cut the same share off every class.

    Args:
        examples: Usually the training examples.
        fraction: This part is held out; at least 0, below 1.
        seed: Another seed holds out other pictures.

    Returns:
        The kept and the held-out examples, each in the order given.

    Raises:
        ValueError: The fraction is out of range, or leaves nothing on either side.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> examples = [ImageExample(PixelImage("x", n), "ab"[n % 4 > 0], n) for n in range(40)]
        >>> kept, held = holdout_classes(examples, 0.25)
        >>> len(kept), len(held), [example.label for example in held].count("a")
        (30, 10, 2)
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"`holdout` must be at least 0 and below 1, got {fraction}.")
    chosen: set[int] = set()
    owed = 0.0
    for places in _by_class(examples, f"holdout:{seed}"):
        # What rounding takes from one class is given to the next, so that the whole is right.
        owed += fraction * len(places)
        number = round(owed)
        chosen.update(places[:number])
        owed -= number
    if fraction and not 0 < len(chosen) < len(examples):
        raise ValueError(
            f"A holdout of {fraction} of {len(examples)} images leaves "
            f"{len(examples) - len(chosen)} to train on and {len(chosen)} held out; change "
            "`holdout`."
        )
    kept = [example for place, example in enumerate(examples) if place not in chosen]
    return kept, [example for place, example in enumerate(examples) if place in chosen]


def fold_images(
    examples: Sequence[ImageExample], folds: int, fold: int, seed: int = 0
) -> tuple[list[ImageExample], list[ImageExample]]:
    """Take one fold of a cross-validation.

    Every picture is in one of the folds; they are equally large and have equally many of each
    class.

    Args:
        examples: All pictures.
        folds: Number of folds, 2 or more.
        fold: Which one is tested on, from 0.
        seed: Another seed deals them in another way.

    Returns:
        The pictures of the other folds and those of this one, each in the order given.

    Raises:
        ValueError: A number is out of range, or there are fewer pictures than folds.

    Example:
        >>> from multimodal.data.examples import PixelImage
        >>> examples = [ImageExample(PixelImage("x", n), "ab"[n % 2], n) for n in range(100)]
        >>> others, tested = fold_images(examples, 10, 3)
        >>> len(others), len(tested), [example.label for example in tested].count("a")
        (90, 10, 5)
    """
    if folds < 2 or not 0 <= fold < folds:
        raise ValueError(
            f"`folds` must be 2 or more and `fold` from 0 to `folds` - 1, got {folds} and {fold}."
        )
    if len(examples) < folds:
        raise ValueError(f"{len(examples)} images cannot be dealt to {folds} folds; lower `folds`.")
    cards = [place for places in _by_class(examples, f"fold:{seed}") for place in places]
    mine = set(cards[fold::folds])
    others = [example for place, example in enumerate(examples) if place not in mine]
    return others, [example for place, example in enumerate(examples) if place in mine]


def _by_class(examples: Sequence[ImageExample], purpose: str) -> list[list[int]]:
    """Return the places of each class's pictures, in the order of a hash of their names."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        # Numbers, and sets of labels, are no classes: they are dealt as one heap.
        places[example.label if isinstance(example.label, str) else ""].append(place)

    def key(place: int) -> bytes:
        text = f"{purpose}:{examples[place].image_id}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    return [sorted(places[label], key=key) for label in sorted(places)]
