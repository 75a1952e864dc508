"""Read comma- or tab-separated files row by row, and say which line is wrong.

The rules of RFC 4180: a field with the delimiter, a quote or a line end in it stands in double
quotes. Stray quotes and rows with a field too many are refused with their line number, where the
usual lenient reading would quietly join or drop captions.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from multimodal.data.readers.text_files import closest, read_text


class Row(NamedTuple):
    """One row: the line it starts at, and its values by column."""

    line: int
    values: dict[str, str]


def read_delimited(path: Path, delimiter: str, columns: Sequence[str]) -> Iterator[Row]:
    r"""Read a table with a header.

    Args:
        path: The file.
        delimiter: Comma or tab.
        columns: Columns that must be there; others are read too.

    Yields:
        The rows; blank lines are passed over.

    Raises:
        ValueError: The header lacks a column or has one twice, or a row cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "captions.csv")
        ...     _ = path.write_text('image,caption\ndog.jpg,"A dog, running ."\n')
        ...     [row.values["caption"] for row in read_delimited(path, ",", ["image", "caption"])]
        ['A dog, running .']
    """
    rows = _rows(path, delimiter)
    start, header = next(rows, (1, []))
    header = [name.strip() for name in header]
    _check_header(f"{path}:{start}", header, columns)
    for line, values in rows:
        if len(values) != len(header):
            raise ValueError(
                f"{path}:{line} has {len(values)} fields, the header has {len(header)}; "
                "put double quotes around a text that contains the delimiter."
            )
        yield Row(line, dict(zip(header, values, strict=True)))


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            hint = "within quotes, write a quote twice"
            if "field limit" in str(error):
                hint = f"shorten the text, or close its quotes; {hint}"
            raise ValueError(f"{path}:{line} is malformed ({error}); {hint}.") from None
        if values and any(value.strip() for value in values):
            yield line, values


def _check_header(where: str, header: list[str], columns: Sequence[str]) -> None:
    if not header:
        raise ValueError(f"{where}: the file is empty; its first line must name the columns.")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{where} names the column '{twice}' twice; rename one.")
    for name in columns:
        if name not in header:
            raise ValueError(f"{where} has no column '{name}'{closest(name, header)}")
