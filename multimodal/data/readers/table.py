"""Read captions of one's own: a CSV, TSV or JSONL file beside the pictures.

The file has a column for the picture's name and one for the caption; a picture with several
captions has several rows, or in JSONL a list. An optional column names the split; without it a
hash of the picture's name decides (80 % train, 10 % val, 10 % test), so a picture never changes its
split when others are added. Instead of one `captions.csv` there may be `train.csv`, `val.csv` and
`test.csv`.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multimodal.data.examples import CaptionExample
from multimodal.data.readers.delimited import read_delimited
from multimodal.data.readers.pictures import (
    Pictures,
    clean_name,
    places_of,
    require_folder,
    some,
)
from multimodal.data.readers.sentences import clean_caption
from multimodal.data.readers.splits import canonical_split, split_by_hash, split_names
from multimodal.data.readers.text_files import field, parse_json, read_lines

_KINDS = (".csv", ".tsv", ".jsonl")
_CONTENT = (
    "Put captions.csv there (columns image and caption; .tsv or .jsonl will do too) and the "
    "images beside it or in images/; data/README.md shows an example."
)


def read_table(
    root: Path,
    split: str,
    *,
    file: str = "",
    images: str = "",
    image_column: str = "image",
    caption_column: str = "caption",
    split_column: str = "split",
    skip_missing: bool = False,
) -> list[CaptionExample]:
    """Read one split of a CSV, TSV or JSONL file.

    Args:
        root: The folder of the file and the pictures (beside it, in `images/`, or in zip
            archives); or the file itself.
        split: train, val (also called dev) or test.
        file: The file, relative to the root; empty takes `captions.csv` (or .tsv, .jsonl), or the
            one named like the split.
        images: Another folder or archive of the pictures, relative to the root.
        image_column: The column, or JSONL key, with the picture's name.
        caption_column: The column with the caption; in JSONL it may hold a list of captions.
        split_column: The column with train, val or test; it may be missing.
        skip_missing: Whether pictures that are not there are left out, with one line in the log,
            instead of stopping.

    Returns:
        Examples in the order in which the file first names their pictures; a picture's id is its
        name.

    Raises:
        FileNotFoundError: The folder, the file or pictures are not there.
        ValueError: A column or a line is wrong; the message names file and line.

    Example:
        >>> examples = read_table(Path("data/samples/csv"), "train")
        >>> examples[0].image_id, examples[0].captions
        ('red_square.png', ('A red square .', 'One square, red and flat .'))
    """
    split = canonical_split(split)
    path, whole = _find(root, split, file)
    root = path.parent if root.is_file() else root
    columns = _Columns(image_column, caption_column, split_column)
    found: dict[str, _Entry] = {}
    for row in _rows(path, columns):
        name = clean_name(row.image, root, row.where)
        row_split = split if whole else row.split or split_by_hash(name)
        entry = found.setdefault(name, _Entry(row_split))
        if entry.split != row_split:
            raise ValueError(
                f"{row.where}: {name!r} is in {row_split} here and in {entry.split} above; "
                "keep an image in one split."
            )
        entry.captions.extend(clean_caption(caption, row.where) for caption in row.captions)
    chosen = {name: entry for name, entry in found.items() if entry.split == split}
    if not chosen:
        raise ValueError(
            f"{path} has no image in the split {split} (of {len(found)} images); say which are, "
            f"in a column '{split_column}'."
        )
    pictures = Pictures(places_of(root, ("images", "Images"), images)).locate(
        chosen, path, skip_missing=skip_missing
    )
    return [
        CaptionExample(picture, tuple(chosen[name].captions), name)
        for name, picture in pictures.items()
    ]


@dataclass(frozen=True, slots=True)
class _Columns:
    image: str
    caption: str
    split: str

    @property
    def required(self) -> tuple[str, ...]:
        """A split column of another name than the usual one was asked for, so it must be there."""
        named = () if self.split == "split" else (self.split,)
        return (self.image, self.caption, *named)


@dataclass(slots=True)
class _Entry:
    split: str
    captions: list[str] = dataclasses.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Row:
    where: str
    image: str
    captions: list[str]
    split: str  # empty where the file has no such column


def _find(root: Path, split: str, file: str) -> tuple[Path, bool]:
    """The file to read, and whether all of it is the split."""
    if root.is_file():
        return _of_known_kind(root), False
    require_folder(root, _CONTENT)
    if file:
        return _of_known_kind(root / file), False
    for stem in ("captions", *split_names(split)):
        files = [root / f"{stem}{kind}" for kind in _KINDS if (root / f"{stem}{kind}").is_file()]
        if len(files) > 1:
            names = ", ".join(path.name for path in files)
            raise ValueError(f"{root} has several tables: {names}. Name one with `file`.")
        if files:
            return files[0], stem != "captions"
    there = some(sorted(path.name for path in root.iterdir() if path.suffix in _KINDS))
    raise FileNotFoundError(
        f"No captions.csv or {split}.csv (.tsv, .jsonl) in {root}; there is {there or 'no table'}. "
        f"{_CONTENT}"
    )


def _of_known_kind(path: Path) -> Path:
    if path.suffix.lower() not in _KINDS:
        raise ValueError(f"{path} must end in .csv, .tsv or .jsonl, which says how to read it.")
    return path


def _rows(path: Path, columns: _Columns) -> Iterator[_Row]:
    if path.suffix.lower() == ".jsonl":
        yield from _json_rows(path, columns)
        return
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    for line, values in read_delimited(path, delimiter, columns.required):
        where = f"{path}:{line}"
        split = canonical_split(values[columns.split], where) if columns.split in values else ""
        yield _Row(where, values[columns.image], [values[columns.caption]], split)


def _json_rows(path: Path, columns: _Columns) -> Iterator[_Row]:
    with_split: bool | None = None
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        record = parse_json(line, path, number)
        image = field(record, columns.image, str, where)
        captions = _captions(field(record, columns.caption, object, where), columns.caption, where)
        if with_split is None:
            with_split = columns.split in columns.required or columns.split in record
        if not with_split and columns.split in record:
            raise ValueError(
                f"{where} has a '{columns.split}', lines above have none; give all one."
            )
        split = (
            canonical_split(field(record, columns.split, str, where), where) if with_split else ""
        )
        yield _Row(where, image, captions, split)


def _captions(value: Any, key: str, where: str) -> list[str]:
    captions = [value] if isinstance(value, str) else value
    if not isinstance(captions, list) or not all(isinstance(text, str) for text in captions):
        raise ValueError(f"{where}: '{key}' must be a text or a list of texts, got {value!r:.60}.")
    if not captions:
        raise ValueError(f"{where}: the image has no captions; add some or remove the line.")
    return captions
