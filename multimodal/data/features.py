"""Cache the features of a frozen encoder: encode the images of a data set once.

A frozen encoder gives the same features in every epoch, and takes most of an epoch's time.
`cache_features` runs it once and keeps one memory-mapped array of half precision on disk, from
which a training batch is read in microseconds per image. A digest of the encoder, the transform,
the views and the list of images names the cache's folder, so that a cache is never used for another
one. Features cannot be augmented as images can; instead each image may be encoded in several views
of a closed set (mirrored, cut to a corner, enlarged), of which a training step draws one.

`multimodal.data.feature_extraction` encodes the images, `multimodal.data.feature_writer` keeps what
is finished when a run is killed.
"""

import json
import logging
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float16
from numpy.typing import NDArray
from torch import Tensor

from multimodal.data.examples import ImageFile
from multimodal.data.feature_extraction import Extraction, View, extract, feature_key, prepare
from multimodal.data.feature_writer import (
    ARRAY_NAME,
    FORMAT,
    INDEX_NAME,
    FeatureWriter,
    array_header,
    locked,
)
from multimodal.data.images import ImageError
from multimodal.data.transforms import EvalTransform
from multimodal.nn.encoder import ImageEncoder

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


def _fill(writer: FeatureWriter, job: Extraction) -> None:
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
