"""Run an encoder over pictures while other threads open the next ones.

Decoding a JPEG takes as long as a small network does, and leaves Python alone meanwhile, so a few
threads decode some batches ahead. A picture that cannot be used is black in its batch: batches then
have the same size on every run, and a run that goes on after a kill gives the same numbers.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from multimodal.data.examples import ImageFile
from multimodal.data.feature_writer import FeatureWriter
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
_CUTS = {  # where the part that a view keeps lies: from the top, from the left
    "crop_top_left": (0.0, 0.0),
    "crop_top_right": (0.0, 1.0),
    "crop_bottom_left": (1.0, 0.0),
    "crop_bottom_right": (1.0, 1.0),
    "zoom": (0.5, 0.5),
}
_CHUNK_BYTES = 1 << 24  # written and synced at a time


@dataclass(frozen=True, slots=True)
class Extraction:
    """What is to be encoded, and how.

    Args:
        encoder: A network that `prepare` made.
        images: The pictures.
        transform: From a picture to the network's input.
        views: How each picture is seen.
        batch_size: Pictures that go through the network together.
        device: Where the network is.
        stop_at_bad: Whether a picture that cannot be used stops the work.
        progress: Whether a bar is shown; None shows it on a terminal.
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


def prepare(encoder: ImageEncoder, size: int, device: torch.device) -> ImageEncoder:
    """Return a copy of an encoder that only evaluates, as fast as it can, where it should.

    Args:
        encoder: Left as it is, in its mode and on its device.
        size: Height and width of the images to come.
        device: Where the copy will run.

    Returns:
        The copy.

    Example:
        >>> from multimodal.nn.encoders import SmallCNN
        >>> prepare(SmallCNN(), 32, torch.device("cpu")).training
        False
    """
    noise = torch.randint(0, 256, (1, 3, size, size), generator=torch.Generator().manual_seed(0))
    home = next(iter([*encoder.parameters(), *encoder.buffers()])).device
    return fold_batch_norm(encoder, noise.to(home, torch.uint8)).to(device)


def extract(job: Extraction, writer: FeatureWriter) -> None:
    """Encode all pictures that the writer does not hold yet, and finish it.

    Args:
        job: What is to be encoded.
        writer: Takes the features; it may hold the first of them already.

    Raises:
        ImageError: If a picture cannot be used and the job stops at such.
        FileNotFoundError: If a picture is not there and the job stops at such.
        OSError: If the disk is full.
        ValueError: If features do not fit into half precision.
    """
    from tqdm import tqdm  # type: ignore[import-untyped]  # it brings no types

    if job.stop_at_bad and writer.skipped:  # by an earlier run that did not stop
        raise ImageError(next(iter(writer.skipped.values())))
    bar = tqdm(
        desc="Encoding images",
        total=len(job.images),
        initial=writer.rows,
        unit="image",
        disable=None if job.progress is None else not job.progress,
    )
    chunk: list[NDArray[np.float16]] = []
    skipped: dict[int, str] = {}
    with bar, ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for pictures, bad in _batches(job, writer.rows, pool):
            chunk.append(_encode(job, pictures))
            skipped |= bad
            bar.update(len(pictures))
            if sum(part.nbytes for part in chunk) >= _CHUNK_BYTES:
                writer.append(np.concatenate(chunk), skipped)
                chunk, skipped = [], {}
    if chunk:
        writer.append(np.concatenate(chunk), skipped)
    writer.finish([str(image) for image in job.images])


def _encode(
    job: Extraction, pictures: UInt8[Tensor, "batch views 3 height width"]
) -> NDArray[np.float16]:
    """Return ``(batch, views, regions, feature)``."""
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
    """Yield pictures ``(batch, views, 3, size, size)``, and why some of them are black."""
    size = job.transform.settings.size
    black = torch.zeros(len(job.views), 3, size, size, dtype=torch.uint8)
    opened = _opened(job, first, pool)
    for start in range(first, len(job.images), job.batch_size):
        rows = range(start, min(start + job.batch_size, len(job.images)))
        items = [next(opened) for _ in rows]
        bad = {
            row: item for row, item in zip(rows, items, strict=True) if isinstance(item, Exception)
        }
        if bad and job.stop_at_bad:
            raise next(iter(bad.values()))
        pictures = torch.stack([item if isinstance(item, Tensor) else black for item in items])
        yield pictures, {row: str(error) for row, error in bad.items()}


def _opened(job: Extraction, first: int, pool: ThreadPoolExecutor) -> Iterator[Tensor | Exception]:
    """Open pictures two batches ahead, in order."""
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
    return torch.stack([transform(seen(picture, view)) for view in views])


def seen(
    picture: UInt8[Tensor, "3 height width"], view: View
) -> UInt8[Tensor, "3 new_height new_width"]:
    """Return a view of a picture.

    Args:
        picture: RGB values.
        view: "plain" is the picture itself; "mirror" swaps left and right, so what a caption says
            of them becomes wrong; the others keep a part of it.

    Returns:
        The view, not yet resized.

    Example:
        >>> picture = torch.arange(300, dtype=torch.uint8).reshape(3, 10, 10)
        >>> seen(picture, "zoom").shape
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
