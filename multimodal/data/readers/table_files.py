"""Tables of one's own beside pictures: find the file, read its rows, know each row's split.

What the readers of captions and of questions share. A table is CSV, TSV or JSONL; it names a
picture in each row. An optional column names the split; without it a hash of the picture's name
decides (80 % train, 10 % val, 10 % test), so a picture never changes its split when others are
added. Instead of one table there may be one for each split: `train.csv`, `val.csv`, `test.csv`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multimodal.data.readers.delimited import read_delimited
from multimodal.data.readers.pictures import clean_name, require_folder, some
from multimodal.data.readers.splits import canonical_split, split_by_hash, split_names
from multimodal.data.readers.text_files import field, parse_json, read_lines

_KINDS = (".csv", ".tsv", ".jsonl")


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was found.

    Args:
        path: The file.
        root: The folder from which its pictures are named.
        split: The split that all of it belongs to; empty where its rows say, or a hash.
    """

    path: Path
    root: Path
    split: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table.

    Args:
        where: File and line, for messages.
        image: The picture's name as `clean_name` returns it.
        split: train, val or test.
        values: What it holds by column or key: texts, or in JSONL any value.
    """

    where: str
    image: str
    split: str
    values: Mapping[str, Any]


def find_table(root: Path, split: str, stem: str, *, file: str = "", content: str = "") -> Table:
    """Find the table of a split.

    Args:
        root: The data set's folder; or the table itself.
        split: train, val or test.
        stem: The usual name of a table with all splits, such as captions.
        file: The table's name relative to the root, where it is another.
        content: What belongs into the folder, for messages.

    Returns:
        The table called `file` or `stem`, else the one called like the split.

    Raises:
        FileNotFoundError: The folder or a table is not there.
        ValueError: There are several, or it is neither .csv, .tsv nor .jsonl.

    Example:
        >>> find_table(Path("data/samples/tsv"), "val", "captions").path.name
        'val.tsv'
    """
    if root.is_file():
        return Table(_of_known_kind(root), root.parent)
    require_folder(root, content)
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
        f"{content}"
    )


def read_rows(
    table: Table, columns: Sequence[str], *, image_column: str, split_column: str
) -> Iterator[TableRow]:
    """Read all rows of a table.

    Args:
        table: The table.
        columns: Columns that must be there besides the image's.
        image_column: The column with the picture's name.
        split_column: The column with the split. It may be missing, unless it has another name than
            ``split``, which someone asked for.

    Yields:
        The rows in order, blank lines passed over.

    Raises:
        ValueError: A column is missing, a line cannot be read, a name leads out of the folder, or a
            picture is in two splits; the message names file and line.

    Example:
        >>> table = find_table(Path("data/samples/csv"), "train", "captions")
        >>> row = next(read_rows(table, ["caption"], image_column="image", split_column="split"))
        >>> row.image, row.split, row.values["caption"]
        ('red_square.png', 'train', 'A red square .')
    """
    splits: dict[str, str] = {}
    named = [] if split_column == "split" else [split_column]
    for where, values, split in read_records(
        table.path, [image_column, *columns, *named], split_column
    ):
        image = clean_name(field(values, image_column, str, where), table.root, where)
        row = TableRow(where, image, table.split or split or split_by_hash(image), values)
        if splits.setdefault(image, row.split) != row.split:
            raise ValueError(
                f"{where}: {image!r} is in {row.split} here and in {splits[image]} above; "
                "keep an image in one split."
            )
        yield row


def texts_in(row: TableRow, column: str, *, numbers: bool = False) -> list[str]:
    """Take the texts of a column: one, or in JSONL a list.

    Args:
        row: The row.
        column: The column.
        numbers: Whether whole numbers count as texts, as the answer 2 does.

    Returns:
        The texts as they stand there, maybe none.

    Raises:
        ValueError: There is no such key, or it holds something else.

    Example:
        >>> row = TableRow("a.jsonl:1", "a.png", "train", {"answer": [2, "two"]})
        >>> texts_in(row, "answer", numbers=True)
        ['2', 'two']
    """
    value = field(row.values, column, object, row.where)
    texts = value if isinstance(value, list) else [value]
    kinds = {str, int} if numbers else {str}
    if any(type(text) not in kinds for text in texts):
        raise ValueError(
            f"{row.where}: '{column}' must be a text or a list of texts, got {value!r:.60}."
        )
    return [str(text) for text in texts]


def read_records(
    path: Path, required: Sequence[str], split_column: str
) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Read all lines of a table, whatever it is about.

    Args:
        path: The file, as `find_table` found it.
        required: Columns, or keys, that must be there.
        split_column: The column with the split.

    Yields:
        File and line, the values by column or key, and the split or "" where the line says none.

    Raises:
        ValueError: A column is missing or a line cannot be read; the message names file and line.

    Example:
        >>> where, values, split = next(read_records(Path("data/samples/csv/captions.csv"), [], ""))
        >>> values["caption"], split
        ('A red square .', '')
    """
    if path.suffix.lower() == ".jsonl":
        yield from _json_lines(path, required, split_column)
        return
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    for line, values in read_delimited(path, delimiter, required):
        where = f"{path}:{line}"
        split = canonical_split(values[split_column], where) if split_column in values else ""
        yield where, values, split


def _of_known_kind(path: Path) -> Path:
    if path.suffix.lower() not in _KINDS:
        raise ValueError(f"{path} must end in .csv, .tsv or .jsonl, which says how to read it.")
    return path


def _json_lines(
    path: Path, required: Sequence[str], split_column: str
) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    with_split: bool | None = None
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        record = parse_json(line, path, number)
        for key in required:
            field(record, key, object, where)
        if with_split is None:
            with_split = split_column in record
        if not with_split and split_column in record:
            raise ValueError(
                f"{where} has a '{split_column}', lines above have none; give all one."
            )
        split = field(record, split_column, str, where) if with_split else ""
        yield where, record, canonical_split(split, where) if with_split else ""
