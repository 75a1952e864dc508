"""Images by (epoch, index): read from files, drawn as scenes, or encoded once and cached.

Everything random about an image is a function of (seed, epoch, index), so that any worker, and any
resumed run, gets the same one. A frozen encoder's features may be cached on disk instead: `Images`
makes the cache of each split when its loader is built.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from multimodal.data.buckets import Request, seed_for
from multimodal.data.examples import ImageFile
from multimodal.data.feature_extraction import View
from multimodal.data.features import FeatureCache, cache_features
from multimodal.data.images import ImageError, load_image
from multimodal.data.transforms import EvalTransform, TrainTransform, TransformSettings, shrink
from multimodal.nn.encoder import ImageEncoder
from multimodal.worlds.scenes import Scene, render_scene

_DRAWN_BYTES = 1 << 30

OnBadImage = Literal["stop", "skip"]


class ImageRows(NamedTuple):
    """The images of a batch.

    Attributes:
        requests: Those whose image could be read.
        images: ``(batch, 3, height, width)`` uint8, or None where features are cached.
        features: ``(batch, regions, feature)`` from the cache, or None.
        skipped: One line for each image that could not be read and was left out.
    """

    requests: list[Request]
    images: Tensor | None
    features: Tensor | None
    skipped: tuple[str, ...]


class ImageSource:
    """Images by (epoch, index).

    Args:
        images: Files and scenes, in the order of the examples.
        transform: Applied to each image; a `TrainTransform` draws from f(seed, epoch, index).
        image_size: Width and height at which scenes are drawn.
        skip_bad_images: Whether an unreadable image is left out and named, instead of stopping with
            its error.
        seed: Seed of the transform.
        cache: Encoded images, in the order of ``images``.
        cached_until: Epoch from which images are read again, because the encoder is trained then;
            -1 is never.
        keep_bytes: Memory for opened images; those that no longer fit are opened each time. Scenes
            are always kept.
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

    def read(self, requests: Sequence[Request]) -> ImageRows:
        """Read the images of a batch, or their features.

        Raises:
            ImageError: An image cannot be read and such are not skipped, or none of the batch can.
        """
        if self.cache is None or 0 <= self.cached_until <= requests[0][0]:
            return self._read_images(requests)
        good = [request for request in requests if self.cache.valid[request[1]]]
        skipped = [str(self.images[i]) for _, i in requests if not self.cache.valid[i]]
        if not good:
            raise _nothing_left(len(requests), skipped)
        features = self.cache.read([index for _, index in good], self._view(requests[0]))
        return ImageRows(good, None, features, tuple(skipped))

    def _view(self, first: Request) -> str:
        """Training draws one of the cached views for each batch; evaluation sees the plain one."""
        if self.cache is None or not isinstance(self.transform, TrainTransform):
            return "plain"
        return self.cache.views[seed_for(self.seed, *first, 2) % len(self.cache.views)]

    def _read_images(self, requests: Sequence[Request]) -> ImageRows:
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
        return ImageRows(good, torch.stack(images), None, tuple(skipped))

    def _image(self, epoch: int, index: int) -> Tensor:
        if isinstance(self.transform, TrainTransform):
            generator = torch.Generator().manual_seed(seed_for(self.seed, epoch, index))
            return self.transform(self._open(index, self._shrunk), generator)
        return self._open(index, self.transform)

    def _open(self, index: int, prepare: Callable[[Tensor], Tensor]) -> Tensor:
        """Open an image and apply the deterministic part; keep the result if there is room."""
        if index in self._kept:
            return self._kept[index]
        source = self.images[index]
        if isinstance(source, Scene):
            return prepare(self._draw(index, source))
        image = prepare(load_image(source))
        if image.numel() <= self._room:
            self._room -= image.numel()
            self._kept[index] = image.clone()  # a view would keep the larger picture in memory
        return image

    def _shrunk(self, image: Tensor) -> Tensor:
        # Twice the side of the result: enough for a crop of a quarter of the area, and no more.
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


@dataclass
class Images:
    """The images of a data module's splits.

    Args:
        settings: Size and augmentation.
        cache: Folder for the frozen encoder's features; empty for none.
        cache_views: Views of each training image in the cache.
        on_bad_image: ``stop`` with its name, or ``skip``.
        seed: Seed of augmentation.
    """

    settings: TransformSettings
    cache: str = ""
    cache_views: Sequence[View] = ("plain",)
    on_bad_image: OnBadImage = "stop"
    seed: int = 0
    _encoder: ImageEncoder | None = None
    _trained_from_epoch: int = -1
    _caches: dict[str, FeatureCache] = field(default_factory=dict)

    @property
    def skip_missing(self) -> bool:
        """Whether readers leave out images that are not there."""
        return self.on_bad_image == "skip"

    def use_encoder(
        self, encoder: ImageEncoder, trained_from_epoch: int, *, trainable_stages: int
    ) -> None:
        """Take the encoder of a run, whose features are cached where a cache is named.

        Args:
            encoder: The network that the images are for.
            trained_from_epoch: Epoch from which it is trained, and images are read again; -1 is
                never.
            trainable_stages: Stages of it that the run trains from its start.

        Raises:
            ValueError: The encoder is trained from the start, and a cache is named.
        """
        if self.cache and trainable_stages:
            raise ValueError(
                "`data.cache` keeps the features of a frozen encoder, but this run trains the "
                f"encoder: `encoder.trainable_stages` is {trainable_stages}. Set it to 0, or "
                "leave `data.cache` empty."
            )
        self._encoder = encoder
        self._trained_from_epoch = trained_from_epoch
        self._caches = {}  # those of the run before may be of other weights

    def source(
        self,
        split: str,
        images: Sequence[ImageFile | Scene],
        trainer: Trainer | None,
        *,
        training: bool,
    ) -> ImageSource:
        """Return a split's images; their features, where a cache is named.

        An evaluation encodes them now: Lightning has loaded the weights of a checkpoint, which may
        have trained the encoder.

        Args:
            split: ``train``, ``val`` or ``test``.
            images: Its images.
            trainer: The trainer of the run; without one no features are cached.
            training: Whether the images are augmented.
        """
        return ImageSource(
            images,
            transform=TrainTransform(self.settings) if training else EvalTransform(self.settings),
            image_size=self.settings.size,
            skip_bad_images=self.skip_missing,
            seed=self.seed,
            cache=self._encode(split, images, trainer) if trainer and self.cache else None,
            cached_until=self._trained_from_epoch,
        )

    def _encode(
        self, split: str, images: Sequence[ImageFile | Scene], trainer: Trainer
    ) -> FeatureCache:
        if self._encoder is None:
            raise ValueError(
                "`data.cache` needs a task whose `model.encoder` is an ImageEncoder. Leave "
                "`data.cache` empty."
            )
        if split not in self._caches:
            self._caches[split] = cache_features(
                self._encoder,
                _files(images),
                EvalTransform(self.settings),
                Path(self.cache) / split,
                views=list(self.cache_views) if split == "train" else ["plain"],
                device=trainer.strategy.root_device,
                on_bad_image=self.on_bad_image,
                progress=True,
            )
        return self._caches[split]


def _files(images: Sequence[ImageFile | Scene]) -> list[ImageFile]:
    files = [image for image in images if isinstance(image, ImageFile)]
    if len(files) < len(images):
        raise ValueError(
            "`data.cache` keeps the features of image files, and scenes are drawn, not read. Leave "
            "`data.cache` empty."
        )
    return files


def _nothing_left(number: int, skipped: list[str]) -> ImageError:
    return ImageError(
        f"None of the {number} images of a batch can be read; the first: {skipped[0]}"
    )


def _to_tensor(scene: Scene, size: int) -> Tensor:
    return torch.from_numpy(render_scene(scene, size)).permute(2, 0, 1).contiguous()
