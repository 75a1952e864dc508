"""The data module of language models: texts without labels, as streams cut into windows.

Texts may come from several sources, those of the sentiment formats among them. The texts that a
classifier will be tested on are removed from them: `held_out` names the sources of these sentences,
and every duplicate of one, also inside a longer text, is left out.
"""

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from typing_extensions import override

from multimodal.data.batches import StreamBatch
from multimodal.data.documents import all_characters, all_words
from multimodal.data.duplicates import without_duplicates
from multimodal.data.examples import TextExample
from multimodal.data.loaders import ResumableLoader
from multimodal.data.module import DataModule, build_vocabulary
from multimodal.data.readers.splits import ALL
from multimodal.data.text_source import TextSource
from multimodal.language_model.dataset import StreamDataset
from multimodal.saving.checkpoint import SavedModel
from multimodal.text import Vocabulary
from multimodal.worlds import reviews

_LOGGER = logging.getLogger(__name__)

Level = Literal["words", "characters"]


@dataclass(frozen=True)
class StreamText:
    """Settings of reading texts.

    Args:
        min_count: Tokens that occur less often in the training texts become ``<unk>``.
        max_vocabulary: The most frequent tokens are kept, up to this many with the four special
            ones; 0 keeps all.
    """

    min_count: int = 1
    max_vocabulary: int = 0


class LanguageModelData(DataModule[TextExample, StreamBatch]):
    """Unlabelled texts, read in windows whose rows go on from batch to batch.

    Args:
        sources: Sources of the texts, read one after the other; labels are ignored.
        held_out: Texts that must not be read, such as those a classifier is tested on: duplicates
            of them are removed from all sources.
        level: Unit that is predicted: ``words``, or ``characters`` with case and line ends.
        keep_lines: Whether the end of a line is a word of its own, as verse needs it; for
            ``words``.
        text: Settings of the vocabulary.
        holdout: Share of the texts used for validation in place of the sources' own validation
            splits; 0 uses those. A source of which all is read has no other.
        batch_size: Streams in a batch.
        eval_batch_size: Streams in an evaluation batch.
        window: Tokens of each stream in a training batch: how far back gradients reach.
        workers: Processes that cut windows; 0 cuts in the main one, which is fast enough.
        seed: Seed of the holdout and of the order of the texts.
    """

    def __init__(
        self,
        *,
        sources: list[TextSource] | None = None,
        held_out: list[TextSource] | None = None,
        level: Level = "words",
        keep_lines: bool = False,
        text: StreamText | None = None,
        holdout: float = 0.0,
        batch_size: int = 64,
        eval_batch_size: int = 16,
        window: int = 70,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            holdout=holdout,
            test_split="test",
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            workers=workers,
            seed=seed,
        )
        self.sources = sources or [TextSource()]
        self.held_out = held_out or []
        self.level = level
        self.keep_lines = keep_lines
        self.text = text or StreamText()
        self.window = window
        self._allowed_texts: dict[str, list[str]] = {}

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary of the training texts, or an adopted one."""
        return build_vocabulary(
            lambda: map(self.parse, self.texts("train")),
            reviews.words() if self.is_built_in else [],
            min_count=self.text.min_count,
            max_vocabulary=self.text.max_vocabulary,
        )

    @override
    def linked(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary, "level": self.level, "keep_lines": self.keep_lines}

    @override
    def adopt(self, saved: SavedModel) -> None:
        self.words = Vocabulary(saved.vocabulary)
        self.level = saved.extra["level"]
        self.keep_lines = saved.extra["keep_lines"]

    def parse(self, text: str) -> list[str]:
        """Split a text into words or characters."""
        if self.level == "characters":
            return all_characters(text)
        if self.level != "words":
            raise ValueError(f"`level` must be words or characters, got {self.level!r}.")
        if not self.keep_lines:
            return all_words(text)
        first, *others = text.split("\n")
        return all_words(first) + [word for line in others for word in ("\n", *all_words(line))]

    def read(self, split: str) -> list[TextExample]:
        """Read a split of all sources."""
        if split == "test" and self.holdout and any(each.part == ALL for each in self.sources):
            return self.examples("val")
        return [
            example
            for source in self.sources
            for example in source.read(_part(source, split, self.holdout))
        ]

    def texts(self, split: str) -> list[str]:
        """Return the texts of a split without held-out ones, read once.

        Raises:
            ValueError: All texts are held out.
        """
        if split not in self._allowed_texts:
            self._allowed_texts[split] = self._allow(
                [example.text for example in self.examples(split)]
            )
        return self._allowed_texts[split]

    def dataset(self, split: str, *, training: bool) -> StreamDataset:
        """Lay the texts of a split out as streams; for training, in a shuffled order."""
        return StreamDataset(
            [self.words.encode(self.parse(text)) for text in self.texts(split)],
            batch_size=self.batch_size if training else self.eval_batch_size,
            window=self.window,
            seed=self.seed,
            shuffle=training,
            rank=self.rank,
            world_size=self.world_size,
        )

    def loader(
        self,
        split: str,
        *,
        training: bool = False,
        bucketed: bool = True,  # noqa: ARG002 (windows have one length)
    ) -> ResumableLoader[StreamBatch]:
        """Return the windows of a split in their order; a batch is a window."""
        dataset = self.dataset(split, training=training)
        return ResumableLoader(dataset, dataset.sampler, workers=self.workers)

    @property
    def is_built_in(self) -> bool:
        """Whether all texts are built-in reviews, whose words are known."""
        plain = self.level == "words" and not self.keep_lines
        return plain and all(each.format == "reviews" for each in self.sources)

    def predict_dataloader(self) -> ResumableLoader[StreamBatch]:
        """Refuse with a ValueError: a language model writes with its own verb."""
        raise ValueError(
            "A language model has nothing to predict about a split. Let it write with `multimodal "
            "write CHECKPOINT PROMPT`, or measure it with `multimodal test`."
        )

    def _allow(self, texts: list[str]) -> list[str]:
        if not self.held_out:
            return texts
        allowed = without_duplicates(texts, self._forbidden)
        if not allowed:
            raise ValueError(
                f"All {len(texts):,} texts are duplicates of held-out ones; name other `sources`."
            )
        changed = len(set(texts) - set(allowed))
        if changed:
            _LOGGER.info("%d of %d texts held duplicates of held-out ones.", changed, len(texts))
        return allowed

    @cached_property
    def _forbidden(self) -> list[str]:
        return [text.text for source in self.held_out for text in source.read(source.part)]


def _part(source: TextSource, split: str, holdout: float) -> str:
    """Return the split of a source that is read for one of ours."""
    if source.part == "train" or split != "train":
        return split
    if not holdout and source.part == ALL:
        raise ValueError(
            f"All of {source.root or source.format} is read for training (`part` is all), which "
            "leaves nothing to validate on; set `holdout`, such as 0.05."
        )
    return source.part
