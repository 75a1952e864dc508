"""Options of a prediction: the keywords of a predictor's call and the flags of its command.

A task declares its options once, as a frozen dataclass that extends `Options`: names, types and
defaults are the fields, `option` adds the help text and the allowed range. Nothing here imports
torch, so that the command line prints its help at once.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from difflib import get_close_matches
from math import inf, isfinite
from typing import Any, NamedTuple, TypeVar

Chosen = TypeVar("Chosen", bound="Options")


class Range(NamedTuple):
    """The numbers that an option may have.

    Args:
        least: The smallest.
        most: The largest.
        above: Whether the smallest itself is excluded.

    Example:
        >>> str(Range(1)), str(Range(0, 1, above=True))
        ('1 or more', 'above 0 and at most 1')
    """

    least: float
    most: float = inf
    above: bool = False

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int | float) or not isfinite(number):
            return False
        return self.least <= number <= self.most and not (self.above and number == self.least)

    def __str__(self) -> str:
        if self.above:
            return f"above {self.least:,} and at most {self.most:,}"
        return f"{self.least:,} or more" if self.most == inf else f"{self.least:,} to {self.most:,}"


def option(default: Any, text: str, *, within: Range | None = None, metavar: str = "N") -> Any:
    """Declare an option, as a field of a dataclass that extends `Options`.

    Args:
        default: The default; None if the predictor chooses one.
        text: The help text.
        within: The numbers allowed.
        metavar: The placeholder of the value in the help text.
    """
    return field(default=default, metadata={"help": text, "within": within, "metavar": metavar})


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of every prediction; each task adds its own.

    Raises:
        TypeError: If a number is expected and something else is given.
        ValueError: If a number is out of range.

    Example:
        >>> Options(batch_size=0)
        Traceback (most recent call last):
        ValueError: `batch_size` must be 1 or more, got 0.
    """

    batch_size: int = option(32, "inputs that go through the model together", within=Range(1))

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(each, getattr(self, each.name))


def read_options(kind: type[Chosen], given: Mapping[str, Any]) -> Chosen:
    """Make the options of a call from its keywords.

    Raises:
        TypeError: If a keyword is unknown; the closest known one is named.
        ValueError: If a value is out of range.

    Example:
        >>> read_options(Options, {"batchsize": 2})
        Traceback (most recent call last):
        TypeError: Unknown option `batchsize`. Did you mean `batch_size`? The options are ...
    """
    known = [each.name for each in fields(kind)]
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f" Did you mean `{close[0]}`?" if close else ""
            raise TypeError(f"Unknown option `{name}`.{hint} The options are {', '.join(known)}.")
    return kind(**given)


def _check(each: "Field[Any]", value: Any) -> None:
    within: Range | None = each.metadata.get("within")
    if within is None or value == each.default:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        assert each.default is not MISSING
        raise TypeError(f"`{each.name}` must be a number, got {type(value).__name__}.")
    if value not in within:
        raise ValueError(f"`{each.name}` must be {within}, got {value}.")
