"""Read CLEVR: one JSON file of questions with their programs per split, and rendered pictures.

A question's type is the last function of its program: exist, count, query_color, equal_size,
greater_than and so on, which is how results on CLEVR are reported. Only the functions' names are
kept of the programs, which are most of the file.

References:
    Johnson et al., "CLEVR: A Diagnostic Dataset for Compositional Language and Elementary Visual
    Reasoning", 2017, section 3.
"""

import sys
from pathlib import Path
from typing import Any

from multimodal.data.examples import Question, QuestionExample
from multimodal.data.readers.file_search import require_folder, some
from multimodal.data.readers.pictures import Pictures, clean_name, picture_sources
from multimodal.data.readers.questions import answer_type, question_examples
from multimodal.data.readers.sentences import clean_sentence
from multimodal.data.readers.splits import split_names
from multimodal.data.readers.text_files import (
    duplicate_id,
    field,
    identifier,
    json_records,
    read_json,
)

_CONTENT = (
    "Put CLEVR there: questions/CLEVR_train_questions.json and images/train/, and the same for val "
    "and test; data/README.md says where to get them."
)


def read_clevr(
    root: Path, split: str, *, images: str = "", questions: str = "", skip_missing: bool = False
) -> list[QuestionExample]:
    """Read one split in the layout of CLEVR, in the order in which the file names its pictures.

    A picture's id is its file name. A test split has no answers.

    Args:
        root: The folder with `questions/` and `images/`, or with the archive of the latter.
        split: train, val (also called dev), test, or another split that has a file, such
            as trainA or valB of CLEVR-CoGenT.
        questions: The file of questions, relative to the root; `{split}` in it becomes the split.
            For files that follow the layout under another name, such as CLEVR-Humans.

    Example:
        >>> examples = read_clevr(Path("data/samples/clevr"), "train")
        >>> examples[0].image_id, examples[0].questions[0].question_type
        ('CLEVR_train_000000.png', 'count')
    """
    require_folder(root, _CONTENT)
    split = "val" if split in split_names("val") else split
    path = _find(root, split, questions)
    by_image: dict[str, list[Question]] = {}
    ids: dict[int | str, int] = {}
    content = read_json(path, hook=_function_name)
    for index, (where, record) in enumerate(json_records(content, "questions", path)):
        name = clean_name(field(record, "image_filename", str, where), root, where)
        question = _question(record, index, where, unanswered=split.startswith("test"))
        if (first := ids.setdefault(question.question_id, index)) != index:
            raise duplicate_id(where, "question id", question.question_id, f"questions[{first}]")
        by_image.setdefault(name, []).append(question)
    if not by_image:
        raise ValueError(f"{path} has no questions.")
    pictures = Pictures(picture_sources(root, (f"images/{split}", "images"), images)).locate(
        by_image, path, skip_missing=skip_missing
    )
    return question_examples(by_image, pictures)


def _find(root: Path, split: str, named: str) -> Path:
    if named:
        return root / named.replace("{split}", split)
    name = f"CLEVR_{split}_questions.json"
    folders = [folder for folder in (root / "questions", root) if folder.is_dir()]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    files = [path.name for folder in folders for path in sorted(folder.glob("*questions.json"))]
    there = some(files) or "no *questions.json at all"
    raise FileNotFoundError(f"No questions/{name} in {root}; there is {there}. {_CONTENT}")


def _function_name(record: dict[str, Any]) -> Any:
    """Replace a step of a program by its function's name (`type` in the generator's files)."""
    if "inputs" not in record:
        return record
    name = record.get("function", record.get("type"))
    return sys.intern(name) if isinstance(name, str) else record


def _question(record: Any, index: int, where: str, *, unanswered: bool) -> Question:
    text = clean_sentence(field(record, "question", str, where), where, "question")
    has_id = "question_index" in record  # CLEVR-Humans has none
    number = identifier(record, "question_index", where) if has_id else index
    program = record.get("program")
    last = program[-1] if isinstance(program, list) and program else ""
    kind = last if isinstance(last, str) else ""
    if unanswered and "answer" not in record:
        return Question(text, (), number, kind)
    answer = _answer(field(record, "answer", object, where), where)
    return Question(text, (answer,), number, kind, answer_type([answer]))


def _answer(value: Any, where: str) -> str:
    if isinstance(value, bool):  # CLEVR's generator writes true, the published files "yes"
        return "yes" if value else "no"
    if not isinstance(value, str | int):
        raise ValueError(f"{where}: 'answer' must be a text or a number, got {value!r:.60}.")
    return clean_sentence(str(value), where, "answer")
