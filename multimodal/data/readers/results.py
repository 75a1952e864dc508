"""Read the results to score and the captions or answers of people, by id, without the pictures.

Results are in COCO's or VQA's format: a JSON list of ``{"image_id": ..., "caption": ...}`` or of
``{"question_id": ..., "answer": ...}``. All ids become texts, so that 7 and "7" are the same.

References:
    https://cocodataset.org/#format-results, "Image Captioning";
    https://visualqa.org/evaluation.html, "Results format".
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from multimodal.data.readers.coco import annotated_captions
from multimodal.data.readers.flickr8k import read_captions_file, read_token_file
from multimodal.data.readers.table import answers_in
from multimodal.data.readers.table_files import Row, read_delimited, read_json_lines
from multimodal.data.readers.text_files import (
    duplicate_id,
    field,
    identifier,
    read_json,
    read_lines,
)
from multimodal.data.readers.vqa import read_annotations

_T = TypeVar("_T")


class Answers(NamedTuple):
    """The answers that people gave to a question; the types are empty if the file has none."""

    answers: tuple[str, ...]
    question_type: str = ""
    answer_type: str = ""


def read_results(path: Path, id_key: str, text_key: str) -> dict[str, str]:
    """Read a results file, which gives each id one text, in the file's order.

    `id_key` is ``image_id`` or ``question_id``, `text_key` ``caption`` or ``answer``.

    Example:
        >>> path = getfixture("tmp_path") / "results.json"
        >>> _ = path.write_text('[{"question_id": 7, "answer": "a dog"}]')
        >>> read_results(path, "question_id", "answer")
        {'7': 'a dog'}
    """
    entries = read_json(path)
    if not isinstance(entries, list) or not entries:
        raise ValueError(
            f"{path} must be a JSON list of objects with '{id_key}' and '{text_key}', got "
            f"{'an empty list' if entries == [] else type(entries).__name__}."
        )
    records = ((f"{path}: entry {number}", entry) for number, entry in enumerate(entries))
    return _by_id(
        (where, identifier(record, id_key, where), field(record, text_key, str, where))
        for where, record in records
    )


def read_references(path: Path) -> dict[str, list[str]]:
    """Read the captions of each image: COCO's JSON, Flickr8k's token file or its captions.txt."""
    captions: dict[str, list[str]] = {}
    if path.suffix.lower() == ".json":
        for _, image_id, caption in annotated_captions(read_json(path), path):
            captions.setdefault(str(image_id), []).append(caption)
    else:
        first = next(iter(read_lines(path)), "")
        is_csv = first.replace(" ", "").lower() == "image,caption"
        captions = (read_captions_file if is_csv else read_token_file)(path, path.parent)
    if not captions:
        raise ValueError(f"{path} has no captions.")
    return captions


def read_answers(path: Path) -> dict[str, Answers]:
    r"""Read the answers that people gave: VQA's annotations, or a table.

    Args:
        path: A ``.json`` file of annotations; or a ``.csv``, ``.tsv`` or ``.jsonl`` with the
            columns ``answer`` and ``question_id`` or ``id``, without which rows are numbered
            from 1, and maybe ``question_type`` or ``type``, and ``answer_type``.

    Example:
        >>> path = getfixture("tmp_path") / "answers.csv"
        >>> _ = path.write_text("question_id,answer\n7,dog|a dog|puppy\n")
        >>> read_answers(path)["7"].answers
        ('dog', 'a dog', 'puppy')
    """
    suffix = path.suffix.lower()
    if suffix not in (".json", ".csv", ".tsv", ".jsonl"):
        raise ValueError(
            f"Annotations are read from .json, .csv, .tsv and .jsonl files, got {path}. "
            "Rename or convert it."
        )
    answers = _by_id(_annotations(path) if suffix == ".json" else _table(path, suffix))
    if not answers:
        raise ValueError(f"{path} has no questions.")
    return answers


def _annotations(path: Path) -> Iterator[tuple[str, int | str, Answers]]:
    for number, note in read_annotations(path, with_images=False).items():
        answers = Answers(note.answers, note.question_type, note.answer_type)
        yield f"{path}: annotations[{note.position}]", number, answers


def _table(path: Path, suffix: str) -> Iterator[tuple[str, int | str, Answers]]:
    records: Iterator[tuple[int, Mapping[str, Any]]] = (
        read_json_lines(path)
        if suffix == ".jsonl"
        else read_delimited(path, "\t" if suffix == ".tsv" else ",", [])
    )
    for number, (line, record) in enumerate(records, 1):
        row = Row(f"{path}:{line}", record, "")
        id_key = _present(record, "question_id", "id")
        question_id = identifier(record, id_key, row.where) if id_key else number
        types = (_present(record, "question_type", "type"), _present(record, "answer_type"))
        answers = answers_in(row, _present(record, "answer", "answers") or "answer")
        texts = (field(record, key, str, row.where) if key else "" for key in types)
        yield row.where, question_id, Answers(answers, *texts)


def _present(record: Mapping[str, Any], *keys: str) -> str:
    """Return the first of the keys that a record has, or an empty text."""
    return next((key for key in keys if key in record), "")


def _by_id(entries: Iterable[tuple[str, int | str, _T]]) -> dict[str, _T]:
    values: dict[str, _T] = {}
    first: dict[str, str] = {}
    for where, value_id, value in entries:
        if (place := first.setdefault(str(value_id), where)) != where:
            raise duplicate_id(where, "id", value_id, place)
        values[str(value_id)] = value
    return values
