"""Write an array of features that grows by chunks and survives a kill at any moment.

The array is a ``.npy`` file. A journal beside it gets a line with the checksum of each chunk, after
the chunk is on disk: a kill loses one chunk at most. The next writer checks the chunks of the
journal, cuts off what follows them, and continues; a second process waits for the first. After the
last chunk an index replaces the journal; an array without an index is unfinished. Nothing is
written through a memory map, since a full disk would kill the process.
"""

import contextlib
import io
import json
import logging
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multimodal.files import atomic_write

ARRAY_NAME, INDEX_NAME = "features.npy", "index.json"
FORMAT = 1

_JOURNAL_NAME, _LOCK_NAME = "progress.jsonl", "lock"
_LOGGER = logging.getLogger(__name__)


def array_header(shape: tuple[int, ...]) -> bytes:
    """Return the header of a ``.npy`` file of half precision and the shape of the whole array.

    Example:
        >>> array_header((2, 3))[1:6]
        b'NUMPY'
    """
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f2", "fortran_order": False, "shape": shape}
    )
    return header.getvalue()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time write into an existing folder; the others wait.

    The system releases the lock of a process that dies. Without such locks (Windows, some network
    disks) no process waits.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (folder / _LOCK_NAME).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _LOGGER.info("Waiting for another process that writes %s.", folder)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            _LOGGER.warning("No lock on %s (%s): start one process only.", folder, error.strerror)
        yield


class FeatureWriter:
    """A growing array of half precision whose first axis is images.

    Args:
        folder: An existing folder, locked by the caller.
        shape: The shape of the finished array.
        about: Plain data that identifies the content; an unfinished array of another is discarded.

    Attributes:
        rows: Images that are safely written.
        skipped: By row the reason why an image has no features.

    Raises:
        OSError: If the disk is full or the folder cannot be written; earlier rows stay.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> with FeatureWriter(folder, (3, 2), {"key": "a"}) as writer:
        ...     writer.append(np.zeros((1, 2), np.float16), {})
        >>> with FeatureWriter(folder, (3, 2), {"key": "a"}) as writer:
        ...     writer.rows
        1
    """

    def __init__(self, folder: Path, shape: tuple[int, ...], about: dict[str, Any]) -> None:
        self.rows = 0
        self.skipped: dict[int, str] = {}
        self._folder = folder
        self._header = {"format": FORMAT, "shape": list(shape), **about}
        self._start = array_header(shape)
        self._row_bytes = 2 * int(np.prod(shape[1:]))
        self._images = shape[0]
        self._chunks: list[list[int]] = []
        with self._sentence():
            array, journal = folder / ARRAY_NAME, folder / _JOURNAL_NAME
            array.touch()
            # Without buffers, so that closing after a full disk has nothing left to write.
            self._array = array.open("r+b", buffering=0)
            try:
                lines = self._resume(journal)
                self._array.truncate(len(self._start) + self.rows * self._row_bytes)
                self._array.seek(0, os.SEEK_END)
                with atomic_write(journal) as temporary:
                    temporary.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
                self._journal = journal.open("ab", buffering=0)
            except BaseException:
                self._array.close()
                raise

    def __enter__(self) -> "FeatureWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self._array.close()
        self._journal.close()

    def append(self, features: NDArray[np.float16], skipped: dict[int, str]) -> None:
        """Write the next images, and return when they are on disk.

        Args:
            features: Half precision, ``(images, ...)``.
            skipped: By row of the whole array the reason why an image has no features.

        Raises:
            OSError: If the disk is full; earlier rows stay, and the next writer continues there.
        """
        data = np.ascontiguousarray(features, dtype="<f2").tobytes()
        line = _chunk_line(len(features), zlib.crc32(data), skipped)
        with self._sentence():
            _write_all(self._array, data)
            _write_all(self._journal, f"{json.dumps(line)}\n".encode())
        self._count(line)

    def finish(self, names: list[str]) -> None:
        """Write the index with the images' names, which makes the array complete.

        Raises:
            OSError: If the disk is full; the next writer continues here.
        """
        index = {
            **self._header,
            "chunks": self._chunks,
            "skipped": {str(row): reason for row, reason in self.skipped.items()},
            "names": names,
        }
        with self._sentence():
            with atomic_write(self._folder / INDEX_NAME) as temporary:
                temporary.write_text(json.dumps(index))
            (self._folder / _JOURNAL_NAME).unlink()

    def _resume(self, journal: Path) -> list[dict[str, Any]]:
        """Keep the whole chunks of an earlier writer, and return the journal's lines."""
        kept = [self._header]
        lines = _read_lines(journal)
        if lines[:1] != kept or self._array.read(len(self._start)) != self._start:
            self._array.seek(0)
            _write_all(self._array, self._start)
            return kept
        for line in lines[1:]:
            data = self._array.read(int(line["rows"]) * self._row_bytes)
            short = len(data) < int(line["rows"]) * self._row_bytes
            if short or zlib.crc32(data) != line["crc32"]:
                break
            self._count(line)
            kept.append(line)
        return kept

    def _count(self, line: dict[str, Any]) -> None:
        self.rows += line["rows"]
        self._chunks.append([line["rows"], line["crc32"]])
        self.skipped |= {int(row): reason for row, reason in line["skipped"].items()}

    @contextlib.contextmanager
    def _sentence(self) -> Iterator[None]:
        """Reword the error of a full disk, and name the rows that are safe."""
        try:
            yield
        except OSError as error:
            if error.errno is None or error.strerror is None:
                raise  # reworded already
            raise OSError(
                f"Could not write the features to {self._folder}: {error.strerror}. "
                f"{self.rows} of {self._images} images are kept; the whole needs "
                f"{self._images * self._row_bytes / 1e9:.2f} GB. Free some space and run it again."
            ) from error


def _chunk_line(rows: int, checksum: int, skipped: dict[int, str]) -> dict[str, Any]:
    reasons = {str(row): reason for row, reason in skipped.items()}
    return {"rows": rows, "crc32": checksum, "skipped": reasons}


def _read_lines(journal: Path) -> list[dict[str, Any]]:
    """Read a journal up to its first incomplete line."""
    lines: list[dict[str, Any]] = []
    if not journal.is_file():
        return lines
    for text in journal.read_bytes().splitlines(keepends=True):
        try:
            line = json.loads(text)
        except ValueError:
            break
        whole = isinstance(line, dict) and (not lines or {"rows", "crc32", "skipped"} <= set(line))
        if not whole or not text.endswith(b"\n"):
            break
        lines.append(line)
    return lines


def _write_all(file: io.FileIO, data: bytes) -> None:
    """Write data, and return when it is on disk."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
    os.fsync(file.fileno())
