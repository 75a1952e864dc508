"""Read easy-VQA: small pictures of one shape, simple questions, 13 answers.

The folder as its package ships it: `data/train/questions.json`, a list of ``[question, answer,
image id]``, beside `data/train/images/ID.png`; the same for test; and `data/answers.txt`.
`scripts/draw_easy_vqa.py` draws a set in this layout.

References:
    Zhou, "easy-VQA", 2019, https://github.com/vzhou842/easy-VQA.
"""

from pathlib import Path
from typing import Any

from multimodal.data.examples import Question, QuestionExample
from multimodal.data.readers.file_search import require_folder
from multimodal.data.readers.pictures import Pictures, picture_sources
from multimodal.data.readers.questions import answer_type, question_examples
from multimodal.data.readers.sentences import clean_sentence
from multimodal.data.readers.splits import canonical_split
from multimodal.data.readers.text_files import closest, read_json, read_lines

_CONTENT = (
    "Put easy-VQA there: data/train/questions.json, data/train/images/, and the same for test; "
    "scripts/draw_easy_vqa.py draws such a set."
)


def read_easy_vqa(
    root: Path, split: str, *, images: str = "", skip_missing: bool = False
) -> list[QuestionExample]:
    """Read one split of easy-VQA, in the order in which the questions name their pictures.

    A picture's id is its number, a question's its index in the file. Question types are yes/no,
    color and shape.

    Args:
        root: The folder with `data/` (or `easy_vqa/data/`), or that folder itself.
        split: train or test; the published set has no val.
        images: Another folder or archive of this split's pictures, relative to the root;
            `{split}` in it becomes the split.

    Example:
        >>> examples = read_easy_vqa(Path("data/samples/easy_vqa"), "train")
        >>> len(examples), examples[0].image_id
        (3, 0)
    """
    require_folder(root, _CONTENT)
    split = canonical_split(split)
    data = _data_folder(root, split)
    path = data / split / "questions.json"
    allowed = _allowed(data / "answers.txt")
    records = read_json(path)
    if not isinstance(records, list):
        raise ValueError(f"{path} must be a list of [question, answer, image id].")
    by_image: dict[int | str, list[Question]] = {}
    for index, record in enumerate(records):
        image, question = _question(record, index, f"{path}: [{index}]", allowed)
        by_image.setdefault(image, []).append(question)
    if not by_image:
        raise ValueError(f"{path} has no questions.")
    sources = (
        picture_sources(root, (), images.replace("{split}", split))
        if images
        else picture_sources(data / split, ("images",))
    )
    pictures = Pictures(sources).locate_numbered(
        by_image, ("{id}.png", "{id}.jpg"), path, skip_missing=skip_missing
    )
    return question_examples(by_image, pictures)


def _data_folder(root: Path, split: str) -> Path:
    folders = [root / "data", root / "easy_vqa" / "data", root]
    for folder in folders:
        if (folder / split / "questions.json").is_file():
            return folder
    there = sorted(
        {path.parent.name for folder in folders for path in folder.glob("*/questions.json")}
    )
    if there:
        raise FileNotFoundError(
            f"No {split}/questions.json in {root}; there is {', '.join(there)}. easy-VQA has no "
            "val: hold out a part of train with `data.holdout`."
        )
    raise FileNotFoundError(f"No data/{split}/questions.json in {root}. {_CONTENT}")


def _allowed(path: Path) -> list[str]:
    """Return the answers that are allowed; none where no file lists them."""
    if not path.is_file():
        return []
    return [answer for line in read_lines(path) if (answer := line.strip())]


def _question(
    record: Any, index: int, where: str, allowed: list[str]
) -> tuple[int | str, Question]:
    match record:
        case [str(text), str(answer), int(image) | str(image)] if not isinstance(image, bool):
            pass
        case _:
            raise ValueError(
                f"{where} must be [question, answer, image id], got {str(record)[:60]}."
            )
    text = clean_sentence(text, where, "question")
    answer = clean_sentence(answer, where, "answer")
    if allowed and answer not in allowed:
        raise ValueError(
            f"{where}: the answer {answer!r} is not in answers.txt{closest(answer, allowed)}"
        )
    kind = answer_type([answer])
    return image, Question(text, (answer,), index, _question_type(text, kind), kind)


def _question_type(text: str, kind: str) -> str:
    if kind == "yes/no":
        return kind
    words = text.lower()
    if "color" in words or "colour" in words:  # before shape: "what color is the shape?"
        return "color"
    return "shape" if "shape" in words else "other"
