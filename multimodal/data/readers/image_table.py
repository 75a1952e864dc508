"""Read labelled pictures of one's own: a CSV, TSV or JSONL file with columns for image and label.

A label is a name, such as dog; several names, of which each may be true or not; or a number, such
as a count. An optional column names the split; without it a hash of the picture's name decides
(80 % train, 10 % val, 10 % test). Instead of one `labels.csv` there may be `train.csv`, `val.csv`
and `test.csv`.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from multimodal.data.examples import ImageExample
from multimodal.data.readers.pictures import Pictures, places_of
from multimodal.data.readers.splits import canonical_split
from multimodal.data.readers.table_files import TableRow, find_table, read_rows

ImageTarget = Literal["label", "labels", "number"]
Label = str | tuple[str, ...] | float | None

_CONTENT = (
    "Put labels.csv there (columns image and label; .tsv or .jsonl will do too); data/README.md "
    "shows an example."
)


@dataclass(frozen=True)
class ImageColumns:
    """The columns, or JSON keys, of a table of pictures.

    Args:
        image: Names the picture.
        label: Holds the label, several with ``|`` between them, or a number; test rows may lack it.
        split: Holds train, val or test; it may be missing.
    """

    image: str = "image"
    label: str = "label"
    split: str = "split"


def read_image_table(
    root: Path,
    split: str,
    *,
    file: str = "",
    images: str = "",
    columns: ImageColumns | None = None,
    target: ImageTarget = "label",
    skip_missing: bool = False,
) -> list[ImageExample]:
    """Read one split of a CSV, TSV or JSONL file of labelled pictures.

    Args:
        root: The folder of the file; or the file itself.
        split: train, val (also called dev) or test.
        file: The file, relative to the root; empty takes `labels.csv` (or .tsv, .jsonl), or the one
            named like the split.
        images: Folder or archive of the pictures inside the root, where it is not `images`.
        columns: Names of the columns, where they are not image, label and split.
        target: ``label`` for one name, ``labels`` for any number of them, ``number`` for a number.
        skip_missing: Whether pictures that are not there are left out, with one line in the log.

    Returns:
        The pictures in the order of the file; an id is the name in the table.

    Raises:
        FileNotFoundError: The folder, the file or a picture is not there.
        ValueError: A column or a line is wrong; the message names file and line.

    Example:
        >>> examples = read_image_table(Path("data/samples/labels_csv"), "train")
        >>> examples[0].label, examples[0].image_id
        ('circle', 'red_circle.png')
        >>> several = read_image_table(
        ...     Path("data/samples/labels_jsonl"), "train", target="labels"
        ... )
        >>> several[0].label
        ('warm', 'circle')
    """
    split = canonical_split(split)
    columns = columns or ImageColumns()
    table = find_table(root, split, "labels", file=file, content=_CONTENT)
    read = read_rows(table, [], image_column=columns.image, split_column=columns.split)
    rows: dict[str, TableRow] = {}
    labels: dict[str, Label] = {}
    for row in read:
        label = _label(row, columns.label, target)
        if row.image in rows and target == "labels":
            label = tuple(dict.fromkeys((*_several(labels[row.image]), *_several(label))))
        elif row.image in rows:
            raise ValueError(
                f"{row.where}: {row.image!r} already stands at {rows[row.image].where}; keep one "
                "line, or set `target` to labels."
            )
        rows.setdefault(row.image, row)
        labels[row.image] = label
    if target == "label":
        _refuse_fractions(rows.values(), labels)
    chosen = [name for name, row in rows.items() if row.split == split]
    places = Pictures(places_of(table.root, ["images"], images))
    found = places.locate(chosen, table.path, skip_missing=skip_missing)
    return [ImageExample(image, labels[name], name) for name, image in found.items()]


def _several(label: Label) -> tuple[str, ...]:
    return label if isinstance(label, tuple) else ()


def _label(row: TableRow, column: str, target: ImageTarget) -> Label:
    if column not in row.values and row.split != "test":
        there = ", ".join(f"'{name}'" for name in row.values)
        raise ValueError(f"{row.where} has no column '{column}', the columns are {there}.")
    value = row.values.get(column)
    if target == "labels":
        return None if value is None else _names(value, column, row.where)
    value = value.strip() if isinstance(value, str) else value
    if value in (None, "") and row.split == "test":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError(f"{row.where}: '{column}' must be a label, got {value!r:.60}.")
    return _number(value, column, row.where) if target == "number" else str(value)


def _names(value: object, column: str, where: str) -> tuple[str, ...]:
    parts = value.split("|") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(type(part) in (str, int) for part in parts):
        raise ValueError(
            f"{where}: '{column}' must be names with | between them, or a list, got {value!r:.60}."
        )
    return tuple(dict.fromkeys(name for name in (str(part).strip() for part in parts) if name))


def _number(value: str | int | float, column: str, where: str) -> float:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"{where}: '{column}' must be a number, got {value!r:.60}. For names of classes, set "
            "`target` to label."
        )
    return number


_FRACTION = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")


def _refuse_fractions(rows: Iterable[TableRow], labels: dict[str, Label]) -> None:
    """Refuse labels that are all numbers, and not whole ones: they are no names of classes."""
    fraction = None
    for row in rows:
        label = labels[row.image]
        if isinstance(label, str) and _FRACTION.fullmatch(label):
            fraction = fraction or row
        elif isinstance(label, str) and not label.lstrip("+-").isdecimal():
            return
    if fraction is not None:
        raise ValueError(
            f"{fraction.where}: the label {labels[fraction.image]!r} is a number, and so are all "
            "others. Set `target` to number, or write names of classes."
        )
