"""Check a command line and its configuration files before the parser reads them.

The classes that a configuration names say which settings there are and what values they take. So a
misspelt key, a value of another kind or a class that is not there gets one sentence: file and line
or option, what was expected, what was found, and the closest valid name. What is not checked here,
such as values of unusual types, is left to the parser, whose messages are only shortened.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from difflib import get_close_matches
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import yaml
from lightning.pytorch import Trainer

from multimodal.cli.moved import CLASSES, KEYS, REPORTS

_SECTIONS: Final = ("model", "data", "trainer")
_TOP: Final = (
    *_SECTIONS,
    "seed_everything",
    "ckpt_path",
    "weights_only",
    "verbose",
    "return_predictions",
    "config",
    "print_config",
)
_NUMBERS: Final = {int: "a whole number", float: "a number", bool: "true or false"}
_WIDTH = 200
# A class's own message comes among the parser's errors for the other types that it tried.
_REFUSED = re.compile(r"Errors:\n\s+- (?P<reason>.+?)\n\s+- Expected a <class 'NoneType'>", re.S)


@dataclass(frozen=True)
class Setting:
    """A value of a configuration and where it is from.

    Args:
        value: A scalar, a list of settings, or settings by name.
        place: File and line, or the option.
    """

    value: Any
    place: str


def check_keys(arguments: Sequence[str]) -> None:
    """Check all settings of a command line and of the configuration files that it names.

    Raises:
        ValueError: A setting or a class is unknown, or a value is of the wrong kind.

    Example:
        >>> check_keys(["fit", "--trainer.max_epoch", "3", "--model", "lightning.LightningModule",
        ...             "--data", "lightning.LightningDataModule"])
        Traceback (most recent call last):
        ValueError: --trainer.max_epoch: unknown setting 'max_epoch'. Did you mean 'max_epochs'?
    """
    if any(each in ("-h", "--help") or each.startswith("--print_config") for each in arguments):
        return
    settings = list(_settings(arguments[1:]))
    owners = {"trainer": Trainer}
    for name, setting in settings:
        if (path := _class_path(name, setting)) is not None:
            owners[name.partition(".")[0]] = _find_class(path)
    missing = [name for name in ("model", "data") if name not in owners]
    if missing:
        raise ValueError(
            f"Missing: {', '.join(missing)}. Name a configuration, such as --config "
            "captioning_scenes."
        )
    for name, setting in settings:
        section, _, rest = name.partition(".")
        if section not in _TOP:
            raise ValueError(_unknown(section, setting.place, _TOP, owners))
        if section in owners:
            _check_arguments(owners[section], _nested(rest, setting), owners)


def explain(complaint: str) -> str:
    r"""Shorten a message of the argument parser to at most three lines.

    Example:
        >>> explain("one\ntwo\nthree\nfour\nfive").splitlines()
        ['one', 'two', 'five']
    """
    lines = [line.strip()[:_WIDTH] for line in complaint.splitlines() if line.strip()]
    return "\n".join(lines[:2] + lines[-1:] if len(lines) > 3 else lines)


def refusal(complaint: str) -> str:
    r"""Return a class's own message from the parser's around it; any other message as it is.

    Example:
        >>> refusal("No union\nErrors:\n  - No file a.\n  - Expected a <class 'NoneType'>\nGiven")
        'No file a.'
        >>> refusal("No file a.")
        'No file a.'
    """
    match = _REFUSED.search(complaint)
    return match["reason"].strip() if match else complaint


def _settings(arguments: Sequence[str]) -> Iterator[tuple[str, Setting]]:
    """Yield the dotted name and value of every option, those of configuration files among them."""
    waiting = list(arguments)
    while waiting:
        option, equals, value = waiting.pop(0).partition("=")
        if not option.startswith("-"):
            continue
        if not equals and waiting and not waiting[0].startswith("--"):
            value = waiting.pop(0)
        if option in ("--config", "-c"):
            yield from _read_file(Path(value)).items()
        elif option.startswith("--"):
            yield option[2:].rstrip("+"), _from_value(_parse(value), option)


def _read_file(path: Path) -> dict[str, Setting]:
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    return _from_node(node, path).value  # type: ignore[no-any-return]  # a mapping, as checked


def _from_node(node: yaml.Node, path: Path) -> Setting:
    place = f"{path}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        pairs = {}
        for key, value in node.value:
            setting = _from_node(value, path)
            pairs[str(key.value)] = Setting(setting.value, f"{path}:{key.start_mark.line + 1}")
        return Setting(pairs, place)
    if isinstance(node, yaml.SequenceNode):
        return Setting([_from_node(each, path) for each in node.value], place)
    return Setting(yaml.SafeLoader("").construct_object(node), place)


def _from_value(value: Any, place: str) -> Setting:
    if isinstance(value, dict):
        return Setting({str(k): _from_value(v, place) for k, v in value.items()}, place)
    if isinstance(value, list):
        return Setting([_from_value(each, place) for each in value], place)
    return Setting(value, place)


def _parse(value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


def _class_path(name: str, setting: Setting) -> Setting | None:
    """Return the class that an option names for the model or the data, if it names one."""
    section, _, rest = name.partition(".")
    if section not in ("model", "data"):
        return None
    if isinstance(setting.value, dict) and not rest:
        return setting.value.get("class_path")
    return setting if rest in ("", "class_path") and isinstance(setting.value, str) else None


def _find_class(path: Setting) -> Any:
    if path.value in CLASSES:
        raise ValueError(
            f"{path.place}: the class {path.value} is now {CLASSES[path.value]}. The CHANGELOG "
            "lists the settings that changed."
        )
    if path.value in REPORTS:
        raise ValueError(
            f"{path.place}: {path.value} is no longer named in a configuration: its task adds it. "
            "Remove it."
        )
    module, _, name = str(path.value).rpartition(".")
    if not module:
        return None  # the parser knows some classes by their bare names
    try:
        return getattr(import_module(module), name)
    except (ImportError, ValueError, AttributeError) as error:
        raise ValueError(f"{path.place}: there is no class {path.value!r}: {error}.") from error


def _nested(rest: str, setting: Setting) -> dict[str, Setting]:
    """Return the arguments that an option such as ``--model.init_args.settings.cell`` gives."""
    for part in reversed(rest.split(".") if rest else []):
        setting = Setting({part: setting}, setting.place)
    if not isinstance(setting.value, dict):
        return {}  # the name of a class
    values = {k: v for k, v in setting.value.items() if k not in ("class_path", "init_args")}
    inner = setting.value.get("init_args")
    return {**values, **(inner.value if inner and isinstance(inner.value, dict) else {})}


def _check_arguments(owner: Any, settings: dict[str, Setting], owners: dict[str, Any]) -> None:
    """Check settings against the arguments of a class."""
    if owner is None:
        return
    try:
        parameters = signature(owner).parameters
    except ValueError:  # a class of C code
        return
    hints = _hints(owner)
    for name, setting in settings.items():
        if name not in parameters:
            if any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values()):
                continue
            moved = KEYS.get(getattr(owner, "__name__", ""), {}).get(name)
            if moved:
                raise ValueError(f"{setting.place}: the setting {name!r} is now {moved}.")
            raise ValueError(_unknown(name, setting.place, list(parameters), owners))
        _check_value(name, setting, hints.get(name, Any), owners)


def _check_value(name: str, setting: Setting, kind: Any, owners: dict[str, Any]) -> None:
    kinds = list(_alternatives(kind))
    value = setting.value
    records = [each for each in kinds if is_dataclass(each)]
    if isinstance(value, dict):
        if "class_path" in value:
            _check_arguments(_find_class(value["class_path"]), _nested("", setting), owners)
        elif len(records) == 1:
            _check_arguments(records[0], value, owners)
    elif isinstance(value, list):
        items = [(*get_args(each), Any)[0] for each in kinds if get_origin(each) is list]
        for item in value:
            _check_value(name, item, items[0] if items else Any, owners)
    elif expected := _expected(value, kinds):
        raise ValueError(
            f"{setting.place}: wrong value for {name!r}: expected {expected}, got {value}."
        )


def _alternatives(kind: Any) -> Iterator[Any]:
    """Yield the parts of a union, and choices one by one."""
    if get_origin(kind) in (Union, UnionType):
        for part in get_args(kind):
            yield from _alternatives(part)
    else:
        yield kind


def _expected(value: Any, kinds: Sequence[Any]) -> str:
    """Describe the expected scalar; empty where the value may be right."""
    choices = [each for kind in kinds if get_origin(kind) is Literal for each in get_args(kind)]
    numbers = [kind for kind in kinds if kind in _NUMBERS]
    others = [k for k in kinds if k not in numbers and get_origin(k) is not Literal]
    if any(kind is not NoneType for kind in others) or (value is None and NoneType in others):
        return ""
    if value in choices or any(_is_number(value, kind) for kind in numbers):
        return ""
    names = [_NUMBERS[kind] for kind in numbers]
    if choices:
        names.append(f"one of {', '.join(dict.fromkeys(map(str, choices)))}"[:_WIDTH])
    return " or ".join(names)


def _is_number(value: Any, kind: type) -> bool:
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    try:
        number = float(value)  # 1e-3 is a text for YAML and a number for the parser
    except (TypeError, ValueError):
        return False
    return kind is float or number.is_integer()


def _hints(owner: Any) -> dict[str, Any]:
    try:
        return get_type_hints(owner.__init__ if isinstance(owner, type) else owner)  # type: ignore[misc]
    except (NameError, TypeError):
        return {}


def _unknown(name: str, place: str, names: Sequence[str], owners: dict[str, Any]) -> str:
    """Name a misspelt setting and the closest one, of its own class or else of any."""
    close: list[str] = get_close_matches(name, names, n=1)
    if not close:
        everything = {key.rpartition(".")[2]: key for key in _all_keys(owners)}
        close = [everything[each] for each in get_close_matches(name, list(everything), n=1)]
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{place}: unknown setting {name!r}.{hint}"


def _all_keys(owners: dict[str, Any]) -> Iterator[str]:
    for section, owner in owners.items():
        if owner is not None:
            yield from _keys_of(owner, section)


def _keys_of(owner: Any, prefix: str) -> Iterator[str]:
    hints = _hints(owner)
    for name in signature(owner).parameters:
        yield f"{prefix}.{name}"
        for part in _alternatives(hints.get(name, Any)):
            if is_dataclass(part):
                yield from _keys_of(part, f"{prefix}.{name}")
