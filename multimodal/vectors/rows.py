"""Read the rows of wanted words from a text file of word vectors.

A row is a word, a space, and as many numbers as in every other row, with single spaces between. A
word may contain spaces itself (GloVe's 840B has ``. . .``), so the numbers are counted from the
end. fastText and word2vec write a first line with two whole numbers, the number of words and the
numbers a word. In other rows only the spaces are counted, for a whole block at once: converting all
numbers to floats is slow.

References:
    Pennington et al. 2014, "GloVe: global vectors for word representation"; Bojanowski et al. 2017,
    "Enriching word vectors with subword information"; Mikolov et al. 2013, "Distributed
    representations of words and phrases and their compositionality". The three formats.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multimodal.vectors.sources import ByteStream

_BLOCK = 1 << 18  # bytes: a block is read three times and stays in the processor's cache
_LONGEST = 1 << 22  # bytes of a line
_HEADER = re.compile(rb"(\d{1,18}) (\d{1,9})")
_SPACE, _LINE_FEED = b" \n"
_FORMAT = " A line is a word and its numbers with single spaces between, as GloVe writes it."


@dataclass(slots=True)
class Rows:
    """The rows of the wanted words, and counts of the file.

    Attributes:
        width: Numbers in a row; 0 before the first row.
        count: Rows of the file.
        promised: Rows and width that the file's first line states, if it does.
        numbers: Vectors by the index of their word.
        folded: The same for words in another case, if that is allowed.
        duplicates: Later rows of wanted words.
        not_utf8: Line of the first row whose word is not UTF-8, and the number of such rows.
    """

    width: int = 0
    count: int = 0
    promised: tuple[int, int] | None = None
    numbers: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    folded: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    duplicates: int = 0
    not_utf8: tuple[int, int] = (0, 0)


def read_rows(
    stream: ByteStream, wanted: Mapping[bytes, int], source: str, *, ignore_case: bool = False
) -> Rows:
    r"""Read the rows of wanted words.

    Args:
        stream: The text.
        wanted: The words as UTF-8, each with its index.
        source: Name of the file, for messages.
        ignore_case: Accept a row whose word in lower case is wanted; the first such row counts.

    Raises:
        ValueError: If the file is empty or no text, a row has another number of numbers than the
            first, or a wanted row has a value that is no finite number. The message names the line.

    Example:
        >>> from io import BytesIO
        >>> text = b"3 2\ndog 0.5 1\n. . . 4 5\ncat 2 -1e-1\n"
        >>> rows = read_rows(BytesIO(text), {b". . .": 7, b"cat": 8}, "small.vec")
        >>> {number: row.tolist() for number, row in rows.numbers.items()}
        {7: [4.0, 5.0], 8: [2.0, -0.10000000149011612]}
    """
    table = _Table(wanted, source, ignore_case=ignore_case)
    for block in _blocks(stream, source):
        table.read(block)
    if not table.rows.count:
        raise ValueError(f"{source} has no word vectors.{_FORMAT}")
    return table.rows


def _blocks(stream: ByteStream, source: str) -> Iterator[bytes]:
    """Yield whole lines, many at once, each with its line feed."""
    rest = stream.read(_BLOCK).removeprefix(b"\xef\xbb\xbf")
    while piece := stream.read(_BLOCK):
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield rest[:cut]
        elif len(rest) > _LONGEST:
            raise ValueError(
                f"{source} has a line of more than {_LONGEST:,} bytes and so is no text file of "
                f"word vectors.{_FORMAT}"
            )
        rest = rest[cut:] + piece
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


class _Table:
    """The state of a file that is read block by block."""

    def __init__(self, wanted: Mapping[bytes, int], source: str, *, ignore_case: bool) -> None:
        self.wanted = wanted
        self.source = source
        self.ignore_case = ignore_case
        self.rows = Rows()
        self.lines = 0  # read so far

    def read(self, block: bytes) -> None:
        """Read the rows of some lines."""
        lines = _split(block)
        skipped = 0 if self.rows.width else self._begin(lines)
        block, starts, ends, spaces = lines.block, lines.starts, lines.ends, lines.spaces
        bounds = zip(starts[skipped:], ends[skipped:], spaces[skipped:], strict=True)
        for number, (start, end, count) in enumerate(bounds, self.lines + skipped + 1):
            if count == self.rows.width:
                after = block.find(b" ", start)
            elif start == end:
                continue
            else:
                after = start + self._word_length(block[start:end], number)
            self.rows.count += 1
            word = block[start:after]
            row = self.wanted.get(word)
            if row is not None:
                self._keep(self.rows.numbers, row, block[start:end], number)
            elif self.ignore_case or not word.isascii():
                row = self.wanted.get(self._lowered(word, number))
                if row is not None and self.ignore_case:
                    self._keep(self.rows.folded, row, block[start:end], number)
        self.lines += len(starts)

    def _begin(self, lines: "_Lines") -> int:
        """Read the header and the width, and count the lines before the first row."""
        for skipped, (start, end) in enumerate(zip(lines.starts, lines.ends, strict=True)):
            line, number = lines.block[start:end], self.lines + skipped + 1
            header = _HEADER.fullmatch(line) if number == 1 else None
            if header:
                self.rows.promised = (int(header[1]), int(header[2]))
            elif line:
                self.rows.width = self._width(line, number)
                return skipped
        return len(lines.starts)

    def _width(self, first: bytes, number: int) -> int:
        """Count the numbers at the end of the first row; its word may contain spaces."""
        width = _trailing_numbers(first)
        if not width:
            raise ValueError(
                f"{self.source}:{number} has no numbers after its word: {_shown(first)}.{_FORMAT} "
                "Word vectors in a binary form must be saved as text first."
            )
        if not self.rows.promised:
            return width
        promised = self.rows.promised[1]
        if not 0 < promised <= width:
            raise ValueError(
                f"{self.source}:{number} has {width} numbers, the first line promises {promised}. "
                "The file is damaged: copy it again, or take its first line out."
            )
        return promised

    def _word_length(self, line: bytes, number: int) -> int:
        """Measure a word that contains spaces; raise if there are too few or too many numbers."""
        width = self.rows.width
        word, *numbers = line.rsplit(b" ", width)
        inner = word.split(b" ")[1:]
        # Words with a figure (``windows 7``) there are; a fraction is one number too many.
        if len(numbers) < width or any(map(_is_fraction, inner)):
            raise ValueError(
                f"{self.source}:{number} has {_trailing_numbers(line)} numbers, the lines before "
                f"it have {width}: {_shown(line)}. The file is damaged or cut short: copy it "
                "again, or take the line out."
            )
        return len(word)

    def _lowered(self, word: bytes, number: int) -> bytes:
        """Convert a word to lower case; count it if it is not UTF-8."""
        try:
            return word.decode().lower().encode()
        except UnicodeDecodeError:
            first, count = self.rows.not_utf8
            self.rows.not_utf8 = (first or number, count + 1)
            return b"\xff"  # no word

    def _keep(
        self, vectors: dict[int, NDArray[np.float32]], row: int, line: bytes, number: int
    ) -> None:
        if row in vectors:
            self.rows.duplicates += vectors is self.rows.numbers
            return
        word, *pieces = line.rsplit(b" ", self.rows.width)
        numbers = _finite(pieces)
        if numbers is None:
            wrong = next(piece for piece in pieces if _finite([piece]) is None)
            raise ValueError(
                f"{self.source}:{number} has {_shown(wrong)} among the numbers of {_shown(word)}, "
                "not a finite number of single precision. Copy the file again, or take the line "
                "out."
            )
        vectors[row] = numbers


class _Lines(NamedTuple):
    """A block of lines: the start, the end and the number of spaces of each."""

    block: bytes
    starts: list[int]
    ends: list[int]
    spaces: list[int]


def _split(block: bytes) -> _Lines:
    """Remove white space before line feeds, and split into lines."""
    letters, ends = _line_ends(block)
    # Before an empty first line, index -1 is the block's last letter, a line feed.
    if np.isin(letters[ends - 1], tuple(b" \t\r")).any():
        block = b"\n".join(line.rstrip(b" \t\r") for line in block.split(b"\n"))
        letters, ends = _line_ends(block)
    starts = np.concatenate(([0], ends[:-1] + 1))
    # Short sums are added four times as fast.
    short = (ends - starts).max() < 1 << 16
    spaces = np.add.reduceat(letters == _SPACE, starts, dtype=np.uint16 if short else np.int64)
    return _Lines(block, starts.tolist(), ends.tolist(), spaces.tolist())


def _line_ends(block: bytes) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    letters = np.frombuffer(block, np.uint8)
    return letters, np.flatnonzero(letters == _LINE_FEED)


def _trailing_numbers(line: bytes) -> int:
    """Count the numbers at a line's end, its first word never among them."""
    pieces = line.split(b" ")[1:]
    return next(
        (count for count, piece in enumerate(reversed(pieces)) if not _is_number(piece)),
        len(pieces),
    )


def _is_number(piece: bytes) -> bool:
    try:
        float(piece)
    except ValueError:
        return False
    return b"_" not in piece  # float takes 1_000 for a number


def _is_fraction(piece: bytes) -> bool:
    return _is_number(piece) and not piece.isdigit() and not piece.isalpha()  # as infinity is


def _finite(pieces: list[bytes]) -> NDArray[np.float32] | None:
    """Convert texts to numbers; return None if one of them is not a finite number."""
    try:
        values = list(map(float, pieces))
    except ValueError:
        return None
    with np.errstate(over="ignore"):
        numbers = np.array(values, dtype=np.float32)
    return numbers if np.isfinite(numbers).all() and b"_" not in b" ".join(pieces) else None


def _shown(text: bytes) -> str:
    return repr(text[:40].decode(errors="replace"))
