"""Texts of the command line: in quotes, on standard input, or in files, one a line.

Lines are read as they are wanted, so that a pipe of any length can be judged while it is written.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from multimodal.cli.caption import printable

_STANDARD_INPUT = "standard input"
_MARK = b"\xef\xbb\xbf"  # some editors put it before the first letter of a file in UTF-8


class Line(NamedTuple):
    """A text and where it stands.

    Attributes:
        text: The text; empty if it cannot be read.
        file: The file's name; empty for a text in quotes.
        number: Of the line, from 1; 0 for a text in quotes.
        problem: Why it cannot be read; None if it can.
    """

    text: str
    file: str = ""
    number: int = 0
    problem: ValueError | None = None

    @property
    def place(self) -> str:
        """What the line is called in a message; empty for a text in quotes."""
        return f"{self.file}, line {self.number}" if self.file else ""


class TextSources:
    r"""All texts of a call, one after the other.

    Args:
        given: Texts; ``-`` stands for standard input.
        files: Files of texts, read after these.

    Attributes:
        is_typed: Whether somebody types them just now.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If it is a folder.

    Example:
        >>> path = getfixture("tmp_path") / "two.txt"
        >>> path.write_text("a good film\n\na bad one\n")
        23
        >>> sources = TextSources(["fun"], [path])
        >>> list(sources.texts())
        ['fun', 'a good film', 'a bad one']
        >>> [sources.next_line().number for _ in range(3)]
        [0, 1, 3]
    """

    def __init__(self, given: Sequence[str], files: Sequence[Path] = ()) -> None:
        for file in files:
            if file.is_dir():
                raise ValueError(f"{file} is a folder. Give a file of texts, one a line.")
            if not file.exists():
                raise FileNotFoundError(f"No file {file}. Check the path.")
        self.given = list(given)
        self.files = list(files)
        self.is_typed = "-" in self.given and sys.stdin.isatty()
        self._waiting: deque[Line] = deque()

    def texts(self) -> Iterator[str]:
        """Yield each text; empty where one cannot be read.

        Raises:
            ValueError: If standard input or a file holds no text.
        """
        for line in self._lines():
            self._waiting.append(line)
            yield line.text

    def next_line(self) -> Line:
        """Return the earliest text yielded that was not returned yet."""
        return self._waiting.popleft()

    def _lines(self) -> Iterator[Line]:
        for text in self.given:
            if text == "-":
                yield from _read(sys.stdin.buffer, _STANDARD_INPUT)
            else:
                yield Line(text)
        for file in self.files:
            with file.open("rb") as opened:
                yield from _read(opened, printable(str(file)))


def _read(source: Iterable[bytes], name: str) -> Iterator[Line]:
    is_empty = True
    for number, raw in enumerate(source, start=1):
        content = raw.removeprefix(_MARK) if number == 1 else raw
        if not content.strip():
            continue
        is_empty = False
        try:
            yield Line(content.decode("utf-8").strip(), name, number)
        except UnicodeDecodeError:
            problem = ValueError("This is not text in UTF-8. Save the texts so.")
            yield Line("", name, number, problem)
    if is_empty:
        where = "Standard input" if name == _STANDARD_INPUT else name
        raise ValueError(f"{where} holds no text. Write some there, one a line.")
