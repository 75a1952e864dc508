"""Run an encoder over pictures while other threads open the next ones.

Decoding a JPEG takes as long as a small network does and releases Python's lock, so a few threads
decode some batches ahead. An unusable picture is black in its batch: batches then have the same
size in every run, and a resumed run gives the same numbers.
"""

import hashlib
import json
import os
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from multimodal.data.examples import ImageFile
from multimodal.data.images import ImageError, load_image
from multimodal.data.transforms import EvalTransform
from multimodal.nn.encoder import ImageEncoder
from multimodal.nn.folding import fold_batch_norm

View = Literal[
    "plain",
    "mirror",
    "crop_top_left",
    "crop_top_right",
    "crop_bottom_left",
    "crop_bottom_right",
    "zoom",
]

CUT_KEEPS = 0.85  # of the height and of the width
_CUTS = {  # position of the part that a view keeps: from the top, from the left
    "crop_top_left": (0.0, 0.0),
    "crop_top_right": (0.0, 1.0),
    "crop_bottom_left": (1.0, 0.0),
    "crop_bottom_right": (1.0, 1.0),
    "zoom": (0.5, 0.5),
}
_SAMPLE_BYTES = 1 << 13  # read at either end of a file for its identity
_CHUNK_BYTES = 1 << 24  # handed on, to be written and synced, at a time


@dataclass(frozen=True, slots=True)
class Extraction:
    """The pictures to encode, and how.

    Args:
        encoder: A network that `prepare` made.
        images: The pictures.
        transform: From a picture to the network's input.
        views: The views of each picture.
        batch_size: Pictures in a batch.
        device: The network's device.
        stop_at_bad: Whether an unusable picture stops the work.
        progress: Whether to show a progress bar; None shows it on a terminal.
    """

    encoder: ImageEncoder
    images: Sequence[ImageFile]
    transform: EvalTransform
    views: tuple[View, ...]
    batch_size: int
    device: torch.device
    stop_at_bad: bool
    progress: bool | None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Images, views, regions, feature."""
        size = self.transform.settings.size
        black = torch.zeros(1, 3, size, size, dtype=torch.uint8, device=self.device)
        with torch.inference_mode():
            regions, feature = self.encoder(black).shape[1:]
        return (len(self.images), len(self.views), regions, feature)


def feature_key(
    encoder: ImageEncoder,
    images: Sequence[ImageFile],
    transform: EvalTransform,
    views: Sequence[View],
    *,
    version: int,
) -> str:
    """Compute the digest of everything that the features depend on.

    Args:
        encoder: The encoder; its weights count.
        images: The pictures, by name, size and checksum.
        transform: From a picture to the encoder's input; its random variation does not count.
        views: The views of each picture.
        version: Format of the file that will hold the features.
    """
    settings = transform.settings
    about = {
        "format": version,
        "encoder": encoder.fingerprint(),
        "transform": [settings.size, settings.resize, settings.crop_fraction],
        "views": list(views),
        "cut_keeps": CUT_KEEPS,
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    archives: dict[Path, dict[str, str]] = {}
    for image in images:
        if image.member is None:
            identity = _file_identity(image.path)
        else:
            if image.path not in archives:
                archives[image.path] = _member_identities(image.path)
            identity = archives[image.path].get(image.member, "missing")
        digest.update(f"{image.name}\0{identity}\n".encode())
    return digest.hexdigest()


def _file_identity(path: Path) -> str:
    """Return the size and a checksum of both ends: quick, and the same for a moved data set."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(_SAMPLE_BYTES)
            file.seek(max(0, size - _SAMPLE_BYTES))
            return f"{size} {zlib.crc32(file.read(_SAMPLE_BYTES), zlib.crc32(start))}"
    except OSError:
        return "missing"  # opening it raises the error


def _member_identities(path: Path) -> dict[str, str]:
    try:
        with ZipFile(path) as archive:
            return {info.filename: f"{info.file_size} {info.CRC}" for info in archive.infolist()}
    except (OSError, BadZipFile):
        return {}  # opening a member raises the error


def prepare(encoder: ImageEncoder, size: int, device: torch.device) -> ImageEncoder:
    """Return a copy of an encoder, with folded batch norms, for evaluation on a device.

    Args:
        encoder: The encoder, which is not changed.
        size: Height and width of the images.
        device: The copy's device.

    Example:
        >>> from multimodal.nn.encoders import SmallCNN
        >>> prepare(SmallCNN(), 32, torch.device("cpu")).training
        False
    """
    noise = torch.randint(0, 256, (1, 3, size, size), generator=torch.Generator().manual_seed(0))
    home = next(iter([*encoder.parameters(), *encoder.buffers()])).device
    return fold_batch_norm(encoder, noise.to(home, torch.uint8)).to(device)


def extract(
    job: Extraction, first: int = 0
) -> Iterator[tuple[NDArray[np.float16], dict[int, str]]]:
    """Encode the pictures from `first` on, and yield them in chunks.

    Yields:
        Features ``(images, views, regions, feature)``, and by row the reasons why some of the
        pictures are unusable.

    Raises:
        ImageError: If a picture is unusable and the job stops at such.
        FileNotFoundError: If a picture is missing and the job stops at such.
        ValueError: If features do not fit into half precision.
    """
    from tqdm import tqdm  # type: ignore[import-untyped]  # it has no types

    bar = tqdm(
        desc="Encoding images",
        total=len(job.images),
        initial=first,
        unit="image",
        disable=None if job.progress is None else not job.progress,
    )
    chunk: list[NDArray[np.float16]] = []
    skipped: dict[int, str] = {}
    with bar, ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for pictures, bad in _batches(job, first, pool):
            chunk.append(_encode(job, pictures))
            skipped |= bad
            bar.update(len(pictures))
            if sum(part.nbytes for part in chunk) >= _CHUNK_BYTES:
                yield np.concatenate(chunk), skipped
                chunk, skipped = [], {}
    if chunk:
        yield np.concatenate(chunk), skipped


def _encode(
    job: Extraction, pictures: UInt8[Tensor, "batch views 3 height width"]
) -> NDArray[np.float16]:
    with torch.inference_mode():
        regions = job.encoder(pictures.flatten(0, 1).to(job.device))
        features = regions.half()
        if not bool(features.isfinite().all()):
            raise ValueError(
                f"The encoder {job.encoder.name} gives features up to "
                f"{regions.abs().max().item():g}; half precision holds numbers up to 65,504. "
                "Check its weights, or train without a cache."
            )
        array: NDArray[np.float16] = features.cpu().numpy()
    return array.reshape(*pictures.shape[:2], *array.shape[1:])


def _batches(
    job: Extraction, first: int, pool: ThreadPoolExecutor
) -> Iterator[tuple[Tensor, dict[int, str]]]:
    """Yield pictures ``(batch, views, 3, size, size)``, and the reasons why some are black."""
    size = job.transform.settings.size
    black = torch.zeros(len(job.views), 3, size, size, dtype=torch.uint8)
    items = _open_ahead(job, first, pool)
    for start in range(first, len(job.images), job.batch_size):
        rows = range(start, min(start + job.batch_size, len(job.images)))
        batch = [next(items) for _ in rows]
        bad = {
            row: item for row, item in zip(rows, batch, strict=True) if isinstance(item, Exception)
        }
        if bad and job.stop_at_bad:
            raise next(iter(bad.values()))
        pictures = torch.stack([item if isinstance(item, Tensor) else black for item in batch])
        yield pictures, {row: str(error) for row, error in bad.items()}


def _open_ahead(
    job: Extraction, first: int, pool: ThreadPoolExecutor
) -> Iterator[Tensor | Exception]:
    """Open pictures in order, two batches ahead."""
    waiting: deque[Future[Tensor | Exception]] = deque()
    for image in job.images[first:]:
        waiting.append(pool.submit(_open, image, job.transform, job.views))
        if len(waiting) >= 2 * job.batch_size:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _open(image: ImageFile, transform: EvalTransform, views: Sequence[View]) -> Tensor | Exception:
    try:
        picture = load_image(image)
    except (ImageError, FileNotFoundError) as error:
        return error
    return torch.stack([transform(view_of(picture, view)) for view in views])


def view_of(
    picture: UInt8[Tensor, "3 height width"], view: View
) -> UInt8[Tensor, "3 new_height new_width"]:
    """Return a view of a picture.

    Args:
        picture: RGB values.
        view: "plain" is the picture itself; "mirror" swaps left and right, which makes captions
            that name them wrong; the others keep a part of the picture.

    Example:
        >>> picture = torch.arange(300, dtype=torch.uint8).reshape(3, 10, 10)
        >>> view_of(picture, "zoom").shape
        torch.Size([3, 8, 8])
    """
    if view == "plain":
        return picture
    if view == "mirror":
        return picture.flip(-1)
    height, width = (max(1, round(CUT_KEEPS * side)) for side in picture.shape[1:])
    down, right = _CUTS[view]
    top = round(down * (picture.shape[1] - height))
    left = round(right * (picture.shape[2] - width))
    return picture[:, top : top + height, left : left + width]
