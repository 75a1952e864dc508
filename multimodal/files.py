"""Write files so that a crash leaves the old one, and open weight files without running them.

A file is written beside its target, synced to the disk and renamed over it, so that a reader sees
the old file or the new one, never half of one. A pickle can run any program when it is loaded:
weight files with more than tensors are refused before anything in them is executed.

References:
    torch.load, ``weights_only``: https://docs.pytorch.org/docs/stable/generated/torch.load.html
    safetensors' format: https://huggingface.co/docs/safetensors
"""

import contextlib
import os
import pickle
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

_TORCH_SUFFIXES = (".pth", ".pt", ".ckpt", ".bin")
_LEFTOVER_SECONDS = 24 * 3600


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside the target, and rename it over the target on success.

    Missing folders are made. When the body raises, the temporary file is removed and the target
    stays as it was. The temporary name keeps the target's suffix, for writers that look at it.

    Raises:
        OSError: If the file cannot be written (full disk, no permission): one sentence that names
            the target. An ``OSError`` about another file passes through unchanged.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> with atomic_write(folder / "settings.json") as temporary:
        ...     _ = temporary.write_text("{}")
        >>> [file.name for file in folder.iterdir()]
        ['settings.json']
    """
    target = path.absolute()
    name = f"{_temporary_prefix(target)}{secrets.token_hex(4)}{target.suffix}"
    temporary = target.with_name(name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        yield temporary
        sync(temporary)
        temporary.replace(target)
        sync(target.parent)
    except (OSError, RuntimeError, SafetensorError) as error:
        if not _is_about(error, temporary):
            raise
        raise _write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a file of named tensors to the CPU without executing anything in it.

    Args:
        path: A ``.safetensors`` file, or a ``.pth``, ``.pt``, ``.bin`` or ``.ckpt`` file that
            torch.save wrote. A checkpoint with the tensors under ``state_dict`` is accepted.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another kind, damaged, or contains more than tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"No weight file at {path}. Give the path of a .pth or .safetensors file."
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix in _TORCH_SUFFIXES:
        return _named_tensors(_read_torch(path), path)
    raise ValueError(
        f"Weights are read from .safetensors, {', '.join(_TORCH_SUFFIXES)} files, got {path}. "
        "Convert the file with safetensors.torch.save_file."
    )


def _temporary_prefix(target: Path) -> str:
    # Cut, so that a name of the longest length a file system allows still gets a temporary one.
    return f".{target.stem[:64]}.writing-"


def _remove_leftovers(target: Path) -> None:
    """Delete the temporary files of killed processes, unless they may still be in use."""
    prefix = _temporary_prefix(target)
    for file in target.parent.iterdir():
        if file.name.startswith(prefix) and file.suffix == target.suffix:
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > _LEFTOVER_SECONDS:
                    file.unlink()


def sync(path: Path) -> None:
    """Make a file, or the renames in a folder, durable; some systems cannot open a folder.

    Raises:
        OSError: If it cannot be opened or the disk fails.
    """
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_about(error: Exception, temporary: Path) -> bool:
    """Return whether an error is a failed write of our file, not another error of the body."""
    if isinstance(error, OSError):
        # The system's errors name the temporary file, or a folder above it, or nothing.
        return error.filename is None or str(temporary).startswith(str(error.filename))
    if isinstance(error, SafetensorError):
        return "I/O error" in str(error) or "os error" in str(error)
    # torch.save reports a full disk as a RuntimeError of its archive writer.
    return any(sign in str(error) for sign in ("PytorchStreamWriter", "unexpected pos", "iostream"))


def _write_error(path: Path, error: Exception) -> OSError:
    strerror = error.strerror if isinstance(error, OSError) else None
    reason = strerror or str(error).splitlines()[0]
    stays = "The file that was there is unchanged." if path.exists() else "Nothing was left behind."
    failure = OSError(f"Could not write {path}: {reason}. {stays} Free some space or choose "
                      "another folder, then run it again.")  # fmt: skip
    failure.errno = error.errno if isinstance(error, OSError) else None
    return failure


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is not a complete safetensors file ({error}). Download or copy it again."
        ) from error


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds something other than tensors, or is damaged; it was refused and "
            "nothing in it was run. Save weights with torch.save(model.state_dict(), path)."
        ) from error
    except (RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} is not a complete file of torch.save. Download or copy it again."
        ) from error


def _named_tensors(loaded: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, dict) or not loaded:
        raise ValueError(
            f"{path} must hold named tensors, got {type(loaded).__name__}. "
            "Save weights with torch.save(model.state_dict(), path)."
        )
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError(
                f"{path} must hold named tensors only, got {type(value).__name__} under {name!r}. "
                "Save weights with torch.save(model.state_dict(), path)."
            )
    return dict(loaded)
