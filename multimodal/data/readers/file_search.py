"""Find the files of a data set, and name what is there where one is missing."""

from collections.abc import Sequence
from pathlib import Path


def require_folder(root: Path, content: str) -> None:
    """Check that a data set's folder exists; `content` says what belongs into it.

    Example:
        >>> require_folder(Path("nowhere"), "Put captions.csv there.")
        Traceback (most recent call last):
        FileNotFoundError: No folder nowhere. Put captions.csv there.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"No folder {root}. {content}")


def choose_file(
    root: Path, chosen: Sequence[Path], name: str, *, there: str, missing: str, several: str
) -> Path:
    """Return the only file that was chosen.

    Args:
        root: The data set's folder.
        chosen: The files that fit.
        name: The name that they should have.
        there: The files that are there instead.
        missing: How to fix that none fits.
        several: How to fix that several fit.

    Raises:
        FileNotFoundError: None fits.
        ValueError: Several fit.

    Example:
        >>> choose_file(Path("coco"), [], "*.json", there="notes.txt", missing="", several="")
        Traceback (most recent call last):
        FileNotFoundError: No *.json in coco; there is notes.txt.
    """
    if not chosen:
        raise FileNotFoundError(f"No {name} in {root}; there is {there}. {missing}".rstrip())
    if len(chosen) > 1:
        names = ", ".join(path.name for path in chosen)
        raise ValueError(f"{root} has several files {name}: {names}. {several}")
    return chosen[0]


def archives_in(root: Path) -> list[Path]:
    """List a folder's zip archives by name.

    Example:
        >>> archives_in(Path("nowhere"))
        []
    """
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.suffix.lower() == ".zip")


def folder_and_archives(root: Path, content: str) -> list[Path]:
    """List where a data set may lie: in a folder, or in the zip archives beside it.

    The folder comes first: who unpacked an archive beside it means the folder.

    Args:
        root: The folder, or one archive.
        content: What belongs into the folder, for the message.

    Raises:
        FileNotFoundError: The folder is missing.

    Example:
        >>> [place.name for place in folder_and_archives(Path("data/samples/imdb"), "")]
        ['imdb']
    """
    if root.is_file():
        return [root]
    require_folder(root, content)
    return [root, *archives_in(root)]


def some(names: Sequence[str]) -> str:
    """Write out up to three names.

    Example:
        >>> some(["a", "b", "c", "d"])
        'a, b, c ...'
    """
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
