"""Where a data set's images come from: files, drawn scenes, or a cache of encoded ones.

What every task with images shares. A request is an (epoch, index) pair, and everything random about
an image is a function of (seed, epoch, index), so that any worker, and any resumed run, sees the
same.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from multimodal.data.buckets import Request, seed_for
from multimodal.data.examples import ImageFile
from multimodal.data.features import FeatureCache
from multimodal.data.images import ImageError, load_image
from multimodal.data.transforms import EvalTransform, TrainTransform, shrink
from multimodal.worlds.scenes import Scene, render_scene

_DRAWN_BYTES = 1 << 30


class Seen(NamedTuple):
    """The images of a batch.

    Attributes:
        requests: Those whose image could be read.
        images: ``(batch, 3, height, width)`` uint8, or None where features are cached.
        features: ``(batch, regions, feature)`` from the cache, or None.
        skipped: What could not be read and was left out, one line each.
    """

    requests: list[Request]
    images: Tensor | None
    features: Tensor | None
    skipped: tuple[str, ...]


class ImageSource:
    """Images by (epoch, index).

    Args:
        images: Files and scenes, in the order of the examples.
        transform: What is done to each image; a `TrainTransform` draws from f(seed, epoch, index).
        image_size: Width and height at which scenes are drawn.
        skip_bad_images: Whether an unreadable image is left out and named, instead of stopping with
            its error.
        seed: Seed of all that is random.
        cache: Encoded images, in the order of ``images``.
        cached_until: Epoch from which images are read again, for the encoder is open then; -1 is
            never.
        keep_bytes: Memory for opened images; those that no longer fit are opened each time. Scenes
            are kept in any case.
    """

    def __init__(
        self,
        images: Sequence[ImageFile | Scene],
        *,
        transform: EvalTransform | TrainTransform,
        image_size: int,
        skip_bad_images: bool = False,
        seed: int = 0,
        cache: FeatureCache | None = None,
        cached_until: int = -1,
        keep_bytes: int = 0,
    ) -> None:
        self.images = list(images)
        self.transform = transform
        self.image_size = image_size
        self.skip_bad_images = skip_bad_images
        self.seed = seed
        self.cache = cache
        self.cached_until = cached_until
        self._drawn = self._room_for_drawings()
        self._kept: dict[int, Tensor] = {}
        self.keep_bytes = self._room = keep_bytes

    def read(self, requests: Sequence[Request]) -> Seen:
        """Read the images of a batch, or their features.

        Args:
            requests: (epoch, index) pairs.

        Returns:
            The images; without the unreadable ones if these are skipped.

        Raises:
            ImageError: If an image cannot be read and such are not skipped, or none of the batch
                can.
        """
        if self.cache is None or 0 <= self.cached_until <= requests[0][0]:
            return self._read_images(requests)
        good = [request for request in requests if self.cache.valid[request[1]]]
        skipped = [str(self.images[i]) for _, i in requests if not self.cache.valid[i]]
        if not good:
            raise _nothing_left(len(requests), skipped)
        features = self.cache.read([index for _, index in good], self._view(requests[0]))
        return Seen(good, None, features, tuple(skipped))

    def _view(self, first: Request) -> str:
        """Training draws one of the cached views for each batch; evaluation sees the plain one."""
        if self.cache is None or not isinstance(self.transform, TrainTransform):
            return "plain"
        return self.cache.views[seed_for(self.seed, *first, 2) % len(self.cache.views)]

    def _read_images(self, requests: Sequence[Request]) -> Seen:
        good, images, skipped = [], [], []
        for epoch, index in requests:
            try:
                images.append(self._image(epoch, index))
            except (ImageError, FileNotFoundError) as error:
                if not self.skip_bad_images:
                    raise
                skipped.append(str(error))
                continue
            good.append((epoch, index))
        if not good:
            raise _nothing_left(len(requests), skipped)
        return Seen(good, torch.stack(images), None, tuple(skipped))

    def _image(self, epoch: int, index: int) -> Tensor:
        if isinstance(self.transform, TrainTransform):
            generator = torch.Generator().manual_seed(seed_for(self.seed, epoch, index))
            return self.transform(self._open(index, self._shrunk), generator)
        return self._open(index, self.transform)

    def _open(self, index: int, prepare: Callable[[Tensor], Tensor]) -> Tensor:
        """Open an image and do what is the same each time; keep the result if there is room."""
        if index in self._kept:
            return self._kept[index]
        source = self.images[index]
        if isinstance(source, Scene):
            return prepare(self._draw(index, source))
        image = prepare(load_image(source))
        if image.numel() <= self._room:
            self._room -= image.numel()
            self._kept[index] = image.clone()  # without the larger picture it may be a part of
        return image

    def _shrunk(self, image: Tensor) -> Tensor:
        # Twice the side that is handed on: enough for a quarter to be cut of it, and no more.
        return shrink(image, 2 * self.image_size) if self.keep_bytes else image

    def _draw(self, index: int, scene: Scene) -> Tensor:
        if self._drawn is None:
            return _to_tensor(scene, self.image_size)
        pictures, done = self._drawn
        if not done[index]:
            pictures[index] = _to_tensor(scene, self.image_size)
            done[index] = True
        return pictures[index]

    def _room_for_drawings(self) -> tuple[Tensor, list[bool]] | None:
        """Scenes are drawn once and kept, if they fit into a gigabyte together."""
        size = (len(self.images), 3, self.image_size, self.image_size)
        scenes = all(isinstance(image, Scene) for image in self.images)
        if not scenes or not self.images or torch.Size(size).numel() > _DRAWN_BYTES:
            return None
        return torch.empty(size, dtype=torch.uint8), [False] * len(self.images)


def _nothing_left(number: int, skipped: list[str]) -> ImageError:
    return ImageError(
        f"None of the {number} images of a batch can be read; the first: {skipped[0]}"
    )


def _to_tensor(scene: Scene, size: int) -> Tensor:
    return torch.from_numpy(render_scene(scene, size)).permute(2, 0, 1).contiguous()
