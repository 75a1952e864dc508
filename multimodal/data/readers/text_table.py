"""Read texts of one's own: a CSV, TSV or JSONL file with columns for text and label.

A label is a name, such as positive, or where the target is a number, any number. An optional column
names the split; without it a hash of the text's letters decides (80 % train, 10 % val, 10 % test),
so that texts that are alike stay in one split. Instead of one `texts.csv` there may be `train.csv`,
`val.csv` and `test.csv`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from multimodal.data.examples import TextExample
from multimodal.data.readers.table_files import find_table, read_records
from multimodal.data.readers.text_places import clean_text
from multimodal.data.readers.text_splits import ALL, canonical_part, split_by_text

Target = Literal["label", "number"]

_CONTENT = (
    "Put texts.csv there (columns text and label; .tsv or .jsonl will do too); data/README.md "
    "shows an example."
)


@dataclass(frozen=True)
class TextColumns:
    """The columns, or JSON keys, of a table of texts.

    Args:
        text: Holds the text.
        label: Holds the label or number; test rows may lack it. Empty reads no labels.
        split: Holds train, val or test; it may be missing.
        id: Holds a name for the text; where it is missing, file and line are.
    """

    text: str = "text"
    label: str = "label"
    split: str = "split"
    id: str = "id"


def read_text_table(
    root: Path,
    split: str,
    *,
    file: str = "",
    columns: TextColumns | None = None,
    target: Target = "label",
) -> list[TextExample]:
    """Read one split of a CSV, TSV or JSONL file of texts.

    Args:
        root: The folder of the file; or the file itself.
        split: train, val (also called dev), test, or all.
        file: The file, relative to the root; empty takes `texts.csv` (or .tsv, .jsonl), or the one
            named like the split.
        columns: Names of the columns, where they are not text, label, split and id.
        target: ``label`` reads labels as names, ``number`` as numbers.

    Returns:
        The texts in the order of the file.

    Raises:
        FileNotFoundError: The folder or the file is not there.
        ValueError: A column or a line is wrong; the message names file and line, and for a missing
            column those that there are.

    Example:
        >>> examples = read_text_table(Path("data/samples/texts_csv"), "train")
        >>> examples[0].text, examples[0].label, examples[0].text_id
        ('A warm and funny film.', 'positive', 'texts.csv:2')
    """
    split = canonical_part(split)
    columns = columns or TextColumns()
    table = find_table(
        root, "train" if split == ALL else split, "texts", file=file, content=_CONTENT
    )
    own = [] if columns.split == "split" else [columns.split]
    examples: list[TextExample] = []
    ids: dict[str, str] = {}
    rows = 0
    for where, values, named in read_records(table.path, [], columns.split):
        rows += 1
        for column in (columns.text, *own):
            _require(values, column, where)
        text = clean_text(_as_text(values[columns.text], columns.text, where), where)
        mine = table.split or named or split_by_text(text)
        label = _label(values, columns.label, target, where, required=mine != "test")
        text_id = _id(values, columns.id, where) or where.rsplit("/", 1)[-1]
        if ids.setdefault(text_id, where) != where:
            raise ValueError(
                f"{where}: the id {text_id!r} already stands at {ids[text_id]}; ids must differ."
            )
        if split in (mine, ALL):
            examples.append(TextExample(text, label, text_id))
    if not examples:
        raise ValueError(
            f"{table.path} has no text in the split {split} (of {rows:,} texts); say which are, in "
            f"a column '{columns.split}'."
        )
    return examples


def _require(values: Mapping[str, Any], column: str, where: str) -> None:
    if column in values:
        return
    there = ", ".join(f"'{name}'" for name in values)
    near = get_close_matches(column, list(values), n=1)
    meant = f"; did you mean '{near[0]}'?" if near else "."
    raise ValueError(f"{where} has no column '{column}', the columns are {there}{meant}")


def _as_text(value: Any, column: str, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where}: '{column}' must be a text, got {value!r:.60}.")
    return value


def _label(
    values: Mapping[str, Any], column: str, target: Target, where: str, *, required: bool
) -> str | float | None:
    if not column:
        return None
    if required:
        _require(values, column, where)
    value = values.get(column)
    value = value.strip() if isinstance(value, str) else value
    if value in (None, "") and not required:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError(f"{where}: '{column}' must be a label, got {value!r:.60}.")
    if target == "label":
        return str(value)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"{where}: '{column}' must be a number, got {value!r:.60}. For names of classes, set "
            "`target` to label."
        )
    return number


def _id(values: Mapping[str, Any], column: str, where: str) -> str:
    value = values.get(column, "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{where}: '{column}' must be a number or a text, got {value!r:.60}.")
    return str(value).strip()
