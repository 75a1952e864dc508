"""The images of a data module's splits: read, drawn, or encoded once and cached."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lightning.pytorch import LightningModule, Trainer

from multimodal.data.examples import ImageFile
from multimodal.data.feature_extraction import View
from multimodal.data.features import FeatureCache, cache_features
from multimodal.data.sources import ImageSource
from multimodal.data.transforms import EvalTransform, TrainTransform, TransformSettings
from multimodal.nn.encoder import ImageEncoder
from multimodal.worlds.scenes import Scene


@dataclass(frozen=True)
class SceneCounts:
    """How many built-in scenes each split has.

    Args:
        train: Training scenes.
        val: Validation scenes.
        test: Test scenes.
        compositional: Whether training leaves out some pairs of colour and shape, and the test
            scenes show them.
    """

    train: int = 16_000
    val: int = 500
    test: int = 1_000
    compositional: bool = False

    def number(self, split: str) -> int:
        """Return how many scenes ``train``, ``val`` or ``test`` has."""
        return {"train": self.train, "val": self.val, "test": self.test}[split]

    def world(self, split: str) -> str:
        """Return the built-in world's own name of a split."""
        return f"comp_{split}" if self.compositional else split


@dataclass
class SplitImages:
    """How a data module's images are read, and what is cached of them.

    Args:
        settings: Size and augmentation.
        cache: Folder for the frozen encoder's features; empty for none.
        cache_views: Views of each training image in the cache.
        on_bad_image: ``stop`` with its name, or ``skip``.
        seed: Seed of augmentation.
    """

    settings: TransformSettings
    cache: str
    cache_views: list[View]
    on_bad_image: Literal["stop", "skip"]
    seed: int
    _caches: dict[str, FeatureCache] = field(default_factory=dict)

    def begin(self, trainer: Trainer) -> None:
        """Forget the last run's features, and check that this run's encoder is frozen at first.

        Args:
            trainer: Has the task that is about to be trained.

        Raises:
            ValueError: If the run trains the encoder from its start.
        """
        self._caches = {}
        if not self.cache:
            return
        stages = _encoder_of(trainer.lightning_module).trainable_stages
        if stages:
            raise ValueError(
                "`data.cache` keeps what a frozen encoder sees, but this run trains the encoder: "
                f"`encoder.trainable_stages` is {stages}. Set it to 0, or leave `data.cache` empty."
            )

    def source(
        self,
        split: str,
        images: Sequence[ImageFile | Scene],
        trainer: Trainer | None,
        *,
        augment: bool,
    ) -> ImageSource:
        """Return a split's images; their features, where a cache is named.

        What only evaluates encodes them now, when it asks for its batches: Lightning has then
        loaded the weights of a checkpoint, which may have trained the encoder.

        Args:
            split: ``train``, ``val`` or ``test``.
            images: Its images.
            trainer: Has the task, which may open its encoder at some epoch; None reads the images.
            augment: Whether the images are augmented, for training.
        """
        transform = TrainTransform(self.settings) if augment else EvalTransform(self.settings)
        task = trainer.lightning_module if trainer else None
        return ImageSource(
            images,
            transform=transform,
            image_size=self.settings.size,
            skip_bad_images=self.on_bad_image == "skip",
            seed=self.seed,
            cache=self._encoded(split, images, trainer) if trainer else None,
            # From then on the encoder is trained, so that the cache no longer holds.
            cached_until=int(getattr(task, "unfreeze_epoch", -1)),
        )

    def _encoded(
        self, split: str, images: Sequence[ImageFile | Scene], trainer: Trainer
    ) -> FeatureCache | None:
        if self.cache and split not in self._caches:
            self._caches[split] = cache_features(
                _encoder_of(trainer.lightning_module),
                _files(images),
                EvalTransform(self.settings),
                Path(self.cache) / split,
                views=self.cache_views if split == "train" else ["plain"],
                device=trainer.strategy.root_device,
                on_bad_image=self.on_bad_image,
                progress=True,
            )
        return self._caches.get(split)


def _encoder_of(task: LightningModule) -> ImageEncoder:
    encoder = getattr(getattr(task, "model", None), "encoder", None)
    if not isinstance(encoder, ImageEncoder):
        raise ValueError(
            f"`data.cache` needs a task whose `model.encoder` is an ImageEncoder; "
            f"{type(task).__name__} has none. Leave `data.cache` empty."
        )
    return encoder


def _files(images: Sequence[ImageFile | Scene]) -> list[ImageFile]:
    files = [image for image in images if isinstance(image, ImageFile)]
    if len(files) < len(images):
        raise ValueError(
            "`data.cache` keeps the features of image files, and scenes are drawn, not read. Leave "
            "`data.cache` empty."
        )
    return files
