"""Cache the features of a frozen encoder: encode the images of a data set once.

A frozen encoder gives the same features in every epoch, and takes most of an epoch's time.
`cache_features` runs it once and keeps one memory-mapped array of half precision on disk, from
which a training batch is read in microseconds per image. A digest of the encoder, the transform,
the views and the list of images names the cache's folder, so that a cache is never used for another
one. Features cannot be augmented as images can; instead each image may be encoded in several views
of a closed set (mirrored, cut to a corner, enlarged), of which a training step draws one.

The array is a ``.npy`` file that grows by chunks. A journal beside it gets a line with the checksum
of each chunk, after the chunk is on disk: a kill at any moment loses one chunk at most. The next
run checks the chunks of the journal, cuts off what follows them, and continues; a second process
waits for the first. After the last chunk an index replaces the journal; an array without an index
is unfinished. Nothing is written through a memory map, since a full disk would kill the process.
"""

import contextlib
import io
import json
import logging
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float16
from numpy.typing import NDArray
from torch import Tensor

from multimodal.data.examples import ImageFile
from multimodal.data.feature_extraction import Extraction, View, extract, feature_key, prepare
from multimodal.data.images import ImageError
from multimodal.data.transforms import EvalTransform
from multimodal.files import atomic_write
from multimodal.nn.encoder import ImageEncoder

ARRAY_NAME, INDEX_NAME = "features.npy", "index.json"
FORMAT = 1

_JOURNAL_NAME, _LOCK_NAME = "progress.jsonl", "lock"
_LOGGER = logging.getLogger(__name__)


class FeatureCache:
    """The features of a list of images, read from disk when they are needed.

    It can be passed to worker processes: each opens the array at its first read.

    Args:
        folder: A folder that `cache_features` made.

    Attributes:
        key: Digest of encoder, transform, views and images.
        names: The images' names.
        regions: Regions of an image.
        feature_dim: Width of a region vector.
        views: The views of each image.
        skipped: By index the reason why an image has no features.
        valid: Mask of the images that have features, ``(images,)``.

    Raises:
        FileNotFoundError: If the folder has no finished cache.
        ValueError: If the cache is damaged or of another format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = _read_index(folder)
        self.key: str = index["key"]
        self.names: list[str] = index["names"]
        self.views: tuple[str, ...] = tuple(index["views"])
        self._shape = tuple(index["shape"])
        self.regions: int = self._shape[2]
        self.feature_dim: int = self._shape[3]
        self.skipped = {int(row): reason for row, reason in index["skipped"].items()}
        self.valid = torch.ones(len(self), dtype=torch.bool)
        self.valid[list(self.skipped)] = False
        self._chunks: list[tuple[int, int]] = index["chunks"]
        self._array: NDArray[np.float16] | None = None
        self._check_size()

    def __len__(self) -> int:
        return int(self._shape[0])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_array": None}

    def read(
        self, indices: Sequence[int] | Tensor, view: str = "plain"
    ) -> Float16[Tensor, "batch regions feature"]:
        """Read a copy of some images' features.

        Args:
            indices: Indices of images, in any order.
            view: One of `views`.

        Raises:
            IndexError: If there is no such image.
            ValueError: If an image was skipped, or the cache lacks the view.
        """
        rows = torch.as_tensor(indices, dtype=torch.long, device="cpu")
        if view not in self.views:
            raise ValueError(
                f"The cache in {self.folder} has the views {', '.join(self.views)}, got {view!r}. "
                "Name it in `views` when the features are cached."
            )
        if rows.numel() and not 0 <= int(rows.min()) <= int(rows.max()) < len(self):
            raise IndexError(
                f"The cache in {self.folder} has images 0 to {len(self) - 1}, "
                f"got {int(rows.min())} to {int(rows.max())}."
            )
        if self.skipped and not bool(self.valid[rows].all()):
            row = int(rows[~self.valid[rows]][0])
            raise ValueError(
                f"Image {row} has no features, for it was skipped: {self.skipped[row]} "
                "Choose among the images that `valid` marks."
            )
        array = self._open()
        return torch.from_numpy(array[rows.numpy(), self.views.index(view)])

    def verify(self) -> None:
        """Compare the whole array with its checksums; raise ValueError if a part has changed."""
        array, row = self._open(), 0
        for rows, checksum in self._chunks:
            if zlib.crc32(np.ascontiguousarray(array[row : row + rows]).tobytes()) != checksum:
                raise _damaged(self.folder, f"images {row} to {row + rows - 1} have changed")
            row += rows

    def _open(self) -> NDArray[np.float16]:
        if self._array is None:
            start = len(array_header(self._shape))
            self._array = np.memmap(
                self.folder / ARRAY_NAME, "<f2", mode="r", offset=start, shape=self._shape
            )
        return self._array

    def _check_size(self) -> None:
        """Check the file's size: a map of one that is too short would kill its reader."""
        array, start = self.folder / ARRAY_NAME, array_header(self._shape)
        expected = len(start) + 2 * int(np.prod(self._shape))
        size = array.stat().st_size if array.is_file() else 0
        if size != expected:
            raise _damaged(self.folder, f"{ARRAY_NAME} has {size:,} bytes, not {expected:,}")
        with array.open("rb") as file:
            if file.read(len(start)) != start:
                raise _damaged(self.folder, f"{ARRAY_NAME} has another shape than its index")


def cache_features(
    encoder: ImageEncoder,
    images: Sequence[ImageFile],
    transform: EvalTransform,
    folder: Path,
    *,
    views: Sequence[View] = ("plain",),
    batch_size: int = 32,
    device: str | torch.device = "cpu",
    on_bad_image: Literal["stop", "skip"] = "stop",
    progress: bool | None = None,
) -> FeatureCache:
    """Encode images, or open the cache that an earlier run made of the same.

    Args:
        encoder: Evaluated, whatever its mode.
        images: The images, in the order of the features.
        transform: From a picture to the encoder's input.
        folder: The folder of all caches, made if it is missing; each has its own folder in it,
            which may be deleted at any time.
        views: The views of each image.
        batch_size: Images in a batch.
        device: The device to encode on.
        on_bad_image: "stop" raises the error of an unusable picture; "skip" lists it in the cache.
        progress: Whether to show a progress bar; None shows it on a terminal.

    Raises:
        ImageError: If a picture is unusable and not skipped.
        FileNotFoundError: If a picture is missing and not skipped.
        OSError: If the disk is full; the next call continues with what was written.
        ValueError: If an argument is wrong, a cache is damaged, or features do not fit into half
            precision.

    Example:
        >>> from PIL import Image
        >>> from multimodal.data.transforms import TransformSettings
        >>> from multimodal.nn.encoders import SmallCNN
        >>> folder = getfixture("tmp_path")
        >>> Image.new("RGB", (40, 30)).save(folder / "black.png")
        >>> transform = EvalTransform(TransformSettings(size=32))
        >>> pictures = [ImageFile(folder / "black.png")]
        >>> cache = cache_features(SmallCNN(), pictures, transform, folder / "cache")
        >>> cache.read([0, 0]).shape
        torch.Size([2, 16, 130])
    """
    _check_arguments(images, views, batch_size, on_bad_image)
    key = feature_key(encoder, images, transform, views, version=FORMAT)
    place = folder / f"features-{key[:16]}"
    if not (place / INDEX_NAME).exists():
        _make_folder(place)
        with locked(place):
            if not (place / INDEX_NAME).exists():
                job = Extraction(
                    prepare(encoder, transform.settings.size, torch.device(device)),
                    images,
                    transform,
                    views=tuple(views),
                    batch_size=batch_size,
                    device=torch.device(device),
                    stop_at_bad=on_bad_image == "stop",
                    progress=progress,
                )
                with FeatureWriter(place, job.shape, {"key": key, "views": list(views)}) as writer:
                    _fill(writer, job)
    cache = FeatureCache(place)
    if cache.key != key:
        raise _damaged(place, "its index is of another cache")
    if cache.skipped:
        first = next(iter(cache.skipped.values()))
        if on_bad_image == "stop":
            raise ImageError(first)
        _LOGGER.warning(
            "%d of %d images cannot be used and were skipped; the first: %s",
            len(cache.skipped),
            len(cache),
            first,
        )
    return cache


def _check_arguments(
    images: Sequence[ImageFile], views: Sequence[View], batch_size: int, on_bad_image: str
) -> None:
    if not images:
        raise ValueError("`images` must name one picture or more, got none.")
    if not views or set(views) - set(get_args(View)) or len(set(views)) < len(views):
        raise ValueError(
            f"`views` must be different ones of {', '.join(get_args(View))}, got {list(views)}."
        )
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be 1 or more, got {batch_size}.")
    if on_bad_image not in ("stop", "skip"):
        raise ValueError(f"`on_bad_image` must be 'stop' or 'skip', got {on_bad_image!r}.")


def _fill(writer: "FeatureWriter", job: Extraction) -> None:
    if job.stop_at_bad and writer.skipped:  # by an earlier run that did not stop
        raise ImageError(next(iter(writer.skipped.values())))
    for features, skipped in extract(job, writer.rows):
        writer.append(features, skipped)
    writer.finish([str(image) for image in job.images])


def _make_folder(place: Path) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"Could not make the folder {place} for cached features: {error.strerror}. "
            "Choose another folder."
        ) from error


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"No finished feature cache in {folder}: it has no {INDEX_NAME}. "
            "Cache the features again; an unfinished cache goes on where it was."
        )
    try:
        index = json.loads(path.read_bytes())
        chunks = [(int(rows), int(checksum)) for rows, checksum in index["chunks"]]
        whole = (
            sum(rows for rows, _ in chunks) == index["shape"][0] == len(index["names"])
            and len(index["shape"]) == 4
            and index["shape"][1] == len(index["views"])
            and all(0 <= int(row) < index["shape"][0] for row in index["skipped"])
            and isinstance(index["key"], str)
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _damaged(folder, f"{INDEX_NAME} cannot be read") from error
    if not whole:
        raise _damaged(folder, f"{INDEX_NAME} contradicts itself")
    if index["format"] != FORMAT:
        raise ValueError(
            f"The feature cache in {folder} is of format {index['format']}, this version reads "
            f"{FORMAT}. Delete the folder; the features will be computed again."
        )
    return {**index, "chunks": chunks}


def _damaged(folder: Path, reason: str) -> ValueError:
    return ValueError(
        f"The feature cache in {folder} is damaged: {reason}. "
        "Delete the folder; the features will be computed again."
    )


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
