"""Read members of zip archives in place, from any thread and any worker process.

Picture collections travel as zip archives of thousands of small files. Unpacking them is slow and
doubles the disk space, and opening an archive anew for each picture parses its whole directory
every time. So each process keeps one open archive per path. A forked worker forgets its parent's
archives before it reads anything, because parent and child would otherwise share one file position;
threads take turns; an archive that was replaced on disk is opened again.

Nothing is ever extracted to disk, so a member's name cannot lead outside the archive, and no member
larger than a given bound is inflated.
"""

import os
from pathlib import Path
from threading import Lock
from typing import NamedTuple
from zipfile import ZipFile, ZipInfo


def member_names(path: Path) -> list[str]:
    """List the files in a zip archive, without folders and without macOS's shadow copies.

    Args:
        path: The archive.

    Returns:
        Full member names in the archive's order.

    Raises:
        FileNotFoundError: The archive is not there.
        ValueError: The file is not a zip archive, or a damaged one.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "photos.zip")
        ...     with ZipFile(path, "w") as archive:
        ...         archive.writestr("photos/dog.jpg", b"...")
        ...     member_names(path)
        ['photos/dog.jpg']
    """
    return [
        info.filename
        for info in _open_archive(path).file.infolist()
        if not info.is_dir() and not info.filename.startswith("__MACOSX/")
    ]


def folder_names(path: Path) -> list[str]:
    """List the folders that a zip archive names, empty ones among them.

    Args:
        path: The archive.

    Returns:
        Names without the last slash. Not every archive names its folders.

    Raises:
        FileNotFoundError: The archive is not there.
        ValueError: The file is not a zip archive, or a damaged one.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "photos.zip")
        ...     with ZipFile(path, "w") as archive:
        ...         archive.mkdir("photos/empty")
        ...     folder_names(path)
        ['photos/empty']
    """
    return [
        info.filename.rstrip("/")
        for info in _open_archive(path).file.infolist()
        if info.is_dir() and not info.filename.startswith("__MACOSX/")
    ]


def read_member(path: Path, member: str, *, max_bytes: int, noun: str = "picture") -> bytes:
    """Read one member of a zip archive.

    Args:
        path: The archive.
        member: The member's full name.
        max_bytes: The largest size, packed or unpacked, that is read.
        noun: What messages call it.

    Returns:
        The member's bytes; their checksum was right.

    Raises:
        FileNotFoundError: The archive or the member is not there.
        ValueError: The member is too large, damaged or encrypted.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "photos.zip")
        ...     with ZipFile(path, "w") as archive:
        ...         archive.writestr("photos/dog.jpg", b"woof")
        ...     read_member(path, "photos/dog.jpg", max_bytes=1000)
        b'woof'
    """
    archive = _open_archive(path)
    try:
        info = archive.file.getinfo(member)
    except KeyError:
        raise FileNotFoundError(
            f"No member {member!r} in {path}. Check the name; folders are part of it."
        ) from None
    size = max(info.file_size, info.compress_size)
    if size > max_bytes:
        raise ValueError(
            f"{path}/{member} is {size:,} bytes large, the limit is {max_bytes:,}: "
            f"it is not an ordinary {noun}."
        )
    return _read(archive, info, path)


class _Archive(NamedTuple):
    signature: tuple[int, int, int]
    file: ZipFile
    lock: Lock


_archives: dict[Path, _Archive] = {}
_guard = Lock()


def _read(archive: _Archive, info: ZipInfo, path: Path) -> bytes:
    try:
        # One reader at a time: ZipFile counts its open members without a lock of its own.
        # Reading a stated number of bytes keeps a header that lies from inflating any further.
        with archive.lock, archive.file.open(info) as stream:
            return stream.read(info.file_size)
    except Exception as error:  # zipfile passes on whatever its unpackers raise on broken data
        raise ValueError(
            f"{path}/{info.filename} cannot be unpacked ({error or type(error).__name__}); "
            "copy or download the archive again."
        ) from error


def _open_archive(path: Path) -> _Archive:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"No archive {path}. Check the path.") from None
    signature = (status.st_ino, status.st_size, status.st_mtime_ns)
    with _guard:
        archive = _archives.get(path)
        if archive is None or archive.signature != signature:
            archive = _Archive(signature, _open_zip(path), Lock())
            _archives[path] = archive
    return archive


def _open_zip(path: Path) -> ZipFile:
    try:
        return ZipFile(path)
    except Exception as error:  # a broken directory shows as any of a dozen types
        raise ValueError(
            f"{path} is not a zip archive, or it is cut short ({error}); copy or download it again."
        ) from error


def _forget_archives() -> None:
    global _guard
    _guard = Lock()  # the parent's may be held by a thread that does not exist here
    _archives.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_archives)
