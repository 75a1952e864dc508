"""Read text and JSON that people wrote or exported; errors give the file and the line.

A byte order mark and CRLF line ends, which spreadsheets write, are accepted; bytes that are not
UTF-8, NUL bytes and JSON that does not parse are errors. Lines end at line feeds only; Python's
`splitlines` would also cut captions at rarer separators.
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
    """Read a UTF-8 file, with or without a byte order mark; line ends stay as they are."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise FileNotFoundError(f"No file {path}. Check the path.") from None
    return decode_text(data, str(path))


def decode_text(data: bytes, name: str) -> str:
    r"""Decode UTF-8 bytes, with or without a byte order mark; errors give name and line.

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
    """Read a text file's lines without their ends, empty ones included."""
    lines = [line.removesuffix("\r") for line in read_text(path).split("\n")]
    return lines if lines[-1] else lines[:-1]


def parse_json(text: str, path: Path, line: int = 1, *, hook: _Hook | None = None) -> Any:
    """Parse JSON; an error gives the file, the line (counted from `line`) and the column.

    `hook` replaces each object as soon as it is parsed, innermost first, which keeps millions of
    small objects out of memory.

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
        where = f"{path}:{line + error.lineno - 1}:{error.colno}"
        raise ValueError(f"{where} is not valid JSON: {error.msg}.") from None
    except (RecursionError, ValueError) as error:  # nested too deep, a number of too many digits
        raise ValueError(f"{path}:{line} is not usable JSON: {error}.") from None
    finally:
        if collecting:
            gc.enable()


def read_json(path: Path, *, hook: _Hook | None = None) -> Any:
    """Read a JSON file; see `parse_json`."""
    text = read_text(path)
    if not text or text.isspace():
        raise ValueError(f"{path} is empty; it should hold JSON.")
    return parse_json(text, path, hook=hook)


def json_records(content: Any, key: str, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the records of a list in a JSON file, each with its file and index for messages."""
    for index, record in enumerate(field(content, key, list, str(path))):
        yield f"{path}: {key}[{index}]", record


def field(record: Any, key: str, kind: type[_T], where: str) -> _T:
    """Return the value of a JSON object's key after checking its type.

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
    """Return the value of a JSON object's key that holds an id, which is a number or a text."""
    value = field(record, key, object, where)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{where}: '{key}' must be a number or a text, got {value!r}.")
    return value


def duplicate_id(where: str, noun: str, value: int | str, first: str) -> ValueError:
    """Return the error for an id that is used twice, at `where` and before at `first`."""
    return ValueError(f"{where}: the {noun} {value!r} is already used at {first}; ids must differ.")


def closest(name: str, names: list[str]) -> str:
    """End a sentence about a wrong name with the closest right one, or with all of them.

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
