"""Find a trained model: a folder, a run's checkpoint, or the name of one that ships."""

import os
import re
from difflib import get_close_matches
from pathlib import Path

from multimodal.saving.checkpoint import SavedModel, read_checkpoint
from multimodal.saving.contents import CONFIG, WEIGHTS
from multimodal.saving.reading import read_folder

PRETRAINED = Path(__file__).parent.parent / "pretrained"


def read_model(source: str | Path, task: str | None = None) -> SavedModel:
    """Open a trained model for inference without executing anything in it.

    Args:
        source: A folder that ``multimodal export`` wrote, a ``.ckpt`` file of a run, or the name of
            a model that ships with the package. A file or folder of that name comes first.
        task: The expected task; None accepts any.

    Raises:
        FileNotFoundError: If there is no such file, folder or name; close names are offered.
        TypeError: If it is neither a string nor a path.
        ValueError: If it is no model of ours, is damaged, is of another task, or contains
            anything that could run code.

    Example:
        >>> read_model("captoining-scenes")
        Traceback (most recent call last):
        FileNotFoundError: No model 'captoining-scenes': neither a file or folder, nor one of ...
    """
    if not isinstance(source, str | Path):
        raise TypeError(
            f"A model is given as a path or a name, which are strings, got {type(source).__name__}."
        )
    if os.path.isdir(source):  # noqa: PTH112 - a Path raises where the name is too long
        if _is_plain_folder(Path(source)):
            return read_checkpoint(source)  # raises with what to give instead
        return read_folder(Path(source), task)
    if os.path.isfile(source):  # noqa: PTH113 - the same
        if Path(source).name in (CONFIG, WEIGHTS):
            raise ValueError(f"{source} is a part of a model. Give the folder in which it lies.")
        return read_checkpoint(source, task)
    if str(source) in shipped_models():
        return read_folder(PRETRAINED / source, task)
    if re.fullmatch(r"[\w-]{1,80}", str(source)):
        raise FileNotFoundError(_unknown_name(str(source)))
    if not str(source).isprintable():
        raise FileNotFoundError(f"No model at {str(source)!a}. Is its name spelt so?")
    return read_checkpoint(source, task)  # raises that there is no such file


def shipped_models() -> list[str]:
    """List the names of the models that ship with the package."""
    return sorted(config.parent.name for config in PRETRAINED.glob(f"[a-z]*/{CONFIG}"))


def _is_plain_folder(folder: Path) -> bool:
    """Return whether a folder has neither file of a model; one makes it a damaged model."""
    return not any((folder / name).exists() for name in (CONFIG, WEIGHTS))


def _unknown_name(name: str) -> str:
    names = shipped_models()
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"No model {name!r}: neither a file or folder, nor one of the models that ship with "
        f"multimodal ({', '.join(names) or 'none in this copy'}).{hint}"
    )
