"""A data set by name: one reader function, where its files lie, and the reader's own keywords.

A reader is a function ``read(root, split, *, ...) -> list[Example]``. Each task has a closed table
of them, READERS, from the name of a format to its reader. A user's own reader is named by its
import path, such as ``my_package.read_birds``. Only the command line and Python code can name one:
checkpoints and exported folders hold no format, and nothing in them is imported.

A reader's own keywords are the ``options`` of a configuration. They are checked against its
signature, so that a misspelt name or a wrong value is refused before any file is opened.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Example = TypeVar("Example")
Reader = Callable[..., list[Example]]

_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_KEYWORDS = (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Source(Generic[Example]):
    """A data set: call `read` for a split.

    Args:
        format: Name of the format, or the import path of a reader.
        reader: The reader of this format.
        root: Folder, archive or file of the data set.
        options: Keywords of the reader, checked.
        example: Type of the examples.
    """

    format: str
    reader: Reader[Example]
    root: str
    options: dict[str, Any]
    example: type[Example]

    def read(self, split: str) -> list[Example]:
        """Read ``train``, ``val`` or ``test``.

        Raises:
            FileNotFoundError: The data set is not there.
            ValueError: A file is wrong; the message names it and the line.
            TypeError: A user's own reader returned something else.
        """
        examples = self.reader(Path(self.root), split, **self.options)
        wrong = not isinstance(examples, list) or next(
            (each for each in examples if not isinstance(each, self.example)), False
        )
        if wrong:
            kind = type(examples if wrong is True else wrong).__name__
            raise TypeError(
                f"The reader {self.format} must return a list of {self.example.__name__}, got "
                f"{kind}. See multimodal.data.examples."
            )
        return examples

    def with_shared(self, **shared: Any) -> "Source[Example]":
        """Return the same source with other values of shared keywords that its reader has."""
        known = {n: value for n, value in shared.items() if n in signature(self.reader).parameters}
        return replace(self, options={**self.options, **known})

    @property
    def name(self) -> str:
        """The data set's name in messages."""
        return self.root or f"`{self.format}`"


def open_source(
    readers: Mapping[str, Reader[Example]],
    example: type[Example],
    *,
    format: str,  # noqa: A002 - the word a user would look for
    root: str = "",
    options: Mapping[str, Any] | None = None,
    shared: Mapping[str, Any] | None = None,
) -> Source[Example]:
    """Find the reader of a format and check the options for it.

    Args:
        readers: The table of a task's formats.
        example: Type of the examples.
        format: A name in the table, or the import path of a user's own reader.
        root: Folder, archive or file of the data set.
        options: Keywords of the reader.
        shared: Keywords that follow from other settings, such as ``seed``; those that the reader
            has are passed to it.

    Raises:
        ValueError: There is no such format or option, or an option has a wrong value; the closest
            name is offered.

    Example:
        >>> from multimodal.data.examples import TextExample
        >>> def read_lines(root: Path, split: str, *, upper: bool = False) -> list[TextExample]:
        ...     return [TextExample("FUN" if upper else "fun", "positive", "1")]
        >>> readers = {"lines": read_lines}
        >>> source = open_source(readers, TextExample, format="lines", options={"upper": True})
        >>> source.read("train")[0].text
        'FUN'
        >>> open_source(readers, TextExample, format="lines", options={"uper": True})
        Traceback (most recent call last):
        ValueError: `options` of the format lines has no 'uper'. Did you mean 'upper'?
    """
    reader = readers.get(format) or _import_reader(format, readers)
    shared = shared or {}
    parameters = list(signature(reader).parameters.items())[2:]  # without root and split
    accepted = {name: each for name, each in parameters if each.kind in _KEYWORDS}
    own = {name: each for name, each in accepted.items() if name not in shared}
    hints = get_type_hints(reader)
    checked = {name: value for name, value in shared.items() if name in accepted}
    for name, value in (options or {}).items():
        if name not in own:
            raise ValueError(_unknown(name, list(own), f"`options` of the format {format}", shared))
        checked[name] = check_value(value, hints.get(name, Any), f"options.{name}")
    missing = [n for n, each in own.items() if each.default is Parameter.empty and n not in checked]
    if missing:
        raise ValueError(f"The format {format} needs {missing[0]!r} in `options`.")
    return Source(format, reader, root, checked, example)


def check_value(value: Any, kind: Any, key: str) -> Any:
    """Check a value from a configuration against the type of a parameter.

    Args:
        value: Plain data; a dictionary becomes the dataclass that is expected.
        kind: The annotation. Types other than numbers, texts, `Literal`, lists, dataclasses and
            unions of these are not checked.
        key: The value's name in messages.

    Raises:
        ValueError: The value is of another type, or a key is unknown.

    Example:
        >>> check_value(3, int, "options.train")
        3
        >>> check_value("many", int, "options.train")
        Traceback (most recent call last):
        ValueError: `options.train` must be a whole number, got 'many'.
        >>> check_value("red", Literal["shape", "colour"], "options.label")
        Traceback (most recent call last):
        ValueError: `options.label` must be one of shape, colour, got 'red'.
    """
    if is_dataclass(kind) and isinstance(kind, type):
        return value if isinstance(value, kind) else _build(value, kind, key)
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _check_union(value, get_args(kind), key)
    if origin is Literal:
        if value not in get_args(kind):
            names = ", ".join(map(str, get_args(kind)))
            raise ValueError(f"`{key}` must be one of {names}, got {value!r}.")
        return value
    if origin is list:
        if not isinstance(value, list):
            raise ValueError(f"`{key}` must be a list, got {value!r}.")
        return [check_value(each, (*get_args(kind), Any)[0], key) for each in value]
    if kind is float and type(value) is int:
        return float(value)
    if kind in _NAMES and type(value) is not kind:
        raise ValueError(f"`{key}` must be {_NAMES[kind]}, got {value!r}.")
    return value


def _check_union(value: Any, kinds: tuple[Any, ...], key: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    real = [kind for kind in kinds if kind is not NoneType]
    for kind in real[:-1]:
        try:
            return check_value(value, kind, key)
        except ValueError:
            continue
    return check_value(value, real[-1], key)


def _build(value: Any, kind: type[Any], key: str) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError(f"`{key}` must be a mapping of {kind.__name__}, got {value!r}.")
    hints, names = get_type_hints(kind), [each.name for each in fields(kind)]
    for name in value:
        if name not in names:
            raise ValueError(_unknown(name, names, f"`{key}`", {}))
    return kind(**{n: check_value(v, hints[n], f"{key}.{n}") for n, v in value.items()})


def _import_reader(path: str, readers: Mapping[str, Reader[Example]]) -> Reader[Example]:
    module, _, name = path.rpartition(".")
    if not module:
        raise ValueError(
            f"`format` must be one of {', '.join(readers)}, or the import path of a reader of your "
            f"own, such as my_package.read_birds; got {path!r}.{_closest(path, list(readers))}"
        )
    try:
        reader = getattr(import_module(module), name)
    except ImportError as error:
        raise ValueError(
            f"`format` is {path!r}, and its module cannot be imported: {error}. If it lies in this "
            "folder, put PYTHONPATH=. before the command."
        ) from error
    except AttributeError as error:
        raise ValueError(f"`format` is {path!r}, but {module} has no {name!r}.") from error
    if not callable(reader) or isinstance(reader, type):
        raise ValueError(
            f"`format` is {path!r}, which is not a function; write one that takes a root and a "
            "split and returns a list of examples."
        )
    return reader  # type: ignore[no-any-return]  # checked by what it returns


def _unknown(name: str, names: list[str], where: str, shared: Mapping[str, Any]) -> str:
    if name in shared:
        return f"{where} cannot hold {name!r}: it follows from the other settings of the data."
    known = f" It takes {', '.join(names)}." if names else " This format has no options."
    return f"{where} has no {name!r}.{_closest(name, names) or known}"


def _closest(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
