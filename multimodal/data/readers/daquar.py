"""Read DAQUAR: a text file of alternating question and answer lines about photos of rooms.

A question names its photo, usually at its end: "what is on the desk in the image3 ?". That phrase
is not part of the question and is removed. An answer may be a list, "book, paper", which is one
answer. The same questions in the layout of VQA are read by `read_vqa`.

References:
    Malinowski and Fritz, "A Multi-World Approach to Question Answering about Real-World Scenes
    based on Uncertain Input", 2014.
"""

import re
from pathlib import Path

from multimodal.data.examples import Question, QuestionExample
from multimodal.data.readers.file_search import choose_file, require_folder, some
from multimodal.data.readers.pictures import Pictures, picture_sources
from multimodal.data.readers.questions import answer_type, question_examples, question_start
from multimodal.data.readers.sentences import clean_sentence
from multimodal.data.readers.splits import canonical_split
from multimodal.data.readers.text_files import read_lines

_CONTENT = (
    "Put DAQUAR there: qa.894.raw.train.txt and images/image3.png and so on, or a zip archive of "
    "the images; data/README.md says where to get them."
)
_IMAGE = re.compile(r"image\s?(\d+)")
_PHRASE = re.compile(r"(?:\b(?:in|of|on|at|from)\s+)?(?:\b(?:the|this)\s+)?image\s?\d+\s*(\?*)$")


def read_daquar(
    root: Path, split: str, *, file: str = "", images: str = "", skip_missing: bool = False
) -> list[QuestionExample]:
    """Read one split of DAQUAR, in the order in which the file names its photos.

    A photo's id is its number, a question's its number in the file, from 1.

    Args:
        root: The folder of the text file and the photos (in `images/`, `nyu_depth_images/`, or zip
            archives).
        split: train or test; DAQUAR has no val.
        file: The text file, relative to the root; `{split}` in it becomes the split. Empty takes
            the only `qa.*.train.txt`.

    Example:
        >>> examples = read_daquar(Path("data/samples/daquar"), "train")
        >>> examples[0].image_id, examples[0].questions[0].text
        (1, 'how many objects are there ?')
    """
    require_folder(root, _CONTENT)
    split = canonical_split(split)
    path = root / file.replace("{split}", split) if file else _find(root, split)
    lines = read_lines(path)
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise ValueError(f"{path} is empty; question and answer lines must alternate.")
    by_image: dict[int | str, list[Question]] = {}
    for index in range(0, len(lines), 2):
        where = f"{path}:{index + 1}"
        number, text = _image_and_question(lines[index], where)
        if index + 1 == len(lines):
            raise ValueError(f"{where}: the last question has no answer line; add one.")
        answer = _answer(lines[index + 1], f"{path}:{index + 2}")
        question = Question(
            text, (answer,), index // 2 + 1, question_start(text), answer_type([answer])
        )
        by_image.setdefault(number, []).append(question)
    sources = Pictures(
        picture_sources(root, ("images", "nyu_depth_images", f"images_{split}"), images)
    )
    pictures = sources.locate_numbered(
        by_image, ("image{id}.png", "image{id}.jpg"), path, skip_missing=skip_missing
    )
    return question_examples(by_image, pictures)


def without_image(question: str) -> str:
    """Remove the phrase that names the photo at the end; names elsewhere become "image".

    Example:
        >>> without_image("what is on the desk in the image3 ?")
        'what is on the desk ?'
        >>> without_image("what is left of the image3 behind the door in the image3 ?")
        'what is left of the image behind the door ?'
    """
    return _IMAGE.sub("image", _PHRASE.sub(r"\1", question.strip(), count=1)).strip()


def _find(root: Path, split: str) -> Path:
    files = sorted(root.glob("qa*.txt"))
    return choose_file(
        root,
        [path for path in files if path.stem.endswith(f".{split}")],
        f"qa.*.{split}.txt",
        there=some([path.name for path in files]) or "no qa.*.txt at all",
        missing=_CONTENT if split != "val" else "Hold out a part of train with `data.holdout`.",
        several="Name one with `file`.",
    )


def _image_and_question(line: str, where: str) -> tuple[int, str]:
    """Return the number of the photo, and the question without it."""
    question = clean_sentence(line, where, "question")
    numbers = _IMAGE.findall(question)
    if not numbers:
        raise ValueError(
            f"{where}: the question names no image, got {question[:60]!r}; question and answer "
            "lines must alternate, and a question must end like 'in the image3 ?'."
        )
    text = without_image(question)
    if not text.strip(" ?"):
        raise ValueError(f"{where}: the question is empty but for its image; write one.")
    return int(numbers[-1]), text


def _answer(line: str, where: str) -> str:
    parts = [" ".join(part.split()) for part in line.split(",")]
    return clean_sentence(", ".join(part for part in parts if part), where, "answer")
