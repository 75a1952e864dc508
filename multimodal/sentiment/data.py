"""The data module of sentiment analysis: the vocabulary and labels of the training texts, batches.

Texts of similar length share a batch.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from typing_extensions import override

from multimodal.data.batches import TextBatch
from multimodal.data.documents import Excerpt, Keep, read_words
from multimodal.data.examples import TextExample
from multimodal.data.module import DataModule, TestSplit, build_vocabulary
from multimodal.data.readers.table import Target
from multimodal.data.source import open_source
from multimodal.data.text_source import READERS, read_texts
from multimodal.saving.checkpoint import SavedModel
from multimodal.sentiment.dataset import TextDataset
from multimodal.text import SPECIALS, Vocabulary
from multimodal.worlds import reviews

_FOLD_HOLDOUT = 0.1


@dataclass(frozen=True)
class TextSettings:
    """Limits of the texts and of their vocabulary.

    Args:
        min_count: Words that occur less often in the training texts become ``<unk>``.
        max_vocabulary: The most frequent words are kept, up to this many with the four special
            tokens; 0 keeps all.
        max_words: Longer texts are cut to this many words.
        keep: The part of a longer text that is kept: the ``start``, the ``end``, or both ``ends``.
        buckets: Whether texts of similar length share a batch, which saves padding.
    """

    min_count: int = 1
    max_vocabulary: int = 0
    max_words: int = 400
    keep: Keep = "start"
    buckets: bool = True


class SentimentData(DataModule[TextExample, TextBatch]):
    """Texts with labels, or with numbers, in any accepted format.

    Args:
        format: ``reviews`` (built in), ``polarity``, ``movie_reviews`` or ``subjectivity`` (of an
            NLTK data folder), ``imdb``, ``sst``, ``table`` (a CSV, TSV or JSONL file),
            or the import path of a reader of your own.
        root: Folder, archive or file of the data set; not used by ``reviews``.
        options: Keywords of the format's reader, such as ``classes`` of ``sst``; see
            data/README.md.
        target: ``label`` for classes, ``number`` for a real number, such as stars.
        text: Settings of reading texts.
        holdout: Share of the training texts used for validation in place of the data set's own
            validation split; 0 uses that, and a tenth where there are folds.
        folds: Parts of a cross-validation; 0 is none, and uses the data set's splits.
        fold: The tested part, from 0; the model is trained on the others.
        test_split: Split that ``test`` and ``predict`` read; ``val`` where there is no test part.
        batch_size: Texts in a training batch.
        eval_batch_size: Texts in an evaluation batch.
        workers: Processes that pad batches; 0 pads in the main one, which is fast enough.
        seed: Seed of reviews, folds, holdout and order.
    """

    built_in = "reviews"

    def __init__(
        self,
        *,
        format: str = "reviews",  # noqa: A002 - the word a user would look for
        root: str = "",
        options: dict[str, Any] | None = None,
        target: Target = "label",
        text: TextSettings | None = None,
        holdout: float = 0.0,
        folds: int = 0,
        fold: int = 0,
        test_split: TestSplit = "test",
        batch_size: int = 64,
        eval_batch_size: int = 100,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            holdout=holdout or (_FOLD_HOLDOUT if folds else 0.0),
            test_split=test_split,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            workers=workers,
            seed=seed,
        )
        self.target: Target = target
        self.text = text or TextSettings()
        self.reading = Excerpt(self.text.max_words, self.text.keep)
        self.folds = folds
        self.fold = fold
        self.source = open_source(
            READERS,
            TextExample,
            format=format,
            root=root,
            options=options,
            shared={"seed": seed, "target": target},
        )
        self._first_words: list[str] = []

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary of the training texts, or an adopted one.

        The words of a language model come first, then those of the training texts that it lacks.
        """
        own = build_vocabulary(
            lambda: (read_words(each.text, self.reading).words for each in self.examples("train")),
            reviews.words() if self.is_built_in else [],
            min_count=self.text.min_count,
            max_vocabulary=self.text.max_vocabulary,
        )
        if not self._first_words:
            return own
        first = Vocabulary(self._first_words)
        more = [word for word in own.to_list()[len(SPECIALS) :] if word not in first]
        return Vocabulary([*self._first_words, *more])

    @cached_property
    def labels(self) -> list[str]:
        """The labels of the training texts, or adopted ones; none where the target is a number."""
        if self.target == "number":
            return []
        if self.is_built_in:
            return ["negative", "positive"]
        train = self.examples("train")
        counts = Counter(example.label for example in train)
        if len(counts) < 2:
            only = ", ".join(
                "no label" if each is None else f"the label {each!r}" for each in counts
            )
            raise ValueError(
                f"All {len(train):,} training texts of {self.source.name} have {only}, so that "
                "there is nothing to tell apart. Add texts with another one."
            )
        return in_order([label for label in counts if isinstance(label, str)])

    @property
    def excerpt(self) -> dict[str, Any]:
        """How long texts are cut, as plain data."""
        return asdict(self.reading)

    @override
    def linked(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary, "labels": self.labels, "excerpt": self.excerpt}

    def adopt(self, saved: SavedModel) -> None:
        """Use the words, labels and excerpts of a classifier's checkpoint.

        Of a language model's, only the words are used, before those of the training texts.
        """
        if saved.task == "language_model":
            self._first_words = saved.vocabulary
            return
        self.words = Vocabulary(saved.vocabulary)
        self.target = saved.extra.get("target", "label")
        self.labels = list(saved.extra["labels"])
        self.reading = Excerpt(**saved.extra["excerpt"])
        self.source = self.source.with_shared(target=self.target)

    @override
    def read(self, split: str) -> list[TextExample]:
        return read_texts(self.source, split, self.folds, self.fold, self.seed)

    @override
    def dataset(self, split: str, *, training: bool) -> TextDataset:
        return TextDataset(self.examples(split), self.words, self.labels, self.reading)

    @override
    def lengths(self, dataset: TextDataset, *, training: bool) -> list[int] | None:
        return dataset.lengths if self.text.buckets else None


_SCALE = ("very negative", "negative", "neutral", "positive", "very positive")


def in_order(labels: list[str]) -> list[str]:
    """Sort labels: from negative to positive, numbers by size, others by the alphabet.

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
