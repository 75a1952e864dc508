"""Write and read checkpoints as plain data and tensors.

Inference needs the task's name, the network's settings, the vocabulary, the evaluation transform
and the weights of a Lightning checkpoint. They are JSON types and tensors, so that the file opens
with ``weights_only=True``, and without Lightning. Names come from closed tables in our code: a
checkpoint with import paths is refused, because loading it could run any installed code
(Lightning's command line follows such paths, ``weights_only`` or not).

References:
    torch.load, ``weights_only``: https://docs.pytorch.org/docs/stable/generated/torch.load.html
    Lightning's import paths in checkpoints: advisory GHSA-qqmf-gpg7-g8gw.
"""

import math
import os
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

CHECKPOINT_KEY = "multimodal"
FORMAT = 1

# Where Lightning puts constructor arguments, of a task and of its data.
_HYPER_PARAMETERS = (
    "hyper_parameters",
    "hparams_name",
    "hparams_type",
    "datamodule_hyper_parameters",
    "datamodule_hparams_name",
    "datamodule_hparams_type",
)
_IMPORT_PATHS = ("_class_path", "_instantiator", "class_path")
_SIMPLE = (type(None), bool, int, str)
_ARCHIVE = b"PK\x03\x04"
_PICKLE = b"\x80"


@dataclass(frozen=True, slots=True, eq=False)
class SavedModel:
    """The parts of a checkpoint that inference needs.

    Attributes:
        task: Name of the task: ``captioning``.
        settings: The network's settings, as its dataclass takes them.
        vocabulary: All tokens in the order of their ids; empty if there is none.
        transform: Settings of the evaluation transform; empty if there is none.
        state_dict: The network's weights, by the network's own names.
        extra: Further plain data of the task, such as its labels.
    """

    task: str
    settings: dict[str, Any]
    vocabulary: list[str]
    transform: dict[str, Any]
    state_dict: dict[str, Tensor] = field(repr=False)
    extra: dict[str, Any]


def attach(
    checkpoint: dict[str, Any],
    *,
    task: str,
    settings: Mapping[str, Any],
    vocabulary: Sequence[str] = (),
    transform: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Add the parts of a `SavedModel` to a Lightning checkpoint in place.

    Constructor arguments that Lightning added, with import paths, are removed.

    Raises:
        TypeError: If a part is not plain data; the message names it.
        ValueError: If a number is not finite.

    Example:
        >>> checkpoint = {"state_dict": {}, "hyper_parameters": {"_class_path": "some.Task"}}
        >>> attach(checkpoint, task="sentiment", settings={"hidden_dim": 8})
        >>> list(checkpoint), checkpoint["multimodal"]["settings"]
        (['state_dict', 'multimodal'], {'hidden_dim': 8})
    """
    for name in _HYPER_PARAMETERS:
        checkpoint.pop(name, None)
    checkpoint[CHECKPOINT_KEY] = {
        "format": FORMAT,
        "task": task,
        "settings": plain(settings, "settings"),
        "vocabulary": plain(vocabulary, "vocabulary"),
        "transform": plain(transform or {}, "transform"),
        "extra": plain(extra or {}, "extra"),
    }


def read_checkpoint(path: str | Path, task: str | None = None) -> SavedModel:
    """Open a checkpoint for inference without executing anything in it.

    Args:
        path: A ``.ckpt`` file that a run of ours wrote. Its optimiser's state is not read.
        task: The expected task; None accepts any.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a checkpoint of ours, is damaged, is of another task, or contains
            anything that could run code.
    """
    checkpoint = _open(path)
    _refuse_import_paths(checkpoint, path)
    parts = checkpoint[CHECKPOINT_KEY]
    vocabulary = _part(parts, "vocabulary", list, path)
    if not all(isinstance(token, str) for token in vocabulary):
        raise ValueError(f"`vocabulary` in {path} must be a list of words. Train the model anew.")
    saved = SavedModel(
        task=_part(parts, "task", str, path),
        settings=_part(parts, "settings", dict, path),
        vocabulary=vocabulary,
        transform=_part(parts, "transform", dict, path),
        state_dict=_network_weights(checkpoint, path),
        extra=_part(parts, "extra", dict, path),
    )
    if task is not None and saved.task != task:
        raise ValueError(
            f"{path} is a checkpoint of the task {saved.task!r}, expected one of {task!r}. Give a "
            f"checkpoint that a {task} run wrote."
        )
    return saved


def read_progress(path: str | Path) -> dict[str, Any]:
    """Read ``epoch`` (from 0), ``global_step`` and ``pytorch-lightning_version``, as far as known.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As `read_checkpoint`.
    """
    checkpoint = _open(path)
    kinds = {"epoch": int, "global_step": int, "pytorch-lightning_version": str}
    return {
        name: checkpoint[name] for name, kind in kinds.items() if type(checkpoint.get(name)) is kind
    }


def plain(value: Any, name: str) -> Any:
    """Check that a structure has only JSON types, and copy it with tuples as lists.

    Messages call it by `name`.

    Raises:
        TypeError: If it contains anything else: a Path, an Enum, a numpy number.
        ValueError: If a number is not finite, which JSON cannot express.

    Example:
        >>> plain({"size": (64, 64), "resize": "squash"}, "transform")
        {'size': [64, 64], 'resize': 'squash'}
        >>> plain({"encoder": {"weights": Path("weights.pth")}}, "settings")
        Traceback (most recent call last):
        TypeError: `settings.encoder.weights` must be plain data (JSON types), got PosixPath. ...
    """
    if type(value) in _SIMPLE:
        return value
    if type(value) is float:
        if not math.isfinite(value):
            raise ValueError(
                f"`{name}` must be a finite number, got {value}. Choose another value."
            )
        return value
    if isinstance(value, (list, tuple)):
        return [  # no call for each word: a vocabulary is long
            part if type(part) in _SIMPLE else plain(part, f"{name}[{index}]")
            for index, part in enumerate(value)
        ]
    if isinstance(value, Mapping):
        wrong = next((key for key in value if type(key) is not str), None)
        if wrong is not None:
            raise TypeError(f"Keys of `{name}` must be strings, got {wrong!r}. Use its name.")
        return {key: plain(part, f"{name}.{key}") for key, part in value.items()}
    raise TypeError(
        f"`{name}` must be plain data (JSON types), got {type(value).__name__}. Convert it to a "
        "number, a string, a list or a dictionary of those first."
    )


def import_paths(value: Any) -> Iterator[str]:
    """Yield the keys of plain data under which loaders keep import paths."""
    if isinstance(value, dict):
        yield from (key for key in value if key in _IMPORT_PATHS)
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            if isinstance(part, dict | list):  # no call for each of a million words
                yield from import_paths(part)


def import_path_refused(path: str | Path, key: str) -> str:
    """Write the message for a file that is refused because it has an import path."""
    return (
        f"{path} holds {key!r}, which can name any installed code to run. It was refused and "
        "nothing in it was run. Models of multimodal never hold it."
    )


def _open(path: str | Path) -> dict[str, Any]:
    """Open the file's dictionary, its tensors still on the disk, or describe the file."""
    if re.match(r"\w{2,}:/", str(path)):
        raise ValueError(f"{path} is not a file. Download the checkpoint first and give its path.")
    file = Path(path)
    if os.path.isdir(path):  # noqa: PTH112 - a Path raises where the name is too long
        candidates = (*file.glob("*.ckpt"), *file.glob("checkpoints/*.ckpt"))
        inside = f", such as {min(candidates)}" if candidates else ""
        raise ValueError(
            f"{path} is a folder. Give the .ckpt file in it{inside}, or a folder that `multimodal "
            "export` wrote."
        )
    if not os.path.isfile(path):  # noqa: PTH113 - the same
        raise FileNotFoundError(f"No checkpoint at {path}. Look in the run's checkpoint folder.")
    with file.open("rb") as opened:
        head = opened.read(len(_ARCHIVE))
    try:
        # Mapped, so that only what is copied out of it is read: a third of the file, with Adam.
        with warnings.catch_warnings(action="ignore"):  # the error below is clearer
            checkpoint = torch.load(file, "cpu", weights_only=True, mmap=head == _ARCHIVE)
    except Exception as error:  # damaged files raise errors of every kind
        raise ValueError(f"{path} {_describe_unreadable(head, error)}") from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(CHECKPOINT_KEY), dict):
        raise ValueError(f"{path} {_describe_foreign(checkpoint)}")
    version = checkpoint[CHECKPOINT_KEY].get("format")
    if version != FORMAT:
        raise ValueError(
            f"{path} has format {version}, this version of multimodal reads format {FORMAT}. "
            "Install the version that wrote it."
        )
    return checkpoint


def _describe_unreadable(head: bytes, error: Exception) -> str:
    """Describe a file from its first bytes and torch.load's objection."""
    if not head:
        return "is empty. Copy or train it again."
    if head == _ARCHIVE and isinstance(error, pickle.UnpicklingError):
        return (
            "holds more than tensors and plain data, or is damaged. It was refused and nothing in "
            "it was run. Copy it again, or get it from whom you trust."
        )
    if head == _ARCHIVE:
        return "is cut short or damaged. Copy or download it again."
    if head.startswith(_PICKLE):
        return (
            "is a pickle, which can run any program when it is opened. It was refused and nothing "
            "in it was run. Give a .ckpt file that a run of multimodal wrote."
        )
    return "is not a checkpoint. Give a .ckpt file that a run of multimodal wrote."


def _describe_foreign(checkpoint: Any) -> str:
    """Describe a file that opens, but is not one of ours."""
    hint = "Give a .ckpt file that a run of multimodal wrote."
    if isinstance(checkpoint, dict) and "pytorch-lightning_version" in checkpoint:
        return f"is a Lightning checkpoint, but not of a task of multimodal. {hint}"
    if isinstance(checkpoint, dict) and any(isinstance(v, Tensor) for v in checkpoint.values()):
        return f"holds weights alone, without the settings and words that belong to them. {hint}"
    return f"is not a checkpoint of multimodal. {hint}"


def _refuse_import_paths(checkpoint: dict[str, Any], path: str | Path) -> None:
    """Refuse the keys that our runs never write and loaders that import by name would follow."""
    key = next((name for name in _HYPER_PARAMETERS if checkpoint.get(name)), None)
    key = key or next(import_paths(checkpoint[CHECKPOINT_KEY]), None)
    if key is not None:
        raise ValueError(import_path_refused(path, key))


def _part(parts: dict[str, Any], name: str, kind: type, path: str | Path) -> Any:
    value = parts.get(name)
    if not isinstance(value, kind):
        raise ValueError(
            f"`{name}` in {path} must be a {kind.__name__}, got {type(value).__name__}. Was it "
            "changed by hand? Copy or train it again."
        )
    try:
        return plain(value, name)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} was not written by a run of multimodal: {error}") from error


def _network_weights(checkpoint: dict[str, Any], path: str | Path) -> dict[str, Tensor]:
    """Copy the network's tensors out of the mapped file, without those of the task itself."""
    weights = checkpoint.get("state_dict")
    items = weights.items() if isinstance(weights, dict) else ()
    network = {
        name.removeprefix("model."): value.clone()
        for name, value in items
        if isinstance(name, str) and name.startswith("model.") and isinstance(value, Tensor)
    }
    if not network:
        raise ValueError(f"{path} holds no weights of a network. Copy or train it again.")
    return network
