"""Read VQA: one JSON file of questions and one of annotations per split, and COCO's photos.

The layout of VQA v1 and v2, which many other sets follow: a question has an id and its image's
number, an annotation has the answers of ten people. Test questions come without annotations. The
files are large (443,757 questions, 4.4 million answers), so an answer's record is replaced by its
text as soon as it is parsed, and equal texts are one object in memory.

References:
    Antol et al., "VQA: Visual Question Answering", 2015.
    Goyal et al., "Making the V in VQA Matter", 2017: VQA v2.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from multimodal.data.examples import Question, QuestionExample
from multimodal.data.readers.file_search import choose_file, require_folder, some
from multimodal.data.readers.pictures import Pictures, picture_sources
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
    "Put VQA there: v2_OpenEnded_mscoco_train2014_questions.json, "
    "v2_mscoco_train2014_annotations.json and train2014/ or train2014.zip, and the same for "
    "val2014; data/README.md says where to get them."
)
_FOLDERS = ("annotations", "questions")
_STEM = re.compile(r"(?P<version>v2_)?(OpenEnded|MultipleChoice)_(?P<rest>.+)_questions")


def read_vqa(
    root: Path,
    split: str,
    *,
    images: str = "",
    image_names: str = "",
    questions: str = "",
    annotations: str = "",
    skip_missing: bool = False,
) -> list[QuestionExample]:
    """Read one split in the layout of VQA v1 and v2, in the order in which it names its images.

    An image's id is its number. Answers are as people wrote them; a test split may have none.

    Args:
        root: The folder of the JSON files (in itself, `annotations/` or `questions/`) and the
            photos.
        split: train, val (also called dev), test, test-dev; or what is before
            `_questions.json`, such as train2014, where there are several of a kind.
        image_names: File name of a photo by its number, such as `image{id}.jpg`; empty tries
            `COCO_train2014_{id:012d}.jpg` and other usual names.
        questions: The file of questions, relative to the root; `{split}` in it becomes the split.
        annotations: The file of annotations likewise.

    Example:
        >>> examples = read_vqa(Path("data/samples/vqa"), "train")
        >>> examples[0].image_id, len(examples[0].questions), len(examples[0].questions[0].answers)
        (1, 4, 10)
    """
    require_folder(root, _CONTENT)
    split = "val" if split in split_names("val") else split
    question_file = _question_file(root, split, questions)
    annotation_file = _annotation_file(root, split, question_file, annotations)
    records = _read_questions(question_file)
    notes = read_annotations(annotation_file) if annotation_file else {}
    if annotation_file:
        _compare(records, question_file, notes, annotation_file)
    by_image: dict[int | str, list[Question]] = {}
    for number, (_, image, text) in records.items():
        _, _, answers, kind, answer_kind = notes.get(number, _NO_ANNOTATION)
        question = Question(text, answers, number, kind, answer_kind or answer_type(answers))
        by_image.setdefault(image, []).append(question)
    subset, patterns = _picture_names(question_file, split, image_names)
    pictures = Pictures(
        picture_sources(root, (subset, "images", "Images"), images)
    ).locate_numbered(by_image, patterns, question_file, skip_missing=skip_missing)
    return question_examples(by_image, pictures)


class _QuestionRecord(NamedTuple):
    position: int
    image: int | str
    text: str


class Annotation(NamedTuple):
    """The answers to one question as people wrote them, and its position in the file."""

    position: int
    image: int | str
    answers: tuple[str, ...]
    question_type: str
    answer_type: str


_NO_ANNOTATION = Annotation(-1, "", (), "", "")


def _question_file(root: Path, split: str, named: str) -> Path:
    if named:
        return root / named.replace("{split}", split)
    # A file of multiple-choice questions repeats the open-ended ones.
    files = [
        path
        for folder in _text_folders(root)
        for path in sorted(folder.glob("*_questions.json"))
        if "MultipleChoice" not in path.name
    ]
    pattern = re.compile(rf"(.*_)?{re.escape(split)}\d*_questions\.json")
    return choose_file(
        root,
        [path for path in files if pattern.fullmatch(path.name)],
        f"*{split}*_questions.json",
        there=some([path.name for path in files]) or "no *_questions.json at all",
        missing=_CONTENT,
        several="Name one with `questions`.",
    )


def _annotation_file(root: Path, split: str, question_file: Path, named: str) -> Path | None:
    """Return the file that belongs to the questions; None for a test split that has none."""
    if named:
        return root / named.replace("{split}", split)
    name = question_file.name.replace("questions", "annotations")
    if match := _STEM.fullmatch(question_file.stem):
        name = f"{match['version'] or ''}{match['rest']}_annotations.json"
    for folder in (question_file.parent, *_text_folders(root)):
        if (folder / name).is_file() and folder / name != question_file:
            return folder / name
    if split.startswith("test"):
        return None
    raise FileNotFoundError(
        f"No {name} in {root} for {question_file.name}; add it or name it with `annotations`. Only "
        "a test split may lack its answers."
    )


def _text_folders(root: Path) -> list[Path]:
    inside = [path for path in root.iterdir() if path.name.lower() in _FOLDERS and path.is_dir()]
    return [root, *sorted(inside)]


def _read_questions(path: Path) -> dict[int | str, _QuestionRecord]:
    questions: dict[int | str, _QuestionRecord] = {}
    for index, (where, record) in enumerate(json_records(read_json(path), "questions", path)):
        number = identifier(record, "question_id", where)
        text = clean_sentence(field(record, "question", str, where), where, "question")
        new = _QuestionRecord(index, identifier(record, "image_id", where), text)
        if (first := questions.setdefault(number, new)) is not new:
            raise duplicate_id(where, "question id", number, f"questions[{first.position}]")
    if not questions:
        raise ValueError(f"{path} has no questions.")
    return questions


def read_annotations(path: Path, *, with_images: bool = True) -> dict[int | str, Annotation]:
    """Read the answers to each question; each must name its image unless `with_images` is false."""
    annotations: dict[int | str, Annotation] = {}
    content = read_json(path, hook=_answer_texts())
    for index, (where, record) in enumerate(json_records(content, "annotations", path)):
        number = identifier(record, "question_id", where)
        new = Annotation(
            index,
            identifier(record, "image_id", where) if with_images else "",
            _answers(record, where, number),
            *(field(record, key, str, where) if key in record else "" for key in _TYPES),
        )
        if (first := annotations.setdefault(number, new)) is not new:
            raise duplicate_id(where, "question id", number, f"annotations[{first.position}]")
    return annotations


_TYPES = ("question_type", "answer_type")


def _answer_texts() -> Callable[[dict[str, Any]], Any]:
    """Make a hook that replaces each answer's record by its text, one object for equal texts."""
    known: dict[str, str] = {}

    def replace(record: dict[str, Any]) -> Any:
        answer = record.get("answer")
        if not isinstance(answer, str) or "question_id" in record:
            return record
        return known.setdefault(answer, answer)

    return replace


def _answers(record: Any, where: str, number: int | str) -> tuple[str, ...]:
    """Return the answers as they were written: the metric decides which are equal."""
    answers = tuple(
        answer if isinstance(answer, str) else field(answer, "answer", str, f"{where}.answers")
        for answer in field(record, "answers", list, where)
    )
    if not any(map(str.strip, answers)):
        raise ValueError(
            f"{where} (question {number}) has no answers; add some, or remove the annotation and "
            "its question."
        )
    return answers


def _compare(
    questions: Mapping[int | str, _QuestionRecord],
    question_file: Path,
    notes: Mapping[int | str, Annotation],
    annotation_file: Path,
) -> None:
    """Refuse files that do not belong together."""
    if missing := [number for number in questions if number not in notes]:
        raise ValueError(
            f"{question_file} asks {len(missing):,} questions that {annotation_file.name} does not "
            f"answer: {_ids(missing)}. Use two files that belong together."
        )
    if missing := [number for number in notes if number not in questions]:
        raise ValueError(
            f"{annotation_file} answers {len(missing):,} questions that {question_file.name} does "
            f"not ask: {_ids(missing)}. Use two files that belong together."
        )
    for number, note in notes.items():
        question = questions[number]
        if note.image != question.image:
            raise ValueError(
                f"{annotation_file}: annotations[{note.position}] says that question {number} is "
                f"about image {note.image}, {question_file.name}: questions[{question.position}] "
                f"says image {question.image}. Use two files that belong together."
            )


def _ids(numbers: Iterable[int | str]) -> str:
    return "ids " + some([str(number) for number in numbers])


def _picture_names(question_file: Path, split: str, named: str) -> tuple[str, list[str]]:
    """Return the subset of the photos, such as train2014, and patterns of their names."""
    match = _STEM.fullmatch(question_file.stem)
    rest = (match["rest"] if match else split).replace("-dev", "")  # test-dev is a part of test
    subset = rest.rpartition("_")[2]
    if not named:
        prefixes = (f"COCO_{subset}_{{id:012d}}", f"{rest}_{{id:012d}}", "{id:012d}")
        patterns = [*prefixes, "image{id}", "{id}"]
        return subset, [f"{pattern}.{kind}" for pattern in patterns for kind in ("jpg", "png")]
    try:
        names = {named.format(id=number) for number in (1, 2)}
    except (KeyError, IndexError, ValueError, AttributeError):
        names = set()
    if len(names) < 2:
        raise ValueError(
            f"`image_names` must hold the image's number in braces, such as image{{id}}.jpg or "
            f"COCO_{subset}_{{id:012d}}.jpg, got {named!r}."
        )
    return subset, [named]
