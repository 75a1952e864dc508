"""Labels as the numbers that a loss takes: classes, or the values of a regression."""

import math
from collections.abc import Mapping

_LISTED = 8  # labels that a message names


def class_of(label: object, numbers: Mapping[str, int], owner: str) -> int:
    """Return the number of a label; -1 where there is none.

    Args:
        label: The label of an example.
        numbers: The number of each training label.
        owner: The example's name in messages.

    Raises:
        ValueError: No training example has this label.

    Example:
        >>> class_of("cat", {"dog": 0, "cat": 1}, "photo.jpg")
        1
    """
    if label is None:
        return -1
    if not isinstance(label, str) or label not in numbers:
        more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
        raise ValueError(
            f"{owner}: the label {label!r} is none of the training labels "
            f"({', '.join(list(numbers)[:_LISTED])}{more}). Correct it, or train on examples that "
            "have it."
        )
    return numbers[label]


def number_of(label: str | tuple[str, ...] | float | None, owner: str) -> float:
    """Return a label that is a number; NaN where there is none.

    Args:
        label: The label of an example.
        owner: The example's name in messages.

    Raises:
        ValueError: The label is not a number.
    """
    if isinstance(label, str | tuple):
        raise ValueError(
            f"{owner}: the label must be a number, got {label!r}. Set `target` to label."
        )
    return math.nan if label is None else float(label)
