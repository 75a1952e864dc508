"""The output of a command: tables, JSON arrays, JSON lines, progress and complaints.

Every printer writes a row as soon as its result is there.
"""

import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, NamedTuple

GAP: Final = "  "  # between two columns
_PROGRESS_SECONDS = 0.5
_DIGITS = 4  # of numbers in JSON


def printable(name: str) -> str:
    r"""Escape control characters, so that a text cannot steer the terminal.

    Example:
        >>> printable("a\x1b[2Jb\n")
        'a\\x1b[2Jb\\n'
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)


def shortened(name: str, width: int) -> str:
    """Cut the beginning of a name that is too long, since the end of a path says more.

    Example:
        >>> shortened("holiday/dog.jpg", 10)
        '...dog.jpg'
    """
    return name if len(name) <= width else f"...{name[3 - width :]}"


def terminal_width() -> int | None:
    """Return the columns of the terminal that standard output goes to; None for a file or pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


class Column(NamedTuple):
    """A column of a table; of width 0 it is not shown.

    Attributes:
        title: Its title.
        width: Its width.
        right: Whether its cells are aligned to the right.
    """

    title: str
    width: int
    right: bool = False


class Table:
    """A table whose title is written before the first row.

    Args:
        columns: Its columns; the last one may be wider than it says.

    Example:
        >>> Table([Column("label", 6), Column("probability", 11, right=True)]).row(["rose", "9 %"])
        label   probability
        rose            9 %
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.is_empty = True

    def row(self, cells: Iterable[str | Sequence[str]]) -> None:
        """Write a row, with one line or several for each column."""
        if self.is_empty:
            self._line([column.title for column in self.columns])
            self.is_empty = False
        lines = ([cell] if isinstance(cell, str) else cell for cell in cells)
        for line in zip_longest(*lines, fillvalue=""):
            self._line(line)

    def _line(self, cells: Sequence[str]) -> None:
        pairs = zip(self.columns, cells, strict=True)
        shown = [
            f"{cell:>{column.width}}" if column.right else f"{cell:<{column.width}}"
            for column, cell in pairs
            if column.width
        ]
        sys.stdout.write(f"{GAP.join(shown).rstrip()}\n")


class JsonArray:
    """A JSON array with an object a line, so that it can be read while it is written."""

    def __init__(self) -> None:
        self.separator = "["

    def row(self, values: Mapping[str, Any]) -> None:
        """Write an object."""
        sys.stdout.write(f"{self.separator}\n{json_line(values)}")
        self.separator = ","

    def end(self) -> None:
        """Close the array."""
        sys.stdout.write("\n]\n" if self.separator == "," else "[]\n")


class JsonLines:
    """A JSON object a line, each complete when it is written."""

    def row(self, values: Mapping[str, Any]) -> None:
        """Write an object."""
        sys.stdout.write(f"{json_line(values)}\n")

    def end(self) -> None:
        """Write nothing."""


def json_line(values: Mapping[str, Any]) -> str:
    """Write an object as JSON on one line, numbers rounded to four digits."""
    # Imported late: results import torch, and the help should not.
    from multimodal.inference.result import as_json

    return as_json(dict(values), digits=_DIGITS)


class Progress:
    """A line on stderr that counts results, if that is a terminal and standard output is not.

    Args:
        total: Number of results; None shows nothing.
        noun: The results, in the plural.
    """

    def __init__(self, total: int | None, noun: str) -> None:
        self.total, self.noun = total or 0, noun
        self.done = 0
        self.shown = total is not None and sys.stderr.isatty() and not sys.stdout.isatty()
        self.start = self.last = time.monotonic()

    def step(self) -> None:
        """Count one result."""
        self.done += 1
        now = time.monotonic()
        if self.shown and now - self.last >= _PROGRESS_SECONDS:
            self.last = now
            rate = self.done / (now - self.start)
            sys.stderr.write(f"\r{self.done:,} of {self.total:,} {self.noun}, {rate:.1f} a second")
            sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        if self.shown:
            sys.stderr.write("\r\x1b[K")


class Complaints:
    """Sentences on stderr, each once.

    Args:
        clear: Called before a sentence is written.

    Attributes:
        failed: Whether an input could not be used.
    """

    def __init__(self, clear: Callable[[], None] = lambda: None) -> None:
        self.failed = False
        self.clear = clear
        self.written: set[str] = set()

    def fail(self, problem: object) -> None:
        """Write a problem, and remember it for the exit code."""
        self.failed = True
        self.say(str(problem))

    def say(self, sentence: str) -> None:
        """Write a sentence, unless it was written before."""
        if sentence not in self.written:
            self.written.add(sentence)
            self.clear()
            sys.stderr.write(f"multimodal: {printable(sentence)}\n")


def percent(probability: float) -> str:
    """Format a probability.

    Example:
        >>> percent(0.925)
        '92.5 %'
    """
    return f"{100 * probability:.1f} %"
