"""Data modules: from a folder, or from nothing, to batches.

A data module names a data set by its format, splits it, builds the vocabulary from the training
captions alone, and makes loaders whose order is a function of (seed, epoch).
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from lightning.pytorch import LightningDataModule, LightningModule

from multimodal.data.batches import CaptionBatch
from multimodal.data.buckets import BucketSampler
from multimodal.data.captions import CaptionDataset
from multimodal.data.examples import CaptionExample, ImageFile
from multimodal.data.feature_extraction import View
from multimodal.data.features import FeatureCache, cache_features
from multimodal.data.loaders import ResumableLoader
from multimodal.data.readers import (
    holdout,
    read_coco,
    read_flickr8k,
    read_karpathy,
    read_table,
)
from multimodal.data.scenes import describe, sample_scene
from multimodal.data.transforms import EvalTransform, TrainTransform, TransformSettings
from multimodal.nn.encoders import ImageEncoder
from multimodal.text import Vocabulary, tokenize

CaptionFormat = Literal["scenes", "flickr8k", "karpathy", "coco", "table"]


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


class CaptionData(LightningDataModule):
    """Captioned images in any accepted format.

    Args:
        format: ``scenes`` (built in), ``flickr8k``, ``karpathy``, ``coco`` or ``table`` (a CSV,
            TSV or JSONL file of one's own).
        root: Folder of the data set, or the table; not used by ``scenes``.
        images: Folder or archive of the pictures inside ``root``, where it is not the usual one.
        transform: Size and augmentation of the images.
        scenes: Numbers of the built-in scenes.
        image_column: Column of a table that names the image.
        caption_column: Column of a table that holds the caption.
        holdout: Share of the training images put aside and used for validation in place of the
            data set's own validation split; 0 uses that.
        test_split: Split that ``test`` and ``predict`` read; ``val`` where there is no test list.
        batch_size: Images in a training batch; each brings its captions.
        eval_batch_size: Images in an evaluation batch.
        captions_per_image: Captions of an image in a training batch, drawn anew each epoch; 0 is
            all.
        buckets: Whether a training batch holds images with captions of similar length, which saves
            padding; off where an encoder with BatchNorm is trained, for such batches are alike.
        min_count: Words that occur less often in the training captions become ``<unk>``.
        max_vocabulary: The most frequent words are kept, up to this many with the four special
            tokens; 0 keeps all.
        max_words: Longer captions are cut.
        tokens: A vocabulary to use instead of building one; the command line puts a checkpoint's
            here when it evaluates one.
        cache: Folder for the frozen encoder's features; empty encodes the images in every epoch.
        cache_views: Views of each image in the cache; training draws one, evaluation takes
            ``plain``.
        on_bad_image: ``stop`` with the name of an image that is missing or cannot be read, or
            ``skip``, count and report such.
        workers: Processes that read images; 0 reads in the main one.
        seed: Seed of scenes, order and augmentation.
    """

    def __init__(
        self,
        *,
        format: CaptionFormat = "scenes",  # noqa: A002 - the word a user would look for
        root: str = "",
        images: str = "",
        transform: TransformSettings | None = None,
        scenes: SceneCounts | None = None,
        image_column: str = "image",
        caption_column: str = "caption",
        holdout: float = 0.0,
        test_split: Literal["test", "val"] = "test",
        batch_size: int = 64,
        eval_batch_size: int = 100,
        captions_per_image: int = 5,
        buckets: bool = True,
        min_count: int = 1,
        max_vocabulary: int = 0,
        max_words: int = 50,
        tokens: list[str] | None = None,
        cache: str = "",
        cache_views: list[View] | None = None,
        on_bad_image: Literal["stop", "skip"] = "stop",
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.format = format
        self.root = Path(root)
        self.settings = transform or TransformSettings()
        self.scenes = scenes or SceneCounts()
        self.images = images
        self.image_column = image_column
        self.caption_column = caption_column
        self.holdout = holdout
        self.test_split = test_split
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.captions_per_image = captions_per_image
        self.buckets = buckets
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.max_words = max_words
        self.tokens = tokens
        self.cache = cache
        self.cache_views: list[View] = cache_views or ["plain"]
        self.on_bad_image = on_bad_image
        self.workers = workers
        self.seed = seed
        self._examples: dict[str, list[CaptionExample]] = {}
        self._caches: dict[str, FeatureCache] = {}

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary of the training captions, or the one that was given."""
        if self.tokens:
            return Vocabulary(self.tokens)
        texts = (text for example in self.examples("train") for text in example.captions)
        return Vocabulary.build(
            map(tokenize, texts), min_count=self.min_count, max_size=self.max_vocabulary or None
        )

    @property
    def vocabulary(self) -> list[str]:
        """All tokens as plain data: what is linked into the task."""
        return self.words.to_list()

    @property
    def eval_transform(self) -> dict[str, Any]:
        """The transform's settings as plain data: what is linked into the task."""
        return asdict(self.settings)

    def examples(self, split: str) -> list[CaptionExample]:
        """Return the examples of a split, read once.

        Args:
            split: ``train``, ``val`` or ``test``.
        """
        if split not in self._examples:
            if self.holdout and split in ("train", "val"):
                kept, held = holdout(self._read("train"), self.holdout, self.seed)
                self._examples.update(train=kept, val=held)
            else:
                self._examples[split] = self._read(split)
        return self._examples[split]

    def setup(self, stage: str) -> None:
        """Encode the images once, where a cache is named and the encoder is frozen.

        What only evaluates does so when it asks for its batches: Lightning has then loaded the
        weights of a checkpoint, which may have trained the encoder.

        Args:
            stage: Lightning's name of what is about to run.
        """
        self._caches = {}
        if not self.cache or self.trainer is None or stage != "fit":
            return
        encoder = _encoder_of(self.trainer.lightning_module)
        if encoder.trainable_stages:
            raise ValueError(
                "`data.cache` keeps what a frozen encoder sees, but this run trains the encoder: "
                f"`encoder.trainable_stages` is {encoder.trainable_stages}. Set it to 0, or leave "
                "`data.cache` empty."
            )
        for split in ("train", "val"):
            self._cache_of(split)

    def train_dataloader(self) -> ResumableLoader[CaptionBatch]:
        """Return shuffled batches of similar length."""
        transform = TrainTransform(self.settings)
        dataset = self._dataset("train", transform, self.captions_per_image)
        return self._loader(dataset, self.batch_size, shuffle=True)

    def val_dataloader(self) -> ResumableLoader[CaptionBatch]:
        """Return the validation batches in order."""
        return self._in_order("val")

    def test_dataloader(self) -> ResumableLoader[CaptionBatch]:
        """Return the test batches in order."""
        return self._in_order(self.test_split)

    def predict_dataloader(self) -> ResumableLoader[CaptionBatch]:
        """Return the test batches in order."""
        return self._in_order(self.test_split)

    def _in_order(self, split: str) -> ResumableLoader[CaptionBatch]:
        dataset = self._dataset(split, EvalTransform(self.settings), 0)
        return self._loader(dataset, self.eval_batch_size, shuffle=False)

    def _dataset(
        self, split: str, transform: EvalTransform | TrainTransform, captions_per_image: int
    ) -> CaptionDataset:
        return CaptionDataset(
            self.examples(split),
            self.words,
            transform=transform,
            image_size=self.settings.size,
            captions_per_image=captions_per_image,
            max_words=self.max_words,
            skip_bad_images=self.on_bad_image == "skip",
            seed=self.seed,
            cache=self._cache_of(split),
            cached_until=self._opening_epoch(),
        )

    def _loader(
        self, dataset: CaptionDataset, batch_size: int, *, shuffle: bool
    ) -> ResumableLoader[CaptionBatch]:
        sampler = BucketSampler(
            dataset.lengths if shuffle and self.buckets else len(dataset),
            batch_size=batch_size,
            seed=self.seed,
            shuffle=shuffle,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )
        return ResumableLoader(dataset, sampler, workers=self.workers)

    def _opening_epoch(self) -> int:
        """The epoch from which the encoder is trained, so that the cache no longer holds."""
        task = self.trainer.lightning_module if self.trainer else None
        return int(getattr(task, "unfreeze_epoch", -1))

    def _cache_of(self, split: str) -> FeatureCache | None:
        if not self.cache or self.trainer is None:
            return None
        if split not in self._caches:
            views: list[View] = self.cache_views if split == "train" else ["plain"]
            self._caches[split] = cache_features(
                _encoder_of(self.trainer.lightning_module),
                _files(self.examples(split)),
                EvalTransform(self.settings),
                Path(self.cache) / split,
                views=views,
                device=self.trainer.strategy.root_device,
                on_bad_image=self.on_bad_image,
                progress=True,
            )
        return self._caches[split]

    def _read(self, split: str) -> list[CaptionExample]:
        skip = self.on_bad_image == "skip"
        match self.format:
            case "scenes":
                return _scenes(split, self.scenes, self.seed)
            case "flickr8k":
                return read_flickr8k(self.root, split, images=self.images, skip_missing=skip)
            case "karpathy":
                return read_karpathy(self.root, split, images=self.images, skip_missing=skip)
            case "coco":
                return read_coco(self.root, split, images=self.images, skip_missing=skip)
            case "table":
                return read_table(
                    self.root,
                    split,
                    images=self.images,
                    image_column=self.image_column,
                    caption_column=self.caption_column,
                    skip_missing=skip,
                )
        formats = ", ".join(get_args(CaptionFormat))
        raise ValueError(f"`format` must be one of {formats}, got {self.format!r}.")


def _encoder_of(task: LightningModule) -> ImageEncoder:
    encoder = getattr(getattr(task, "model", None), "encoder", None)
    if not isinstance(encoder, ImageEncoder):
        raise ValueError(
            f"`data.cache` needs a task whose `model.encoder` is an ImageEncoder; "
            f"{type(task).__name__} has none. Leave `data.cache` empty."
        )
    return encoder


def _files(examples: list[CaptionExample]) -> list[ImageFile]:
    files = [example.image for example in examples if isinstance(example.image, ImageFile)]
    if len(files) < len(examples):
        raise ValueError(
            "`data.cache` keeps the features of image files, and scenes are drawn, not read. Leave "
            "`data.cache` empty."
        )
    return files


def _scenes(split: str, counts: SceneCounts, seed: int) -> list[CaptionExample]:
    number = {"train": counts.train, "val": counts.val, "test": counts.test}[split]
    world = f"comp_{split}" if counts.compositional else split
    scenes = [sample_scene(seed, index, world) for index in range(number)]
    return [
        CaptionExample(image=scene, captions=describe(scene), image_id=index)
        for index, scene in enumerate(scenes)
    ]
