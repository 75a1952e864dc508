"""A saved model is plain data and tensors: what a checkpoint of ours holds, and how it is opened.

A Lightning checkpoint keeps everything that a run needs to go on. Inference needs five things of
it: the task's name, the network's settings, the vocabulary, the evaluation transform, the weights.
They stand in the checkpoint as JSON types, so that the file opens with ``weights_only=True``, and
without Lightning. Nothing in it is an import path: names come from closed tables in our code, and a
checkpoint that holds import paths is refused, because loading it could run any code that is
installed (Lightning's command line follows such paths, ``weights_only`` or not).

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
    """What inference needs of a checkpoint.

    Attributes:
        task: Name of the task that trained it: ``captioning``.
        settings: The network's settings, as its dataclass takes them.
        vocabulary: All tokens in the order of their ids; empty where there is none.
        transform: Settings of the evaluation transform; empty where there is none.
        state_dict: The network's weights, by the network's own names.
        extra: What else the task keeps.
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
    """Make a Lightning checkpoint one of ours; what a task's ``on_save_checkpoint`` calls.

    Constructor arguments that Lightning put there, import paths among them, are taken out.

    Args:
        checkpoint: What is about to be saved; changed in place.
        task: Name of the task.
        settings: The network's settings.
        vocabulary: All tokens in the order of their ids.
        transform: Settings of the evaluation transform.
        extra: What else the task needs for inference.

    Raises:
        TypeError: If any of it is not plain data; the message says which part.
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
    """Open a checkpoint for inference, executing nothing that is in it.

    Args:
        path: A ``.ckpt`` file that a run of ours wrote. Its optimiser's state is not read.
        task: The task it must be of; None takes any.

    Returns:
        Settings, vocabulary, transform and weights.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a checkpoint of ours, is damaged, is of another task, or holds
            anything that could run code.

    Example:
        >>> path = getfixture("tmp_path") / "best.ckpt"
        >>> checkpoint = {"state_dict": {"model.weight": torch.zeros(2)}}
        >>> attach(checkpoint, task="sentiment", settings={"hidden_dim": 2})
        >>> torch.save(checkpoint, path)
        >>> saved = read_checkpoint(path, task="sentiment")
        >>> saved.settings, saved.state_dict
        ({'hidden_dim': 2}, {'weight': tensor([0., 0.])})
    """
    checkpoint = _open(path)
    _refuse_import_paths(checkpoint, path)
    held = checkpoint[CHECKPOINT_KEY]
    vocabulary = _part(held, "vocabulary", list, path)
    if not all(isinstance(token, str) for token in vocabulary):
        raise ValueError(f"`vocabulary` in {path} must be a list of words. Train the model anew.")
    saved = SavedModel(
        task=_part(held, "task", str, path),
        settings=_part(held, "settings", dict, path),
        vocabulary=vocabulary,
        transform=_part(held, "transform", dict, path),
        state_dict=_network_weights(checkpoint, path),
        extra=_part(held, "extra", dict, path),
    )
    if task is not None and saved.task != task:
        raise ValueError(
            f"{path} is a checkpoint of the task {saved.task!r}, expected one of {task!r}. Give a "
            f"checkpoint that a {task} run wrote."
        )
    return saved


def read_progress(path: str | Path) -> dict[str, Any]:
    """Return how far the run was that wrote a checkpoint.

    Args:
        path: A ``.ckpt`` file that a run of ours wrote.

    Returns:
        What the file says of ``epoch`` (the first is 0), ``global_step`` (optimiser steps) and
        ``pytorch-lightning_version``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As `read_checkpoint`.

    Example:
        >>> path = getfixture("tmp_path") / "best.ckpt"
        >>> checkpoint = {"state_dict": {}, "epoch": 2}
        >>> attach(checkpoint, task="sentiment", settings={"hidden_dim": 2})
        >>> torch.save(checkpoint, path)
        >>> read_progress(path)
        {'epoch': 2}
    """
    checkpoint = _open(path)
    kinds = {"epoch": int, "global_step": int, "pytorch-lightning_version": str}
    return {
        name: checkpoint[name] for name, kind in kinds.items() if type(checkpoint.get(name)) is kind
    }


def plain(value: Any, name: str) -> Any:
    """Check that a structure is made of JSON types only, and return it with tuples as lists.

    Args:
        value: Dictionaries with string keys, lists, tuples, strings, numbers, booleans and None.
        name: What it is called in a message.

    Returns:
        The same as new dictionaries and lists.

    Raises:
        TypeError: If anything else is in it: a Path, an Enum, a numpy number.
        ValueError: If a number is not finite, which JSON cannot say.

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
        return [  # a vocabulary is long: its words are told here
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
    """Find the keys of plain data under which loaders keep what they import by name.

    Args:
        value: Dictionaries and lists.

    Yields:
        Each such key.

    Example:
        >>> list(import_paths({"encoder": [{"class_path": "some.Encoder"}]}))
        ['class_path']
    """
    if isinstance(value, dict):
        yield from (key for key in value if key in _IMPORT_PATHS)
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            if isinstance(part, dict | list):  # of a million words none is asked
                yield from import_paths(part)


def import_path_refused(path: str | Path, found: str) -> str:
    """Say why a file that holds an import path is not read."""
    return (
        f"{path} holds {found!r}, which can name any installed code to run. It was refused and "
        "nothing in it was run. Models of multimodal never hold it."
    )


def _open(path: str | Path) -> dict[str, Any]:
    """Return the file's dictionary, its tensors still on the disk, or say what the file is."""
    if re.match(r"\w{2,}:/", str(path)):
        raise ValueError(f"{path} is not a file. Download the checkpoint first and give its path.")
    file = Path(path)
    if os.path.isdir(path):  # noqa: PTH112 - a Path raises where the name is too long
        places = (*file.glob("*.ckpt"), *file.glob("checkpoints/*.ckpt"))
        inside = f", such as {min(places)}" if places else ""
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
        with warnings.catch_warnings(action="ignore"):  # the error below says it better
            checkpoint = torch.load(file, "cpu", weights_only=True, mmap=head == _ARCHIVE)
    except Exception as error:  # damaged files raise errors of every kind
        raise ValueError(f"{path} {_what_it_is(head, error)}") from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(CHECKPOINT_KEY), dict):
        raise ValueError(f"{path} {_what_it_lacks(checkpoint)}")
    version = checkpoint[CHECKPOINT_KEY].get("format")
    if version != FORMAT:
        raise ValueError(
            f"{path} has format {version}, this version of multimodal reads format {FORMAT}. "
            "Install the version that wrote it."
        )
    return checkpoint


def _what_it_is(head: bytes, error: Exception) -> str:
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


def _what_it_lacks(checkpoint: Any) -> str:
    """Describe a file that opened, but is not one of ours."""
    hint = "Give a .ckpt file that a run of multimodal wrote."
    if isinstance(checkpoint, dict) and "pytorch-lightning_version" in checkpoint:
        return f"is a Lightning checkpoint, but not of a task of multimodal. {hint}"
    if isinstance(checkpoint, dict) and any(isinstance(v, Tensor) for v in checkpoint.values()):
        return f"holds weights alone, without the settings and words that belong to them. {hint}"
    return f"is not a checkpoint of multimodal. {hint}"


def _refuse_import_paths(checkpoint: dict[str, Any], path: str | Path) -> None:
    """Refuse what our runs never write: it would be there for a loader that imports by name."""
    found = next((name for name in _HYPER_PARAMETERS if checkpoint.get(name)), None)
    found = found or next(import_paths(checkpoint[CHECKPOINT_KEY]), None)
    if found is not None:
        raise ValueError(import_path_refused(path, found))


def _part(held: dict[str, Any], name: str, kind: type, path: str | Path) -> Any:
    value = held.get(name)
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
    """Copy the network's tensors out of the mapped file; a task's own, outside of it, stay."""
    weights = checkpoint.get("state_dict")
    named = weights.items() if isinstance(weights, dict) else ()
    network = {
        name.removeprefix("model."): value.clone()
        for name, value in named
        if isinstance(name, str) and name.startswith("model.") and isinstance(value, Tensor)
    }
    if not network:
        raise ValueError(f"{path} holds no weights of a network. Copy or train it again.")
    return network
