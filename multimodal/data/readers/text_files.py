"""Read text and JSON that people wrote or exported, and name the line where it is wrong.

Accepts what spreadsheets and other systems produce (a byte order mark, CRLF line ends) and names
the line of bytes that are not UTF-8, of NUL bytes and of JSON that does not parse. Lines end at
line feeds only; Python's `splitlines` would also cut captions at rarer separators.
"""

import gc
import json
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")
_Hook = Callable[[dict[str, Any]], Any]


def read_text(path: Path) -> str:
    r"""Read a UTF-8 file, with or without a byte order mark; line ends stay as they are.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: The file is not UTF-8 text; the message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "captions.csv")
        ...     _ = path.write_bytes(b"\xef\xbb\xbfimage,caption\r\n")
        ...     read_text(path)
        'image,caption\r\n'
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise FileNotFoundError(f"No file {path}. Check the path.") from None
    return decode_text(data, str(path))


def decode_text(data: bytes, name: str) -> str:
    r"""Decode a UTF-8 file's bytes, with or without a byte order mark.

    Args:
        data: The bytes.
        name: The file's name, for messages.

    Raises:
        ValueError: The bytes are not UTF-8 text; the message names the line.

    Example:
        >>> decode_text(b"good\nb\xe4d\n", "words.txt")
        Traceback (most recent call last):
        ValueError: words.txt:2 is not UTF-8 (byte 0xe4); save the file as UTF-8.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(f"{name} is UTF-16 text; save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{name}:{line} is not UTF-8 (byte 0x{error.object[error.start]:02x}); "
            "save the file as UTF-8."
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(f"{name}:{line} has a NUL byte; it is damaged or not a text file.")
    return text


def read_lines(path: Path) -> list[str]:
    r"""Read a text file's lines without their ends, empty ones included.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "names.txt")
        ...     _ = path.write_bytes(b"a.jpg\r\n\nb.jpg\n")
        ...     read_lines(path)
        ['a.jpg', '', 'b.jpg']
    """
    lines = [line.removesuffix("\r") for line in read_text(path).split("\n")]
    return lines if lines[-1] else lines[:-1]


def parse_json(text: str, path: Path, line: int = 1, *, hook: _Hook | None = None) -> Any:
    """Parse JSON; an error names the file, the line and the column.

    Args:
        text: The JSON.
        path: The file it comes from, for the message.
        line: The number of the text's first line in the file.
        hook: Replaces each object as it is parsed, innermost first: to keep millions of small
            objects out of memory.

    Raises:
        ValueError: The text is not JSON.

    Example:
        >>> parse_json("[1, 2", Path("numbers.json"))
        Traceback (most recent call last):
        ValueError: numbers.json:1:6 is not valid JSON: Expecting ',' delimiter.
    """
    # JSON has no cycles to collect; searching for them took 40 % of the time for VQA's millions of
    # records.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return json.loads(text, object_hook=hook)
    except json.JSONDecodeError as error:
        place = f"{path}:{line + error.lineno - 1}:{error.colno}"
        raise ValueError(f"{place} is not valid JSON: {error.msg}.") from None
    except (RecursionError, ValueError) as error:  # nested a thousand deep, a number without end
        raise ValueError(f"{path}:{line} is not usable JSON: {error}.") from None
    finally:
        if collecting:
            gc.enable()


def read_json(path: Path, *, hook: _Hook | None = None) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        hook: Replaces each object as it is parsed, as for `parse_json`.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: The file is empty, not UTF-8 or not JSON; the message names line and column.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "numbers.json")
        ...     _ = path.write_text("[1, 2]")
        ...     read_json(path)
        [1, 2]
    """
    text = read_text(path)
    if not text or text.isspace():
        raise ValueError(f"{path} is empty; it should hold JSON.")
    return parse_json(text, path, hook=hook)


def json_records(content: Any, key: str, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the records of a list in a JSON file, each with its place for messages.

    Raises:
        ValueError: The content has no list of this name.

    Example:
        >>> list(json_records({"images": ["a"]}, "images", Path("captions.json")))
        [('captions.json: images[0]', 'a')]
    """
    for index, record in enumerate(field(content, key, list, str(path))):
        yield f"{path}: {key}[{index}]", record


def field(record: Any, key: str, kind: type[_T], where: str) -> _T:
    """Return the value of a JSON object's key after checking its type.

    Args:
        record: What should be an object.
        key: The key.
        kind: The type its value must have.
        where: File and place of the record, for messages.

    Raises:
        ValueError: The record is no object, lacks the key, or holds another type of value.

    Example:
        >>> field({"captoin": "A dog ."}, "caption", str, "captions.json: annotations[3]")
        Traceback (most recent call last):
        ValueError: captions.json: annotations[3] has no 'caption'; did you mean 'captoin'?
    """
    if not isinstance(record, dict):
        raise ValueError(f"{where} must be an object {{...}}, got {_kind(record)}.")
    if key not in record:
        raise ValueError(f"{where} has no '{key}'{closest(key, list(record))}")
    value = record[key]
    if not isinstance(value, kind):
        expected = "a text" if issubclass(kind, str) else "a list"
        raise ValueError(f"{where}: '{key}' must be {expected}, got {_kind(value)}.")
    return value


def identifier(record: Any, key: str, where: str) -> int | str:
    """Return the value of a JSON object's key that holds an id, a number or a text.

    Raises:
        ValueError: The record is no object, lacks the key, or its value is no number or text.

    Example:
        >>> identifier({"id": 42}, "id", "captions.json: images[0]")
        42
    """
    value = field(record, key, object, where)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{where}: '{key}' must be a number or a text, got {value!r}.")
    return value


def duplicate_id(where: str, noun: str, value: int | str, first: str) -> ValueError:
    """Return the error for an id that is used twice, at `where` and before at `first`.

    Example:
        >>> raise duplicate_id("a.csv:3", "question id", 7, "a.csv:2")
        Traceback (most recent call last):
        ValueError: a.csv:3: the question id 7 is already used at a.csv:2; ids must differ.
    """
    return ValueError(f"{where}: the {noun} {value!r} is already used at {first}; ids must differ.")


def closest(name: str, names: list[str]) -> str:
    """End a sentence about a wrong name with the closest right one, or with all there are.

    Example:
        >>> closest("trian", ["train", "val", "test"])
        "; did you mean 'train'?"
        >>> closest("x", ["train", "val"])
        "; there is 'train', 'val'."
    """
    near = get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    if not names:
        return "; there is none."
    quoted = ", ".join(f"'{other}'" for other in names[:8])
    return f"; there is {quoted}."


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null"}
    return names.get(type(value), f"{value!r}")
