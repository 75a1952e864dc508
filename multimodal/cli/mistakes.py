"""Turn a parser's complaint about an option into a sentence or two, with the closest valid name."""

import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from difflib import get_close_matches
from inspect import signature
from pydoc import locate
from typing import Any, get_args

from lightning.pytorch import Trainer

from multimodal.cli.tasks import TASKS

_UNKNOWN = (
    re.compile(r"[Oo]ption '(?P<key>[\w.]+)' is not accepted"),
    re.compile(r"[Kk]ey '(?P<key>[\w.]+)' is not expected"),
    re.compile(r"[Uu]nrecognized arguments: --(?P<key>[\w.]+)"),
    re.compile(r"[Nn]o action for key '(?P<key>[\w.]+)'"),
)
_CLASS = re.compile(r"class_path '([\w.]+)'")
_MISSING = re.compile(r"arguments are required: (?P<keys>[\w., ]+)")
_NO_CLASS = re.compile(r"class_path '(?P<path>[\w.]+)':\s*(?P<reason>[^\n]+)")
# The innermost complaint stands last; the outer ones repeat it with the whole configuration.
_WRONG_VALUE = re.compile(r'Parser key "(?P<key>[\w.]+)":\s*\n(?P<rest>(?:(?!Parser key).)*)', re.S)
# What a class itself refused stands between what the parser says of all that it tried.
_REFUSED = re.compile(r"Errors:\n\s+- (?P<reason>.+?)\n\s+- Expected a <class 'NoneType'>", re.S)
_WIDTH = 200


def explain(complaint: str) -> str:
    """Shorten a complaint of the argument parser, and offer the closest key for a misspelt one.

    Args:
        complaint: What the parser said, often many lines.

    Returns:
        At most three lines.

    Example:
        >>> explain("error: Option 'hiden_dim' is not accepted ... Expected NoneType")
        "Unknown setting 'hiden_dim'. Did you mean 'hidden_dim'?"
    """
    for pattern in _UNKNOWN:
        if match := pattern.search(complaint):
            return _unknown(match["key"], _CLASS.findall(complaint[: match.start()]))
    if match := _MISSING.search(complaint):
        return (
            f"Missing: {match['keys']}. Name a configuration, such as --config captioning_scenes."
        )
    wrong = list(_WRONG_VALUE.finditer(complaint))
    if wrong:
        return f"Wrong value for {wrong[-1]['key']!r}: {_reason(wrong[-1]['rest'])}"
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    return "\n".join(lines[:2] + lines[-1:] if len(lines) > 3 else lines)


def refusal(complaint: str) -> str:
    r"""Return what a task or its data said as it refused its arguments, without what is around it.

    Args:
        complaint: What came through the parser.

    Returns:
        The sentence; any other complaint as it is.

    Example:
        >>> refusal("No union\nErrors:\n  - No file a.\n  - Expected a <class 'NoneType'>\nGiven")
        'No file a.'
        >>> refusal("No file a.")
        'No file a.'
    """
    match = _REFUSED.search(complaint)
    return match["reason"].strip() if match else complaint


def _reason(complaint: str) -> str:
    """Say what was expected and what came, without Python's spelling of types."""
    if match := _NO_CLASS.search(complaint):
        return f"{match['path']}: {match['reason'].strip()}."[:_WIDTH]
    expected = re.findall(r"Expected an? ([^\n]+?)(?:\. Got value|\n|$)", complaint)
    kinds = [_plain(kind) for kind in expected if "NoneType" not in kind]
    value = re.search(r"(?:Got|Given) value: ([^\n]+)", complaint)
    if kinds and value:
        return f"expected {' or '.join(kinds)}, got {value[1].strip()[:60]}."
    return " ".join(complaint.split())[:_WIDTH]


def _plain(kind: str) -> str:
    kind = re.sub(r"<class '([\w.]+)'>", r"\1", kind)
    if match := re.fullmatch(r"typing\.Literal\[(.*)\]", kind):
        return "one of " + match[1].replace("'", "")
    return {"int": "a whole number", "float": "a number", "bool": "true or false"}.get(kind, kind)


def _unknown(key: str, classes: list[str]) -> str:
    """Name a misspelt key and the closest one of the class it was given to, or else of any."""
    places = (set(_arguments(locate(classes[-1]))) if classes else set(), set(_known()))
    found = (get_close_matches(key.rsplit(".", 1)[-1], names, n=1) for names in places)
    close = next((names[0] for names in found if names), None)
    return f"Unknown setting {key!r}." + (f" Did you mean {close!r}?" if close else "")


def _known() -> Iterator[str]:
    """All names that a configuration may hold, whatever its task."""
    for owner in (Trainer, *(each for row in TASKS for each in (row.task, row.data))):
        yield from _arguments(owner)
    yield from (
        "model",
        "data",
        "trainer",
        "class_path",
        "init_args",
        "seed_everything",
        "ckpt_path",
    )


def _arguments(owner: Any) -> Iterator[str]:
    """The arguments of a class, and of the dataclasses among their types."""
    if not callable(owner):
        return
    for name, parameter in signature(owner).parameters.items():
        yield name
        kind = parameter.annotation
        for part in (kind, *get_args(kind)):
            if is_dataclass(part):
                yield from _arguments(part)
