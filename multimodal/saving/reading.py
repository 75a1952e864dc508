"""Read an exported folder as plain data and tensors; anything else in it is refused.

References:
    safetensors' format: https://huggingface.co/docs/safetensors
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from multimodal.saving.checkpoint import SavedModel, import_path_refused, import_paths, plain
from multimodal.saving.contents import CONFIG, FORMAT, PARTS, WEIGHTS, checksum

_KEYS = {"format", "made_with", "sha256", *PARTS}
_LONGEST_TASK = 40  # letters
_MOST_BYTES = 2**26  # of config.json
_MOST_WEIGHT_BYTES = 2**32
_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32)
_AGAIN = "Copy or export it again."


def read_folder(folder: Path, task: str | None = None) -> SavedModel:
    """Open a folder that `write_folder` wrote, without executing anything in it.

    Raises:
        FileNotFoundError: If it lacks one of the two files.
        ValueError: If it was not written by `write_folder`, is damaged, or is of another task.
    """
    config = _read_config(_member(folder, CONFIG))
    if task is not None and config["task"] != task:
        raise ValueError(
            f"{folder} is a model of the task {config['task']!r}, expected one of {task!r}. Give a "
            f"model of {task}."
        )
    path = _member(folder, WEIGHTS)
    weights = _read_weights(path)
    if checksum(config, path) != config["sha256"]:
        raise ValueError(
            f"{folder} is not as it was written: {CONFIG} or {WEIGHTS} was damaged or changed. "
            f"{_AGAIN}"
        )
    return SavedModel(**{name: config[name] for name in PARTS}, state_dict=weights)


def _member(folder: Path, name: str) -> Path:
    """Return the path of a folder's file, which must not be a link out of the folder."""
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:  # links in a circle
        raise ValueError(f"{path} cannot be followed: {error}. {_AGAIN}") from error
    if path.is_symlink() and not inside:
        raise ValueError(
            f"{path} is a link that leads out of the folder, so it was not read. Copy the file "
            "itself into the folder."
        )
    if not path.exists():
        raise FileNotFoundError(f"{folder} has no {name}, so it is no complete model. {_AGAIN}")
    if not path.is_file():
        raise ValueError(f"{path} is not a file. {_AGAIN}")
    return path


def _read_config(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(
            f"{path} has {size:,} bytes, and at most {_MOST_BYTES:,} are read. Is it the "
            f"{CONFIG} of a model?"
        )
    try:
        config = json.loads(
            path.read_bytes().decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
        )
        config = plain(config, CONFIG)
        import_path = next(import_paths(config), None)
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply to be a model's. {_AGAIN}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8. {_AGAIN}") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}. {_AGAIN}") from error
    except ValueError as error:
        raise ValueError(
            f"{path} is not the JSON of a model: {_sentence(error)} {_AGAIN}"
        ) from error
    if import_path is not None:
        raise ValueError(import_path_refused(path, import_path))
    _check_config(config, path)
    return dict(config)


def _check_config(config: Any, path: Path) -> None:
    if not isinstance(config, dict):
        raise ValueError(f"{path} must hold an object, got a {type(config).__name__}. {_AGAIN}")
    version = config.get("format")
    if type(version) is int and version != FORMAT:
        raise ValueError(
            f"{path} has format {str(version)[:20]}, this version of multimodal reads format "
            f"{FORMAT}. Install the version that wrote it."
        )
    missing, unknown = sorted(_KEYS - config.keys()), sorted(config.keys() - _KEYS)
    if missing or unknown:
        which = f"lacks {missing[0]!r}" if missing else f"has an unknown key {unknown[0][:40]!r}"
        raise ValueError(f"{path} {which}, so it is not the {CONFIG} of a model. {_AGAIN}")
    kinds = {**PARTS, "format": int, "made_with": str, "sha256": str}
    for name, kind in kinds.items():
        if type(config[name]) is not kind:
            raise ValueError(
                f"`{name}` in {path} must be a {kind.__name__}, got "
                f"{type(config[name]).__name__}. {_AGAIN}"
            )
    if len(config["task"]) > _LONGEST_TASK:
        raise ValueError(f"`task` in {path} must be the name of a task. {_AGAIN}")
    if not all(isinstance(token, str) for token in config["vocabulary"]):
        raise ValueError(f"`vocabulary` in {path} must be a list of words. {_AGAIN}")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has the key {twice[:40]!r} twice")
    return unique


def _no_constant(name: str) -> float:
    raise ValueError(f"it has the number {name}")


def _sentence(error: ValueError) -> str:
    text = str(error).split("\n", 1)[0][:200]
    return text if text.endswith(".") else f"{text}."


def _read_weights(path: Path) -> dict[str, Tensor]:
    size = path.stat().st_size
    if size > _MOST_WEIGHT_BYTES:
        raise ValueError(f"{path} has {size:,} bytes, and at most {_MOST_WEIGHT_BYTES:,} are read.")
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise ValueError(
            f"{path} is not a complete safetensors file ({reason}). {_AGAIN}"
        ) from error
    if not weights:
        raise ValueError(f"{path} holds no weights. {_AGAIN}")
    wrong = next((value.dtype for value in weights.values() if value.dtype not in _DTYPES), None)
    if wrong is not None:
        raise ValueError(
            f"{path} holds numbers of the type {wrong}, not those of weights. {_AGAIN}"
        )
    return weights
