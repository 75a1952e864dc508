"""Find a table and read its rows: a CSV, TSV or JSONL file.

Instead of one table with all splits, such as `captions.csv`, there may be one for each split:
`train.csv`, `val.csv` and `test.csv`. CSV and TSV follow RFC 4180; stray quotes and rows with too
many fields are refused, where the usual lenient reading would silently join or drop text.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multimodal.data.readers.file_search import require_folder, some
from multimodal.data.readers.splits import canonical_split, split_names
from multimodal.data.readers.text_files import closest, field, parse_json, read_lines, read_text

_KINDS = (".csv", ".tsv", ".jsonl")
_PICTURES = " and the images beside it or in images/"
_CONTENT = {
    name: f"Put {name}.csv there (columns {columns}; .tsv or .jsonl will do too){beside}; "
    "data/README.md shows an example."
    for name, columns, beside in (
        ("captions", "image and caption", _PICTURES),
        ("questions", "image, question and answer", _PICTURES),
        ("labels", "image and label", _PICTURES),
        ("texts", "text and label", ""),
    )
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its file, the folder from which its pictures are named, and its split.

    The split is empty where the table's rows, or a hash, decide.
    """

    path: Path
    root: Path
    split: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Args:
        where: File and line, for messages.
        values: Its values by column or key: texts, or in JSONL any value.
        split: train, val or test; empty where neither the table nor the row names it.
        image: The picture's name as `clean_name` returns it; empty in a table of texts.
    """

    where: str
    values: Mapping[str, Any]
    split: str
    image: str = ""


def find_table(root: Path, split: str, stem: str, *, file: str = "") -> Table:
    """Find the table of a split: `file`, else one called `stem`, else one called like the split.

    A `root` that is a file is the table itself.

    Example:
        >>> find_table(Path("data/samples/tsv"), "val", "captions").path.name
        'val.tsv'
    """
    if root.is_file():
        return Table(_of_known_kind(root), root.parent)
    require_folder(root, _CONTENT[stem])
    if file:
        return Table(_of_known_kind(root / file), root)
    for name in (stem, *split_names(split)):
        files = [root / f"{name}{kind}" for kind in _KINDS if (root / f"{name}{kind}").is_file()]
        if len(files) > 1:
            names = ", ".join(path.name for path in files)
            raise ValueError(f"{root} has several tables: {names}. Name one with `file`.")
        if files:
            return Table(files[0], root, "" if name == stem else split)
    there = some(sorted(path.name for path in root.iterdir() if path.suffix in _KINDS))
    raise FileNotFoundError(
        f"No {stem}.csv or {split}.csv (.tsv, .jsonl) in {root}; there is {there or 'no table'}. "
        f"{_CONTENT[stem]}"
    )


def read_rows(table: Table, columns: Sequence[str], split_column: str) -> Iterator[Row]:
    """Read all rows of a table, blank lines passed over; `columns` must exist.

    The column of the split may be missing, unless its name is not ``split`` and so was chosen by
    the user.
    """
    required = [*columns, *([] if split_column == "split" else [split_column])]
    suffix = table.path.suffix.lower()
    if suffix == ".jsonl":
        records = _json_rows(table.path, required, split_column)
    else:
        records = read_delimited(table.path, "\t" if suffix == ".tsv" else ",", required)
    for line, values in records:
        where = f"{table.path}:{line}"
        split = ""
        if split_column in values:
            split = canonical_split(field(values, split_column, str, where), where)
        yield Row(where, values, table.split or split)


def read_delimited(
    path: Path, delimiter: str, columns: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and values of each row of a comma- or tab-separated file with a header."""
    lines = _delimited_lines(path, delimiter)
    start, header = next(lines, (1, []))
    header = [name.strip() for name in header]
    _check_header(f"{path}:{start}", header, columns)
    for line, values in lines:
        if len(values) != len(header):
            raise ValueError(
                f"{path}:{line} has {len(values)} fields, the header has {len(header)}; "
                "put double quotes around a text that contains the delimiter."
            )
        yield line, dict(zip(header, values, strict=True))


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and object of each line of a JSONL file, blank lines passed over."""
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            record = parse_json(line, path, number)
            if not isinstance(record, dict):
                raise ValueError(f"{path}:{number} must be an object {{...}}, got {record!r:.40}.")
            yield number, record


def _of_known_kind(path: Path) -> Path:
    if path.suffix.lower() not in _KINDS:
        raise ValueError(f"{path} must end in .csv, .tsv or .jsonl, which says how to read it.")
    return path


def _delimited_lines(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
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


def _json_rows(
    path: Path, required: Sequence[str], split_column: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    with_split: bool | None = None
    for number, record in read_json_lines(path):
        where = f"{path}:{number}"
        for key in required:
            field(record, key, object, where)
        if with_split is None:
            with_split = split_column in record
        if not with_split and split_column in record:
            raise ValueError(
                f"{where} has a '{split_column}', lines above have none; give all one."
            )
        if with_split:
            field(record, split_column, str, where)
        yield number, record
