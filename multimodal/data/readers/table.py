"""Read tables: rows of captions, questions, labelled pictures or texts.

A row names a picture, or holds a text. An optional column names its split; without it a hash of
the picture's name, or of the text's letters, decides (80 % train, 10 % val, 10 % test). All rows of
a picture stay in one split. The files are described in `multimodal.data.readers.table_files`.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from multimodal.data.examples import (
    CaptionExample,
    ImageExample,
    Question,
    QuestionExample,
    TextExample,
)
from multimodal.data.readers.pictures import Pictures, clean_name, picture_sources
from multimodal.data.readers.questions import answer_type, question_examples, question_start
from multimodal.data.readers.sentences import clean_sentence, clean_text
from multimodal.data.readers.splits import ALL, canonical_split, split_by_hash, text_key
from multimodal.data.readers.table_files import Row, Table, find_table, read_rows
from multimodal.data.readers.text_files import duplicate_id, field, identifier

Target = Literal["label", "number"]
ImageTarget = Literal["label", "labels", "number"]
Label = str | tuple[str, ...] | float | None


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
    """Read one split of a table of captions; a picture with several captions has several rows.

    Args:
        root: The folder of the table and the pictures (beside it, in `images/`, or in zip
            archives); or the table itself.
        file: The table, relative to the root; empty takes `captions.csv` (or .tsv, .jsonl), or the
            one named like the split.
        image_column: The column, or JSONL key, with the picture's name, which becomes its id.
        caption_column: The column with the caption; in JSONL it may hold a list of captions.
        split_column: The column with train, val or test; it may be missing.

    Example:
        >>> examples = read_table(Path("data/samples/csv"), "train")
        >>> examples[0].image_id, examples[0].captions
        ('red_square.png', ('A red square .', 'One square, red and flat .'))
    """
    split = canonical_split(split)
    table = find_table(root, split, "captions", file=file)
    captions: dict[str, list[str]] = {}
    pictures: set[str] = set()
    for row in _image_rows(table, image_column, [caption_column], split_column):
        texts = [
            clean_sentence(text, row.where, "caption") for text in texts_in(row, caption_column)
        ]
        if not texts:
            raise ValueError(
                f"{row.where}: the image has no captions; add some or remove the line."
            )
        pictures.add(row.image)
        if row.split == split:
            captions.setdefault(row.image, []).extend(texts)
    _require_examples(captions, table, split, f"{len(pictures)} images", split_column)
    located = _pictures(table, images).locate(captions, table.path, skip_missing=skip_missing)
    return [
        CaptionExample(picture, tuple(captions[name]), name) for name, picture in located.items()
    ]


def read_question_table(
    root: Path,
    split: str,
    *,
    file: str = "",
    images: str = "",
    image_column: str = "image",
    question_column: str = "question",
    answer_column: str = "answer",
    split_column: str = "split",
    id_column: str = "id",
    type_column: str = "type",
    skip_missing: bool = False,
) -> list[QuestionExample]:
    """Read one split of a table of questions, by default `questions.csv`, one row per question.

    Arguments without an entry here are as for `read_table`.

    Args:
        answer_column: The column with the answer; the answers of several people are separated by
            ``|``, or in JSONL a list. Only test rows may lack it.
        id_column: The column with the question's id; where it is missing, rows are numbered from 1.
        type_column: The column by which reports group; where it is missing, the question's first
            two words.

    Example:
        >>> examples = read_question_table(Path("data/samples/questions_csv"), "train")
        >>> examples[0].image_id, examples[0].questions[0].text, examples[0].questions[0].answers
        ('scene_0.png', 'How many objects are there?', ('4', 'four'))
    """
    split = canonical_split(split)
    table = find_table(root, split, "questions", file=file)
    by_image: dict[str, list[Question]] = {}
    ids: dict[int | str, str] = {}
    rows = _image_rows(table, image_column, [question_column], split_column)
    for number, row in enumerate(rows, 1):
        text = clean_sentence(
            field(row.values, question_column, str, row.where), row.where, "question"
        )
        answers = answers_in(row, answer_column)
        question_id = _question_id(row, id_column) if id_column in row.values else number
        if (first := ids.setdefault(question_id, row.where)) != row.where:
            raise duplicate_id(row.where, "question id", question_id, first)
        if row.split == split:
            kind = ""
            if type_column in row.values:
                kind = field(row.values, type_column, str, row.where).strip()
            kind = kind or question_start(text)
            question = Question(text, answers, question_id, kind, answer_type(answers))
            by_image.setdefault(row.image, []).append(question)
    _require_examples(by_image, table, split, f"{len(ids):,} questions", split_column)
    located = _pictures(table, images).locate(by_image, table.path, skip_missing=skip_missing)
    return question_examples(by_image, located)


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
    """Read one split of a table of labelled pictures, by default `labels.csv`; names are their ids.

    Arguments without an entry here are as for `read_table`.

    Args:
        columns: Names of the columns, where they are not image, label and split.
        target: ``label`` for one name, ``labels`` for any number of them, ``number`` for a number.

    Example:
        >>> examples = read_image_table(Path("data/samples/labels_csv"), "train")
        >>> examples[0].label, examples[0].image_id
        ('circle', 'red_circle.png')
        >>> root = Path("data/samples/labels_jsonl")
        >>> read_image_table(root, "train", target="labels")[0].label
        ('warm', 'circle')
    """
    split = canonical_split(split)
    columns = columns or ImageColumns()
    table = find_table(root, split, "labels", file=file)
    rows: dict[str, Row] = {}
    labels: dict[str, Label] = {}
    for row in _image_rows(table, columns.image, [], columns.split):
        label = _image_label(row, columns.label, target)
        if row.image in rows and target == "labels":
            label = tuple(dict.fromkeys((*_several(labels[row.image]), *_several(label))))
        elif row.image in rows:
            raise ValueError(
                f"{row.where}: {row.image!r} is already at {rows[row.image].where}; keep one "
                "line, or set `target` to labels."
            )
        rows.setdefault(row.image, row)
        labels[row.image] = label
    if target == "label":
        _refuse_fractions(rows.values(), labels)
    names = [name for name, row in rows.items() if row.split == split]
    located = _pictures(table, images).locate(names, table.path, skip_missing=skip_missing)
    return [ImageExample(picture, labels[name], name) for name, picture in located.items()]


def read_text_table(
    root: Path,
    split: str,
    *,
    file: str = "",
    columns: TextColumns | None = None,
    target: Target = "label",
) -> list[TextExample]:
    """Read one split, or all, of a table of texts, by default `texts.csv`; see `read_table`.

    Args:
        columns: Names of the columns, where they are not text, label, split and id.
        target: ``label`` reads labels as names, ``number`` as numbers.

    Example:
        >>> examples = read_text_table(Path("data/samples/texts_csv"), "train")
        >>> examples[0].text, examples[0].label, examples[0].text_id
        ('A warm and funny film.', 'positive', 'texts.csv:2')
    """
    split = canonical_split(split, allow_all=True)
    columns = columns or TextColumns()
    table = find_table(root, "train" if split == ALL else split, "texts", file=file)
    examples: list[TextExample] = []
    ids: dict[str, str] = {}
    for row in read_rows(table, [columns.text], columns.split):
        text = clean_text(field(row.values, columns.text, str, row.where), row.where)
        row = replace(row, split=row.split or split_by_hash(text_key(text)))
        label = _label(row, columns.label, target) if columns.label else None
        text_id = ""
        if columns.id in row.values:
            text_id = str(identifier(row.values, columns.id, row.where)).strip()
        text_id = text_id or row.where.rsplit("/", 1)[-1]
        if (first := ids.setdefault(text_id, row.where)) != row.where:
            raise duplicate_id(row.where, "id", text_id, first)
        if split in (row.split, ALL):
            examples.append(TextExample(text, label, text_id))
    _require_examples(examples, table, split, f"{len(ids):,} texts", columns.split)
    return examples


def texts_in(row: Row, column: str, *, numbers: bool = False) -> list[str]:
    """Return the texts of a column: one, or in JSONL a list, maybe empty.

    Example:
        >>> row = Row("a.jsonl:1", {"answer": [2, "two"]}, "train")
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


def answers_in(row: Row, column: str) -> tuple[str, ...]:
    """Return the answers of a row: separated by ``|``, or in JSONL a list; a test row may lack it.

    Example:
        >>> answers_in(Row("a.csv:2", {"answer": "dog|a dog"}, "train"), "answer")
        ('dog', 'a dog')
    """
    if row.split == "test" and column not in row.values:
        return ()
    texts = texts_in(row, column, numbers=True)
    if isinstance(row.values[column], str):  # the texts of a list are left whole
        texts = texts[0].split("|")
    if not texts:
        raise ValueError(f"{row.where}: the question has no answers; add some or remove the line.")
    return tuple(clean_sentence(text, row.where, "answer") for text in texts)


def _image_rows(
    table: Table, image_column: str, columns: Sequence[str], split_column: str
) -> Iterator[Row]:
    """Read the rows of a table of pictures; every one has an image and a split."""
    splits: dict[str, str] = {}
    for row in read_rows(table, [image_column, *columns], split_column):
        name = field(row.values, image_column, str, row.where)
        image = clean_name(name, table.root, row.where)
        split = row.split or split_by_hash(image)
        if splits.setdefault(image, split) != split:
            raise ValueError(
                f"{row.where}: {image!r} is in {split} here and in {splits[image]} above; "
                "keep an image in one split."
            )
        yield Row(row.where, row.values, split, image)


def _pictures(table: Table, images: str) -> Pictures:
    return Pictures(picture_sources(table.root, ("images", "Images"), images))


def _require_examples(
    examples: Sized, table: Table, split: str, counted: str, split_column: str
) -> None:
    if not len(examples):
        noun = counted.split()[-1].removesuffix("s")
        raise ValueError(
            f"{table.path} has no {noun} in the split {split} (of {counted}); name the split of "
            f"each in a column '{split_column}'."
        )


def _question_id(row: Row, column: str) -> int | str:
    value = identifier(row.values, column, row.where)
    value = value.strip() if isinstance(value, str) else value
    if value == "":
        raise ValueError(f"{row.where}: the id is empty; write one or leave out the column.")
    return value


def _label(row: Row, column: str, target: Target) -> str | float | None:
    """Return one label as a name or a number; None where a test row has none."""
    optional = row.split == "test"
    value = row.values.get(column) if optional else field(row.values, column, object, row.where)
    value = value.strip() if isinstance(value, str) else value
    if value in (None, "") and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError(f"{row.where}: '{column}' must be a label, got {value!r:.60}.")
    if target == "label":
        return str(value)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"{row.where}: '{column}' must be a number, got {value!r:.60}. For names of classes, "
            "set `target` to label."
        )
    return number


def _image_label(row: Row, column: str, target: ImageTarget) -> Label:
    if target != "labels":
        return _label(row, column, target)
    value = row.values.get(column)
    if value is None and (row.split == "test" or column in row.values):
        return None
    value = field(row.values, column, object, row.where)
    parts = value.split("|") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(type(part) in (str, int) for part in parts):
        raise ValueError(
            f"{row.where}: '{column}' must be names with | between them, or a list, got "
            f"{value!r:.60}."
        )
    return tuple(dict.fromkeys(name for name in (str(part).strip() for part in parts) if name))


def _several(label: Label) -> tuple[str, ...]:
    return label if isinstance(label, tuple) else ()


_FRACTION = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")


def _refuse_fractions(rows: Iterable[Row], labels: Mapping[str, Label]) -> None:
    """Refuse labels that are all numbers, with some fractions: they are not names of classes."""
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
