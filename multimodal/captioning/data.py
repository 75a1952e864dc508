"""The data module of captioning: from a folder, or from nothing, to batches.

It names a data set by its format, splits it, builds the vocabulary from the training captions
alone, and makes loaders whose order is a function of (seed, epoch).
"""

from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from lightning.pytorch import LightningDataModule

from multimodal.captioning.dataset import CaptionDataset
from multimodal.data.batches import CaptionBatch
from multimodal.data.buckets import BucketSampler
from multimodal.data.examples import CaptionExample
from multimodal.data.feature_extraction import View
from multimodal.data.loaders import ResumableLoader
from multimodal.data.readers import (
    holdout,
    read_coco,
    read_flickr8k,
    read_karpathy,
    read_table,
)
from multimodal.data.split_images import SceneCounts, SplitImages
from multimodal.data.transforms import TransformSettings
from multimodal.text import Vocabulary, tokenize
from multimodal.worlds.scenes import describe, sample_scene

CaptionFormat = Literal["scenes", "flickr8k", "karpathy", "coco", "table"]


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
        self.pictures = SplitImages(
            self.settings, cache, cache_views or ["plain"], on_bad_image, seed
        )
        self.workers = workers
        self.seed = seed
        self._examples: dict[str, list[CaptionExample]] = {}

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
        """Check what is about to run.

        Args:
            stage: Lightning's name of it.
        """
        if self.trainer is not None and stage == "fit":
            self.pictures.begin(self.trainer)

    def train_dataloader(self) -> ResumableLoader[CaptionBatch]:
        """Return shuffled batches of similar length."""
        dataset = self._dataset("train", self.captions_per_image, augment=True)
        return self._loader(dataset, self.batch_size, shuffle=True)

    def val_dataloader(self) -> ResumableLoader[CaptionBatch]:
        """Return the validation batches in order."""
        return self.in_order("val")

    def test_dataloader(self) -> ResumableLoader[CaptionBatch]:
        """Return the test batches in order."""
        return self.in_order(self.test_split)

    def predict_dataloader(self) -> ResumableLoader[CaptionBatch]:
        """Return the test batches in order."""
        return self.in_order(self.test_split)

    def in_order(self, split: str) -> ResumableLoader[CaptionBatch]:
        """Return a split's batches in order, as evaluation sees them.

        Args:
            split: ``train``, ``val`` or ``test``; the training images are not varied.
        """
        dataset = self._dataset(split, 0, augment=False)
        return self._loader(dataset, self.eval_batch_size, shuffle=False)

    def _dataset(self, split: str, captions_per_image: int, *, augment: bool) -> CaptionDataset:
        examples = self.examples(split)
        images = [example.image for example in examples]
        source = self.pictures.source(split, images, self.trainer, augment=augment)
        return CaptionDataset(
            examples,
            source,
            self.words,
            captions_per_image=captions_per_image,
            max_words=self.max_words,
            seed=self.seed,
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

    def _read(self, split: str) -> list[CaptionExample]:
        skip = self.pictures.on_bad_image == "skip"
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


def _scenes(split: str, counts: SceneCounts, seed: int) -> list[CaptionExample]:
    world = counts.world(split)
    scenes = [sample_scene(seed, index, world) for index in range(counts.number(split))]
    return [
        CaptionExample(image=scene, captions=describe(scene), image_id=index)
        for index, scene in enumerate(scenes)
    ]
