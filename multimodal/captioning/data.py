"""The data module of captioning: readers, the vocabulary of the training captions, batches."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

from typing_extensions import override

from multimodal.captioning.dataset import CaptionDataset
from multimodal.data.batches import CaptionBatch
from multimodal.data.examples import CaptionExample
from multimodal.data.feature_extraction import View
from multimodal.data.image_source import Images, OnBadImage
from multimodal.data.module import DataModule, TestSplit, build_vocabulary
from multimodal.data.readers import read_coco, read_flickr8k, read_karpathy, read_table
from multimodal.data.readers.scenes import read_scene_captions
from multimodal.data.source import Reader, open_source
from multimodal.data.transforms import TransformSettings
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import Vocabulary, tokenize
from multimodal.worlds.scenes import caption_words

READERS: Final[Mapping[str, Reader[CaptionExample]]] = {
    "scenes": read_scene_captions,
    "flickr8k": read_flickr8k,
    "karpathy": read_karpathy,
    "coco": read_coco,
    "table": read_table,
}


@dataclass(frozen=True)
class CaptionText:
    """Limits of the captions and of their vocabulary.

    Args:
        min_count: Words that occur less often in the training captions become ``<unk>``.
        max_vocabulary: The most frequent words are kept, up to this many with the four special
            tokens; 0 keeps all.
        max_words: Longer captions are cut.
        captions_per_image: Captions of an image in a training batch, drawn anew each epoch; 0 is
            all.
        buckets: Whether a training batch holds images with captions of similar length, which saves
            padding; off where an encoder with BatchNorm is trained, for such batches are alike.
    """

    min_count: int = 1
    max_vocabulary: int = 0
    max_words: int = 50
    captions_per_image: int = 5
    buckets: bool = True


class CaptionData(DataModule[CaptionExample, CaptionBatch]):
    """Captioned images in any accepted format.

    Args:
        format: ``scenes`` (built in), ``flickr8k``, ``karpathy``, ``coco``, ``table`` (a CSV, TSV
            or JSONL file), or the import path of a reader of your own.
        root: Folder of the data set, or the table; not used by ``scenes``.
        options: Keywords of the format's reader, such as ``image_column`` of a table; see
            data/README.md.
        transform: Size and augmentation of the images.
        text: Settings of reading captions.
        holdout: Share of the training images used for validation in place of the data set's own
            validation split; 0 uses that.
        test_split: Split that ``test`` and ``predict`` read; ``val`` where there is no test list.
        batch_size: Images in a training batch; each brings its captions.
        eval_batch_size: Images in an evaluation batch.
        cache: Folder for the frozen encoder's features; empty encodes the images in every epoch.
        cache_views: Views of each image in the cache; training draws one, evaluation takes
            ``plain``.
        on_bad_image: ``stop`` with the name of an image that is missing or cannot be read, or
            ``skip``, count and report such.
        workers: Processes that read images; 0 reads in the main one.
        seed: Seed of scenes, holdout, order and augmentation.
    """

    images: Images

    def __init__(
        self,
        *,
        format: str = "scenes",  # noqa: A002 - the word a user would look for
        root: str = "",
        options: dict[str, Any] | None = None,
        transform: TransformSettings | None = None,
        text: CaptionText | None = None,
        holdout: float = 0.0,
        test_split: TestSplit = "test",
        batch_size: int = 64,
        eval_batch_size: int = 100,
        cache: str = "",
        cache_views: list[View] | None = None,
        on_bad_image: OnBadImage = "stop",
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            holdout=holdout,
            test_split=test_split,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            workers=workers,
            seed=seed,
        )
        self.images = Images(
            transform or TransformSettings(), cache, cache_views or ["plain"], on_bad_image, seed
        )
        self.source = open_source(
            READERS,
            CaptionExample,
            format=format,
            root=root,
            options=options,
            shared={"seed": seed, "skip_missing": self.images.skip_missing},
        )
        self.text = text or CaptionText()

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary of the training captions, or an adopted one."""
        return build_vocabulary(
            lambda: (tokenize(text) for each in self.examples("train") for text in each.captions),
            caption_words() if self.is_built_in else [],
            min_count=self.text.min_count,
            max_vocabulary=self.text.max_vocabulary,
        )

    @property
    def eval_transform(self) -> dict[str, Any]:
        """The settings of the evaluation transform as plain data."""
        return asdict(self.images.settings)

    @override
    def linked(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary, "transform": self.eval_transform}

    @override
    def adopt(self, saved: SavedModel) -> None:
        self.words = Vocabulary(saved.vocabulary)
        self.images.settings = TransformSettings(**saved.transform)

    @override
    def dataset(self, split: str, *, training: bool) -> CaptionDataset:
        examples = self.examples(split)
        images = [example.image for example in examples]
        return CaptionDataset(
            examples,
            self.images.source(split, images, self.trainer, training=training),
            self.words,
            captions_per_image=self.text.captions_per_image if training else 0,
            max_words=self.text.max_words,
            seed=self.seed,
        )

    @override
    def lengths(self, dataset: CaptionDataset, *, training: bool) -> list[int] | None:
        return dataset.lengths if training and self.text.buckets else None
