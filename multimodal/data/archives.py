"""Read members of zip archives without unpacking, from any thread and any worker process.

Unpacking an archive of thousands of pictures is slow and doubles the disk space, and opening it for
each picture parses its directory every time. So each process keeps one open archive per path, which
its threads read in turn. A forked worker opens its own, because it would share the file position
with its parent. An archive that was replaced on disk is opened again.

Nothing is written to disk, so a member's name cannot lead outside the archive; a member larger than
a given limit is not unpacked.
"""

import os
from pathlib import Path
from threading import Lock
from typing import NamedTuple
from zipfile import ZipFile, ZipInfo


def member_names(path: Path) -> list[str]:
    """List the files in a zip archive, without folders and macOS's ``__MACOSX`` copies.

    Raises:
        FileNotFoundError: The archive is missing.
        ValueError: The file is not a zip archive, or is damaged.

    Example:
        >>> path = getfixture("tmp_path") / "photos.zip"
        >>> with ZipFile(path, "w") as archive:
        ...     archive.writestr("photos/dog.jpg", b"...")
        >>> member_names(path)
        ['photos/dog.jpg']
    """
    return [info.filename for info in _members(path) if not info.is_dir()]


def folder_names(path: Path) -> list[str]:
    """List the folders that have an entry in a zip archive; many archives have none.

    Raises the same errors as `member_names`.

    Example:
        >>> path = getfixture("tmp_path") / "photos.zip"
        >>> with ZipFile(path, "w") as archive:
        ...     archive.mkdir("photos/empty")
        >>> folder_names(path)
        ['photos/empty']
    """
    return [info.filename.rstrip("/") for info in _members(path) if info.is_dir()]


def _members(path: Path) -> list[ZipInfo]:
    infos = _open_archive(path).file.infolist()
    return [info for info in infos if not info.filename.startswith("__MACOSX/")]


def read_member(path: Path, member: str, *, max_bytes: int, noun: str = "picture") -> bytes:
    """Read one member of a zip archive, and verify its checksum.

    Args:
        path: The archive.
        member: The member's full name.
        max_bytes: The largest size, packed or unpacked, that is read.
        noun: Name of the kind of file, for messages.

    Raises:
        FileNotFoundError: The archive or the member is missing.
        ValueError: The member is too large, damaged or encrypted.

    Example:
        >>> path = getfixture("tmp_path") / "photos.zip"
        >>> with ZipFile(path, "w") as archive:
        ...     archive.writestr("photos/dog.jpg", b"woof")
        >>> read_member(path, "photos/dog.jpg", max_bytes=1000)
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
_archives_lock = Lock()


def _read(archive: _Archive, info: ZipInfo, path: Path) -> bytes:
    try:
        # One reader at a time: ZipFile counts its open members without a lock.
        # Limited to the size in the header: a false header cannot make it unpack more than that.
        with archive.lock, archive.file.open(info) as stream:
            return stream.read(info.file_size)
    except Exception as error:  # zipfile lets any error of its decompressors through
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
    with _archives_lock:
        archive = _archives.get(path)
        if archive is None or archive.signature != signature:
            archive = _Archive(signature, _open_zip(path), Lock())
            _archives[path] = archive
    return archive


def _open_zip(path: Path) -> ZipFile:
    try:
        return ZipFile(path)
    except Exception as error:  # a damaged directory raises a dozen kinds of errors
        raise ValueError(
            f"{path} is not a zip archive, or it is cut short ({error}); copy or download it again."
        ) from error


def _forget_archives() -> None:
    global _archives_lock
    _archives_lock = Lock()  # the parent's may be locked by a thread that the child does not have
    _archives.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_archives)
