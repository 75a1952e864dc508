"""The data module of language models: texts without labels, as streams cut into windows.

Texts may come from several sources, those of the sentiment formats among them. Whatever a
classifier will be tested on is taken out of them: `held_out` names the sources of these sentences,
and every duplicate of one, also inside a longer text, is removed.
"""

import logging
from functools import cached_property
from typing import Literal

from lightning.pytorch import LightningDataModule

from multimodal.data.batches import StreamBatch
from multimodal.data.documents import all_characters, all_words
from multimodal.data.duplicates import without_duplicates
from multimodal.data.examples import TextExample
from multimodal.data.loaders import ResumableLoader
from multimodal.data.readers import holdout
from multimodal.data.readers.splits import ALL
from multimodal.data.text_formats import TextSource
from multimodal.language_model.dataset import StreamDataset
from multimodal.text import Vocabulary

_LOGGER = logging.getLogger(__name__)

Level = Literal["words", "characters"]


class LanguageModelData(LightningDataModule):
    """Unlabelled texts, read in windows whose rows go on from batch to batch.

    Args:
        sources: Where the texts come from, one after the other; their labels are not looked at.
        held_out: Texts that must not be read, such as those a classifier is tested on: duplicates
            of them are removed from all sources.
        level: What is predicted: ``words``, or ``characters`` with case and line ends.
        keep_lines: Whether the end of a line is a word of its own, as verse needs it; for
            ``words``.
        holdout: Share of the texts put aside for validation in place of the sources' own
            validation splits; 0 uses those. A source of which all is read has no other.
        batch_size: Streams in a batch.
        eval_batch_size: Streams in an evaluation batch.
        window: Tokens of each stream in a training batch: how far back gradients reach.
        min_count: Tokens that occur less often in the training texts become ``<unk>``.
        max_vocabulary: The most frequent tokens are kept, up to this many with the four special
            ones; 0 keeps all.
        tokens: A vocabulary to use instead of building one; the command line puts a checkpoint's
            here when it evaluates one.
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
        holdout: float = 0.0,
        batch_size: int = 64,
        eval_batch_size: int = 16,
        window: int = 70,
        min_count: int = 1,
        max_vocabulary: int = 0,
        tokens: list[str] | None = None,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.sources = sources or [TextSource()]
        self.held_out = held_out or []
        self.level = level
        self.keep_lines = keep_lines
        self.holdout = holdout
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.window = window
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.tokens = tokens
        self.workers = workers
        self.seed = seed
        self._texts: dict[str, list[str]] = {}

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary of the training texts, or the one that was given."""
        if self.tokens:
            return Vocabulary(self.tokens)
        return Vocabulary.build(
            map(self.parse, self.texts("train")),
            min_count=self.min_count,
            max_size=self.max_vocabulary or None,
        )

    @property
    def vocabulary(self) -> list[str]:
        """All tokens as plain data: what is linked into the task."""
        return self.words.to_list()

    def parse(self, text: str) -> list[str]:
        """Split a text into what is predicted: words or characters.

        Args:
            text: The text.
        """
        if self.level == "characters":
            return all_characters(text)
        if self.level != "words":
            raise ValueError(f"`level` must be words or characters, got {self.level!r}.")
        if not self.keep_lines:
            return all_words(text)
        first, *others = text.split("\n")
        return all_words(first) + [word for line in others for word in ("\n", *all_words(line))]

    def texts(self, split: str) -> list[str]:
        """Return the texts of a split without what is held out, read once.

        Args:
            split: ``train``, ``val`` or ``test``.

        Raises:
            ValueError: If all is held out.
        """
        if split not in self._texts:
            if self.holdout and split != "test":
                kept, held = holdout(self._read("train"), self.holdout, self.seed)
                self._texts.update(train=self._allowed(kept), val=self._allowed(held))
            elif split == "test" and self.holdout and any(s.part == ALL for s in self.sources):
                self._texts["test"] = self.texts("val")
            else:
                self._texts[split] = self._allowed(self._read(split))
        return self._texts[split]

    def train_dataloader(self) -> ResumableLoader[StreamBatch]:
        """Return the windows of shuffled texts."""
        return self._loader("train", self.batch_size, shuffle=True)

    def val_dataloader(self) -> ResumableLoader[StreamBatch]:
        """Return the windows of the validation texts in order."""
        return self._loader("val", self.eval_batch_size, shuffle=False)

    def test_dataloader(self) -> ResumableLoader[StreamBatch]:
        """Return the windows of the test texts in order."""
        return self._loader("test", self.eval_batch_size, shuffle=False)

    def _loader(
        self, split: str, batch_size: int, *, shuffle: bool
    ) -> ResumableLoader[StreamBatch]:
        dataset = StreamDataset(
            [self.words.encode(self.parse(text)) for text in self.texts(split)],
            batch_size=batch_size,
            window=self.window,
            seed=self.seed,
            shuffle=shuffle,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )
        return ResumableLoader(dataset, dataset.sampler, workers=self.workers)

    def _read(self, split: str) -> list[TextExample]:
        return [
            example
            for source in self.sources
            for example in source.read(_part(source, split, self.holdout))
        ]

    def _allowed(self, examples: list[TextExample]) -> list[str]:
        texts = [example.text for example in examples]
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
    """Which split of a source is read for one of ours."""
    if source.part == "train" or split != "train":
        return split
    if not holdout and source.part == ALL:
        raise ValueError(
            f"All of {source.root or source.format} is read for training (`part` is all), which "
            "leaves nothing to validate on; set `holdout`, such as 0.05."
        )
    return source.part
