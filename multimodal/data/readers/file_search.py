"""Find and read the files of a data set; if one is missing, list the files that exist.

A source is a folder or a zip archive, which is not unpacked; the names of its files have forward
slashes either way.
"""

from collections.abc import Sequence
from pathlib import Path

from multimodal.data.archives import member_names, read_member
from multimodal.data.readers.text_files import decode_text

MAX_BYTES = 1 << 30


def require_folder(root: Path, content: str) -> None:
    """Check that a data set's folder exists; `content` tells what to put there."""
    if not root.is_dir():
        raise FileNotFoundError(f"No folder {root}. {content}")


def choose_file(
    root: Path, chosen: Sequence[Path], name: str, *, there: str, missing: str, several: str
) -> Path:
    """Return the only file in `chosen`; otherwise raise an error about `name`, the usual file name.

    `there` lists the files that exist instead, `missing` and `several` tell how to fix the two
    errors.

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
    """List a folder's zip archives by name."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.suffix.lower() == ".zip")


def folder_and_archives(root: Path, content: str) -> list[Path]:
    """List where a data set may be: a folder and the zip archives in it, or one archive.

    The folder comes first: someone who has unpacked an archive means the folder.
    """
    if root.is_file():
        return [root]
    require_folder(root, content)
    return [root, *archives_in(root)]


def file_names(source: Path) -> list[str]:
    """List the names of a source's files, relative to it and sorted."""
    if source.is_dir():
        files = (path for path in source.rglob("*") if path.is_file())
        return sorted(path.relative_to(source).as_posix() for path in files)
    return sorted(member_names(source))


def read_file(source: Path, name: str) -> str:
    """Read a text file of a source; errors give its name and the line."""
    if source.is_dir():
        try:
            data = (source / name).read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(f"No file {source / name}. Check the path.") from None
    else:
        data = read_member(source, name, max_bytes=MAX_BYTES, noun="text file")
    return decode_text(data, f"{source}/{name}")


def some(names: Sequence[str]) -> str:
    """Write out up to three names.

    Example:
        >>> some(["a", "b", "c", "d"])
        'a, b, c ...'
    """
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
