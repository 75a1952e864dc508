"""Score a file of answers against a file of annotations.

The results file is VQA's: a JSON list of ``{"question_id": ..., "answer": ...}``. The annotations
are VQA's JSON (``{"annotations": [{"question_id": ..., "answers": [{"answer": ...}, ...]}]}``), or
a CSV, TSV or JSONL with an ``answer`` for each ``question_id``: several people's answers separated
by ``|``, in JSONL also a list. Columns of a file of one's own questions are understood too, ``id``
and ``type``; without an id, rows are numbered from 1. A file that is not what it should be gets an
error that names the file and the line, or the entry and its key.

References:
    https://visualqa.org/evaluation.html (results), https://visualqa.org/download.html
    (annotations).
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from multimodal.metrics.vqa_accuracy import (
    TypeScore,
    mean_scores,
    mean_wups,
    question_scores,
    scores_by_type,
)

QuestionId = int | str

_ID, _TYPE = ("question_id", "id"), ("question_type", "type")


class Annotation(NamedTuple):
    """What people answered to a question.

    Args:
        answers: The answers as they were written, at least one.
        question_type: What reports group by; empty where the file does not say.
        answer_type: ``yes/no``, ``number`` or ``other``; empty where the file does not say.
    """

    answers: tuple[str, ...]
    question_type: str = ""
    answer_type: str = ""


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """The scores of a file of answers, as fractions.

    Args:
        questions: How many questions were scored.
        scores: ``accuracy``, ``vqa_accuracy`` unless no question has four answers, and where it was
            asked for ``wups_0.0`` and ``wups_0.9``.
        per_answer_type: A row for each type of answers; none where the annotations have no types.
        per_question_type: A row for each type of questions.
    """

    questions: int
    scores: dict[str, float]
    per_answer_type: tuple[TypeScore, ...]
    per_question_type: tuple[TypeScore, ...]


def score_answers(
    results: Path,
    annotations: Path,
    *,
    lenient: bool = False,
    partial: bool = False,
    with_wups: bool = False,
) -> AnswerReport:
    """Score a results file.

    Args:
        results: A VQA results file: one answer per question.
        annotations: A file of people's answers.
        lenient: Normalise also where all people wrote the same.
        partial: Score the questions of the results file only, instead of asking for all of the
            annotations file's.
        with_wups: Add WUPS, which needs WordNet.

    Returns:
        The scores, overall and by type.

    Raises:
        FileNotFoundError: If a file is not there, or WordNet for WUPS.
        ValueError: If a file is not in its format, a question stands twice or has no answers, or
            the two files are not of the same questions and `partial` is not set.
    """
    given = {str(key): answer for key, answer in read_answers(results).items()}
    known = {str(key): annotation for key, annotation in read_annotations(annotations).items()}
    unknown = [key for key in given if key not in known]
    if unknown:
        raise ValueError(
            f"{annotations} has no question_id {_some(unknown)}, answered in {results}. "
            "Are both of the same set, with the same question ids?"
        )
    missing = [key for key in known if key not in given]
    if missing and not partial:
        raise ValueError(
            f"{results} has no answer to question_id {_some(missing)} of {annotations}. "
            "Answer all questions, or pass --partial to score only those that are there."
        )
    predictions, people = list(given.values()), [known[key] for key in given]
    answers = [annotation.answers for annotation in people]
    scores = question_scores(predictions, answers, lenient=lenient)
    wups = mean_wups(predictions, answers) if with_wups else {}
    return AnswerReport(
        questions=len(scores),
        scores=mean_scores(scores) | wups,
        per_answer_type=tuple(scores_by_type(scores, [one.answer_type for one in people])),
        per_question_type=tuple(scores_by_type(scores, [one.question_type for one in people])),
    )


def read_answers(path: Path) -> dict[QuestionId, str]:
    """Read a VQA results file: the answer to each question.

    Args:
        path: A JSON file with a list of objects with a ``question_id`` and an ``answer``.

    Returns:
        The answers by question id, in the file's order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a list, is empty, or has a question twice.

    Example:
        >>> path = getfixture("tmp_path") / "results.json"
        >>> _ = path.write_text('[{"question_id": 7, "answer": "a dog"}]')
        >>> read_answers(path)
        {7: 'a dog'}
    """
    entries = _parse(_read_text(path), path)
    if not isinstance(entries, list) or not entries:
        raise ValueError(
            f"{path} must be a JSON list of objects with a question_id and an answer, "
            f"got {_name(entries)}."
        )
    found = _Unique(f"{path}, entry", "A results file has one answer per question.")
    for number, entry in enumerate(entries):
        place = f"{path}, entry {number}"
        found.add(_id_of(entry, place), _text(entry, "answer", place), number)
    return found.by_id


def read_annotations(path: Path) -> dict[QuestionId, Annotation]:
    r"""Read what people answered: VQA's annotations JSON, or a table of one's own.

    Args:
        path: A ``.json``, ``.csv``, ``.tsv`` or ``.jsonl`` file.

    Returns:
        The annotations by question id, in the file's order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is of another kind, a question stands twice or has no answers, or the file
            has no questions.

    Example:
        >>> path = getfixture("tmp_path") / "answers.csv"
        >>> _ = path.write_text("question_id,answer\n7,dog|a dog|puppy\n")
        >>> read_annotations(path)["7"].answers
        ('dog', 'a dog', 'puppy')
    """
    kind = path.suffix.lower()
    if kind == ".json":
        return _read_vqa(path)
    if kind == ".jsonl":
        return _read_rows(path, _lines(path))
    if kind in (".csv", ".tsv"):
        return _read_rows(path, _table_rows(path, "," if kind == ".csv" else "\t"))
    raise ValueError(
        f"Annotations are read from .json, .csv, .tsv and .jsonl files, got {path}. "
        "Rename or convert it."
    )


class _Unique:
    """A dictionary by question id that refuses an id for the second time, 7 and "7" being one."""

    def __init__(self, place: str, rule: str) -> None:
        self.by_id: dict[QuestionId, Any] = {}
        self._place, self._rule = place, rule
        self._first: dict[str, int] = {}

    def add(self, question_id: QuestionId, value: Any, number: int) -> None:
        first = self._first.setdefault(str(question_id), number)
        if first != number:
            raise ValueError(
                f"{self._place} {number}: question_id {question_id!r} is there a second time "
                f"(first: {first}). {self._rule}"
            )
        self.by_id[question_id] = value


def _read_vqa(path: Path) -> dict[QuestionId, Annotation]:
    content = _parse(_read_text(path), path)
    entries = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        is_questions = isinstance(content, dict) and isinstance(content.get("questions"), list)
        got = "the questions file" if is_questions else _name(content)
        raise ValueError(
            f'{path} must be a VQA annotations file, a JSON object with a list under "annotations" '
            f"that is not empty, got {got}."
        )
    found = _Unique(f"{path}, annotation", "An annotations file has each question once.")
    for number, entry in enumerate(entries):
        place = f"{path}, annotations[{number}]"
        question_id = _id_of(entry, place)
        place = f"{place} (question_id {question_id})"
        answers = entry.get("answers")
        if not isinstance(answers, list) or not answers:
            got = f"got {_name(answers)}" if "answers" in entry else "it has none"
            raise ValueError(
                f'{place}: "answers" must be a list of at least one {{"answer": ...}}, {got}.'
            )
        texts = _texts(answers, place)
        types = [_text(entry, key, place, "") for key in ("question_type", "answer_type")]
        found.add(question_id, Annotation(texts, *types), number)
    return found.by_id


def _texts(answers: list[Any], place: str) -> tuple[str, ...]:
    """The texts of a list of answers. VQA has millions: a place is written for a wrong one only."""
    texts = [answer.get("answer") if isinstance(answer, dict) else None for answer in answers]
    right = tuple(text for text in texts if isinstance(text, str))
    if len(right) == len(texts):
        return right
    return tuple(
        _text(answer, "answer", f"{place}, answers[{position}]")
        for position, answer in enumerate(answers)
    )


def _read_rows(
    path: Path, rows: Iterable[tuple[int, Mapping[str, Any]]]
) -> dict[QuestionId, Annotation]:
    found = _Unique(f"{path}, line", "Put several answers into one row, separated by |.")
    for position, (number, row) in enumerate(rows, start=1):
        place = f"{path}, line {number}"
        key = next((key for key in _ID if key in row), None)
        question_id = position if key is None else _id_of(row, place, key)
        kind = next((key for key in _TYPE if key in row), _TYPE[0])
        types = [_text(row, key, place, "") for key in (kind, "answer_type")]
        found.add(question_id, Annotation(_answers_in(row, place), *types), number)
    if not found.by_id:
        raise ValueError(f"{path} has no questions in it.")
    return found.by_id


def _answers_in(row: Mapping[str, Any], place: str) -> tuple[str, ...]:
    key = "answers" if "answers" in row and "answer" not in row else "answer"
    value = row.get(key)
    if isinstance(value, str):
        answers = value.split("|")
    elif isinstance(value, list):
        answers = [_answer(answer, key, place) for answer in value]
    else:
        answers = [_answer(_value(row, key, place), key, place)]
    if not answers or not all(answer.strip() for answer in answers):
        raise ValueError(
            f'{place}: "{key}" is empty, or one of its answers is. '
            "Write at least one answer, or remove the line."
        )
    return tuple(answers)


def _answer(value: Any, key: str, place: str) -> str:
    """An answer of JSONL, where a whole number needs no quotes."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else _text({key: value}, key, place)


def _table_rows(path: Path, delimiter: str) -> Iterator[tuple[int, dict[str, str]]]:
    lines = io.StringIO(_read_text(path), newline="")
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    line = 1
    try:
        for row in rows:
            first, line = line, rows.line_num + 1
            if not any(field.strip() for field in row):
                continue
            if not header:
                header = [name.strip() for name in row]
                continue
            if len(row) != len(header):
                raise ValueError(
                    f"{path}, line {first}: expected {len(header)} fields as in the header, got "
                    f"{len(row)}. An answer with the delimiter in it needs quotes."
                )
            yield first, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {line}: malformed ({error}). Within quotes, write a quote twice."
        ) from None


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        if line.strip():
            row = _parse(line, path, number)
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number} must be an object, got {_name(row)}.")
            yield number, row


def _id_of(entry: Any, place: str, key: str = "question_id") -> QuestionId:
    value = _value(entry, key, place)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f'{place}: "{key}" must be a number or a string, got {_name(value)}.')
    return value


def _text(entry: Any, key: str, place: str, default: str | None = None) -> str:
    if default is not None and isinstance(entry, Mapping) and key not in entry:
        return default
    value = _value(entry, key, place)
    if not isinstance(value, str):
        raise ValueError(f'{place}: "{key}" must be a string, got {_name(value)}.')
    return value


def _value(entry: Any, key: str, place: str) -> Any:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{place} must be an object, got {_name(entry)}.")
    if key not in entry:
        close = get_close_matches(key, list(entry), n=1)
        hint = f' Did you mean "{close[0]}"?' if close else ""
        raise ValueError(f'{place} has no "{key}".{hint}')
    return entry[key]


def _parse(text: str, path: Path, line: int = 1) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}, line {line + error.lineno - 1}, column {error.colno}: not valid JSON "
            f"({error.msg})."
        ) from error
    except (RecursionError, ValueError) as error:  # nested a thousand deep, a number without end
        raise ValueError(f"{path}, line {line}: not usable JSON ({error}).") from None


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}. Check the path.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not text in UTF-8 (byte {error.start}). Convert it to UTF-8 first."
        ) from error


def _name(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", type(None): "null"}
    if value == [] and isinstance(value, list):
        return "an empty list"
    return kinds.get(type(value), repr(value)[:40])


def _some(question_ids: list[str]) -> str:
    if len(question_ids) == 1:
        return question_ids[0]
    more = f", ... ({len(question_ids):,} questions)" if len(question_ids) > 3 else ""
    return f"{', '.join(question_ids[:3])}{more}"
