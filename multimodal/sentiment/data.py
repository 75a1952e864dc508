"""The data module of sentiment analysis: from a folder, or from nothing, to batches of texts.

It names a data set by its format, splits it or deals it to the folds of a cross-validation, builds
the vocabulary and the list of labels from the training texts alone, and makes loaders whose order
is a function of (seed, epoch). Texts of similar length share a batch.
"""

from collections import Counter
from dataclasses import asdict
from functools import cached_property
from typing import Any, Literal

from lightning.pytorch import LightningDataModule

from multimodal.data.batches import TextBatch
from multimodal.data.buckets import BucketSampler
from multimodal.data.documents import Excerpt, Keep, read_words
from multimodal.data.examples import TextExample
from multimodal.data.loaders import ResumableLoader
from multimodal.data.readers import holdout
from multimodal.data.readers.table import Target, TextColumns
from multimodal.data.text_formats import ReviewCounts, TextFormat, TextSource
from multimodal.sentiment.dataset import TextDataset
from multimodal.text import SPECIALS, Vocabulary

_FOLD_HOLDOUT = 0.1


class SentimentData(LightningDataModule):
    """Texts with labels, or with numbers, in any accepted format.

    Args:
        format: ``reviews`` (built in), ``polarity``, ``movie_reviews`` or ``subjectivity`` (of an
            NLTK data folder), ``imdb``, ``sst``, or ``table`` (a CSV, TSV or JSONL file of one's
            own).
        root: Folder, archive or file of the data set; not used by ``reviews``.
        file: The table inside ``root``, where it has not the usual name.
        columns: Columns of a table.
        target: ``label`` for classes, ``number`` for a real number, as stars are.
        reviews: Numbers of the built-in reviews.
        classes: Of the treebank: 2, 3 or 5.
        phrases: Whether the treebank's training phrases are trained on too.
        holdout: Share of the training texts put aside and used for validation in place of the data
            set's own validation split; 0 uses that, and a tenth where there are folds.
        folds: Parts of a cross-validation; 0 is none, and uses the data set's splits.
        fold: The part that is tested on, from 0; the model is trained on the others.
        test_split: Split that ``test`` and ``predict`` read; ``val`` where there is no test part.
        batch_size: Texts in a training batch.
        eval_batch_size: Texts in an evaluation batch.
        buckets: Whether texts of similar length share a batch, which saves padding.
        min_count: Words that occur less often in the training texts become ``<unk>``.
        max_vocabulary: The most frequent words are kept, up to this many with the four special
            tokens; 0 keeps all.
        max_words: Longer texts are cut to so many words.
        keep: What is kept of these: the ``start``, the ``end``, or both ``ends``.
        tokens: A vocabulary to use instead of building one; the command line puts a checkpoint's
            here when it evaluates one, and a language model's when it starts from one.
        own_words: Whether other words of the training texts are added to `tokens`,
            as the command line has it for a language model's.
        known_labels: Labels to use, in this order, instead of collecting them; put here in the
            same way.
        workers: Processes that pad batches; 0 pads in the main one, which is fast enough.
        seed: Seed of reviews, folds, holdout and order.
    """

    def __init__(
        self,
        *,
        format: TextFormat = "reviews",  # noqa: A002 - the word a user would look for
        root: str = "",
        file: str = "",
        columns: TextColumns | None = None,
        target: Target = "label",
        reviews: ReviewCounts | None = None,
        classes: int = 2,
        phrases: bool = False,
        holdout: float = 0.0,
        folds: int = 0,
        fold: int = 0,
        test_split: Literal["test", "val"] = "test",
        batch_size: int = 64,
        eval_batch_size: int = 100,
        buckets: bool = True,
        min_count: int = 1,
        max_vocabulary: int = 0,
        max_words: int = 400,
        keep: Keep = "start",
        tokens: list[str] | None = None,
        own_words: bool = False,
        known_labels: list[str] | None = None,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.source = TextSource(
            format=format,
            root=root,
            file=file,
            columns=columns or TextColumns(),
            target=target,
            reviews=reviews or ReviewCounts(),
            classes=classes,
            phrases=phrases,
            folds=folds,
            fold=fold,
            seed=seed,
        )
        self.holdout = holdout or (_FOLD_HOLDOUT if folds else 0.0)
        self.test_split = test_split
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.buckets = buckets
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.reading = Excerpt(max_words, keep)
        self.tokens = tokens
        self.own_words = own_words
        self.known_labels = known_labels
        self.workers = workers
        self.seed = seed
        self._examples: dict[str, list[TextExample]] = {}

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary of the training texts, or the one that was given, or both."""
        if self.tokens and not self.own_words:
            return Vocabulary(self.tokens)
        texts = (read_words(example.text, self.reading).words for example in self.examples("train"))
        own = Vocabulary.build(
            texts, min_count=self.min_count, max_size=self.max_vocabulary or None
        )
        if not self.tokens:
            return own
        given, words = Vocabulary(self.tokens), own.to_list()[len(SPECIALS) :]
        return Vocabulary([*self.tokens, *(word for word in words if word not in given)])

    @property
    def vocabulary(self) -> list[str]:
        """All tokens as plain data: what is linked into the task."""
        return self.words.to_list()

    @cached_property
    def labels(self) -> list[str]:
        """The labels of the training texts, or those given; none where the target is a number.

        What is linked into the task.
        """
        if self.source.target == "number":
            return []
        if self.known_labels:
            return _different(self.known_labels)
        train = self.examples("train")
        counts = Counter(example.label for example in train)
        if len(counts) < 2:
            only = ", ".join(
                "no label" if each is None else f"the label {each!r}" for each in counts
            )
            raise ValueError(
                f"All {len(train):,} training texts of {self._named()} have {only}, so that there "
                "is nothing to tell apart. Add texts with another one."
            )
        return in_order([label for label in counts if isinstance(label, str)])

    @property
    def excerpt(self) -> dict[str, Any]:
        """How long texts are cut, as plain data: what is linked into the task."""
        return asdict(self.reading)

    def examples(self, split: str) -> list[TextExample]:
        """Return the texts of a split, read once.

        Args:
            split: ``train``, ``val`` or ``test``.
        """
        if split not in self._examples:
            if self.holdout and split in ("train", "val"):
                kept, held = holdout(self.source.read("train"), self.holdout, self.seed)
                self._examples.update(train=kept, val=held)
            else:
                self._examples[split] = self.source.read(split)
        return self._examples[split]

    def train_dataloader(self) -> ResumableLoader[TextBatch]:
        """Return shuffled batches of similar length."""
        return self._loader("train", self.batch_size, shuffle=True, buckets=self.buckets)

    def val_dataloader(self) -> ResumableLoader[TextBatch]:
        """Return the validation batches; their ``indices`` say which texts they hold."""
        return self._loader("val", self.eval_batch_size, buckets=self.buckets)

    def test_dataloader(self) -> ResumableLoader[TextBatch]:
        """Return the test batches; their ``indices`` say which texts they hold."""
        return self._loader(self.test_split, self.eval_batch_size, buckets=self.buckets)

    def predict_dataloader(self) -> ResumableLoader[TextBatch]:
        """Return the test batches in order."""
        return self._loader(self.test_split, self.eval_batch_size, buckets=False)

    def _loader(
        self, split: str, batch_size: int, *, shuffle: bool = False, buckets: bool
    ) -> ResumableLoader[TextBatch]:
        dataset = TextDataset(self.examples(split), self.words, self.labels, self.reading)
        sampler = BucketSampler(
            dataset.lengths if buckets else len(dataset),
            batch_size=batch_size,
            seed=self.seed,
            shuffle=shuffle,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )
        return ResumableLoader(dataset, sampler, workers=self.workers)

    def _named(self) -> str:
        """What messages call the texts."""
        return self.source.root or f"`{self.source.format}`"


_SCALE = ("very negative", "negative", "neutral", "positive", "very positive")


def in_order(labels: list[str]) -> list[str]:
    """Sort labels: from negative to positive, numbers by size, others by the alphabet.

    Args:
        labels: Different labels.

    Returns:
        The same, sorted.

    Example:
        >>> in_order(["very positive", "negative", "neutral"])
        ['negative', 'neutral', 'very positive']
        >>> in_order(["10", "9", "sad", "glad"])
        ['9', '10', 'glad', 'sad']
    """

    def key(label: str) -> tuple[int, int, str]:
        if label in _SCALE:
            return 0, _SCALE.index(label), label
        return (1, int(label), label) if label.isdecimal() else (2, 0, label)

    return sorted(labels, key=key)


def _different(labels: list[str]) -> list[str]:
    if len(set(labels)) < max(2, len(labels)):
        raise ValueError(f"`known_labels` must be two or more different labels, got {labels}.")
    return list(labels)
