"""The inputs of a command: pictures in files, folders and zip archives; texts, one a line.

Lines are read one at a time, so that a pipe of any length is answered while it is written.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multimodal.cli.printing import printable

if TYPE_CHECKING:
    from multimodal.data.examples import ImageFile

_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pbm", ".pnm"}
)
_STANDARD_INPUT = "Standard input"
_MARK = b"\xef\xbb\xbf"  # some editors put it before the first letter of a file in UTF-8


@dataclass(frozen=True)
class Item:
    """An input, and its description in the output.

    Args:
        given: The predictor's input.
        text: The name of a picture, or the text, for a table.
        fields: Its JSON, before the result.
        question: The question about a picture.
        place: File and line of a text, for messages; empty for a text in quotes.
        problem: The reason why it cannot be read, if there is one.
    """

    given: Any
    text: str
    fields: Mapping[str, object] = field(default_factory=dict)
    question: str = ""
    place: str = ""
    problem: ValueError | None = None


def find_pictures(paths: Sequence[Path]) -> tuple[list["ImageFile"], list[str]]:
    """List the pictures of files, folders and zip archives.

    Folders are searched recursively, by the pictures' suffixes, in the order of their names; names
    that begin with a dot are left out. A named file is taken whatever its suffix.

    Returns:
        The pictures, and a sentence for each path without any.
    """
    from multimodal.data.examples import ImageFile

    pictures: list[ImageFile] = []
    problems: list[str] = []
    for path in paths:
        try:
            if path.is_dir():
                inside = [ImageFile(file) for file in _walk(path, problems)]
            elif path.suffix.lower() == ".zip":
                inside = [ImageFile(path, member) for member in _members(path)]
            else:
                inside = [ImageFile(path)]
        except (OSError, ValueError) as error:
            problems.append(str(error))
            continue
        if not inside:
            suffixes = ", ".join(sorted(suffix[1:] for suffix in _SUFFIXES))
            problems.append(f"{path} has no pictures in it (files that end in {suffixes}).")
        pictures += inside
    return pictures, problems


def read_texts(
    given: Sequence[str], files: Sequence[Path] = (), *, noun: str = "text"
) -> Iterator[Item]:
    r"""Read texts from arguments, standard input and files, one a line; empty lines are left out.

    Args:
        given: Texts; ``-`` is standard input.
        files: Files of texts in UTF-8, read after these.
        noun: The name of a text in messages.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is a folder; later, if standard input or a file holds no text.

    Example:
        >>> path = getfixture("tmp_path") / "two.txt"
        >>> path.write_text("a good film\n\na bad one\n")
        23
        >>> [item.text for item in read_texts(["fun"], [path])]
        ['fun', 'a good film', 'a bad one']
    """
    for file in files:
        if file.is_dir():
            raise ValueError(f"{file} is a folder. Give a file of {noun}s, one a line.")
        if not file.exists():
            raise FileNotFoundError(f"No file {file}. Check the path.")
    return _texts(given, files, noun)


def is_typed(given: Sequence[str]) -> bool:
    """Return whether the texts are typed on a terminal."""
    return "-" in given and sys.stdin.isatty()


def _texts(given: Sequence[str], files: Sequence[Path], noun: str) -> Iterator[Item]:
    for text in given:
        if text == "-":
            yield from _lines(sys.stdin.buffer, _STANDARD_INPUT, noun)
        else:
            yield Item(text, text, {"text": text})
    for file in files:
        with file.open("rb") as opened:
            yield from _lines(opened, printable(str(file)), noun)


def _lines(source: Iterable[bytes], name: str, noun: str) -> Iterator[Item]:
    file = name.lower() if name == _STANDARD_INPUT else name
    is_empty = True
    for number, raw in enumerate(source, start=1):
        content = raw.removeprefix(_MARK) if number == 1 else raw
        if not content.strip():
            continue
        is_empty, problem, text = False, None, ""
        try:
            text = content.decode("utf-8").strip()
        except UnicodeDecodeError:
            problem = ValueError(f"This is not text in UTF-8. Save the {noun}s so.")
        fields = {"file": file, "line": number, "text": text}
        yield Item(text, text, fields, place=f"{file}, line {number}", problem=problem)
    if is_empty:
        raise ValueError(f"{name} holds no {noun}. Write some there, one a line.")


def _walk(folder: Path, problems: list[str]) -> Iterator[Path]:
    def report(error: OSError) -> None:
        problems.append(f"{error.filename} cannot be read: {error.strerror}.")

    for root, folders, files in os.walk(folder, onerror=report):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in sorted(files) if _is_picture(name))


def _members(archive: Path) -> list[str]:
    from multimodal.data.archives import member_names

    return [name for name in member_names(archive) if _is_picture(name.rpartition("/")[2])]


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in _SUFFIXES  # noqa: PTH122 - a million names


def first_file(texts: list[str]) -> str | None:
    """Return the first text that is the name of a file, for a message."""
    file = next((given for given in texts if os.path.isfile(given)), None)  # noqa: PTH113 - a text may be too long for a Path
    return None if file is None else printable(file)
