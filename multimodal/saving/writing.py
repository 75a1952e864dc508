"""Export a model as a folder that is either complete or absent."""

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file

from multimodal.files import sync
from multimodal.nn.weights import check_finite
from multimodal.saving.checkpoint import SavedModel, plain
from multimodal.saving.contents import (
    CARD,
    CONFIG,
    FORMAT,
    METRICS,
    PARTS,
    WEIGHTS,
    checksum,
)


def write_folder(
    saved: SavedModel,
    folder: Path,
    *,
    card: str = "",
    metrics: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write an exported folder beside its place and rename it, so that it is complete or absent.

    `card` is the text of its ``README.md``, `metrics` the measured scores; `overwrite` replaces an
    exported folder that exists.

    Raises:
        FileExistsError: If the place is taken, or holds more than a model.
        OSError: If it cannot be written.
        TypeError: If a part of the model is not plain data.
        ValueError: If a number of it is not finite.
    """
    weights = {name: value.detach().contiguous() for name, value in saved.state_dict.items()}
    config: dict[str, Any] = {"format": FORMAT, "made_with": made_with()}
    config |= {name: plain(getattr(saved, name), name) for name in PARTS}
    _forget_start(config["settings"])
    results = plain(metrics or {}, "metrics")
    with new_folder(folder, {CONFIG, WEIGHTS, CARD, METRICS}, overwrite=overwrite) as temporary:
        check_finite(weights, f"The model for {folder}")
        save_file(weights, temporary / WEIGHTS, metadata={"format": "pt"})
        (temporary / WEIGHTS).chmod(0o644)
        config["sha256"] = checksum(config, temporary / WEIGHTS)
        for name, text in (
            (CONFIG, as_json(config)),
            (METRICS, as_json(results)),
            (CARD, card),
        ):
            (temporary / name).write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def new_folder(folder: Path, names: set[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a folder to fill beside its place, and rename it, so that it is complete or absent.

    Args:
        folder: The new folder.
        names: The files of such a folder; one with any other file is never replaced.
        overwrite: Replace a folder of the same kind that exists.

    Raises:
        FileExistsError: If the place is taken.
        OSError: If it cannot be written.
    """
    target = folder.absolute()
    _check_place(target, names, overwrite=overwrite)
    temporary = target.with_name(f".{target.name[:64]}.writing-{secrets.token_hex(4)}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for written in temporary.iterdir():
            sync(written)
        _put(temporary, target)
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise OSError(
            f"Could not write {folder}: {reason}. Free some space or choose another place, then "
            "run it again."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def halved(saved: SavedModel) -> SavedModel:
    """Round a model's matrices to half precision: half of the file, and nearly the same model.

    Vectors (biases, statistics of normalisations) stay as they are. The network still computes in
    single precision.
    """
    rounded = {
        name: value.half() if value.is_floating_point() and value.ndim > 1 else value
        for name, value in saved.state_dict.items()
    }
    return replace(saved, state_dict=rounded)


def _forget_start(settings: dict[str, Any]) -> None:
    """Remove the source of an encoder's first weights, which may be a path of another machine."""
    if isinstance(encoder := settings.get("encoder"), dict):
        encoder["weights"] = "none"


def as_json(value: Mapping[str, Any]) -> str:
    """Write plain data as the text of a folder's file."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def made_with() -> str:
    """Name the version of this package that writes a folder."""
    from multimodal import __version__

    return f"multimodal {__version__}"


def _check_place(target: Path, names: set[str], *, overwrite: bool) -> None:
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir() or target.is_symlink():
        raise FileExistsError(f"{target} is there already, and no folder. Choose another name.")
    others = {entry.name for entry in target.iterdir()} - names
    if others:
        raise FileExistsError(
            f"{target} holds other things than a model, such as {min(others)}. Choose another "
            "folder."
        )
    if not overwrite and any(target.iterdir()):
        raise FileExistsError(
            f"{target} holds a model already. Choose another folder, or overwrite it."
        )


def _put(temporary: Path, target: Path) -> None:
    """Rename the new folder into place; an existing one is moved aside first."""
    if not target.exists():
        temporary.rename(target)
    else:
        aside = temporary.with_suffix(".old")
        target.rename(aside)
        temporary.rename(target)
        shutil.rmtree(aside, ignore_errors=True)
    sync(target.parent)
