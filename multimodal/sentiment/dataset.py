"""The data set of texts: whole batches by index, read to token ids once.

Every word is numbered when the data set is made, so that a batch is only padding. A text without
any known word is not empty: it is a row of ``<unk>``, and one without words is one ``<unk>``.
"""

import logging
import math
from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from multimodal.data.batches import TextBatch, collate_texts
from multimodal.data.buckets import Request
from multimodal.data.documents import Excerpt, read_words
from multimodal.data.examples import TextExample
from multimodal.text import Vocabulary

_LOGGER = logging.getLogger(__name__)


class TextDataset(Dataset[TextBatch]):
    """Texts with classes or numbers, a whole batch a call.

    Args:
        examples: What to read.
        vocabulary: Numbers the words.
        labels: Names of the classes in their order; none where the target is a number.
        excerpt: How much of a long text is read; said once, if it is not all.

    Raises:
        ValueError: If a label is none of the names, or no number where numbers are wanted.
    """

    def __init__(
        self,
        examples: Sequence[TextExample],
        vocabulary: Vocabulary,
        labels: Sequence[str],
        excerpt: Excerpt,
    ) -> None:
        self.examples = list(examples)
        self._tokens: list[list[int]] = []
        cut = 0
        for example in self.examples:
            reading = read_words(example.text, excerpt)
            self._tokens.append(vocabulary.encode(reading.words))
            cut += reading.cut
        if cut:
            _LOGGER.warning(
                "%d of %d texts are longer than %d words and were cut.",
                cut,
                len(self.examples),
                excerpt.max_words,
            )
        self._targets = (
            torch.tensor(_classes(self.examples, labels))
            if labels
            else torch.tensor(_numbers(self.examples), dtype=torch.float32)
        )

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def lengths(self) -> list[int]:
        """Words that are read of each text: what batches are bucketed by."""
        return [max(len(tokens), 1) for tokens in self._tokens]

    def __getitem__(self, request: Request) -> TextBatch:
        """Return a batch of one."""
        return self.__getitems__([request])

    def __getitems__(self, requests: Sequence[Request]) -> TextBatch:
        """Build the batch of these requests.

        Args:
            requests: (epoch, index) pairs.

        Returns:
            The batch.
        """
        indices = [index for _, index in requests]
        tokens, mask = collate_texts([self._tokens[index] for index in indices])
        return TextBatch(
            indices=torch.tensor(indices),
            tokens=tokens,
            mask=mask,
            labels=self._targets[indices],
            examples=tuple(self.examples[index] for index in indices),
        )


def _classes(examples: Sequence[TextExample], labels: Sequence[str]) -> list[int]:
    """Number the labels; -1 where there is none."""
    numbers: dict[str | float | None, int] = {label: number for number, label in enumerate(labels)}
    numbers[None] = -1
    for example in examples:
        if example.label not in numbers:
            raise ValueError(
                f"{example.text_id}: the label {example.label!r} is none of {_listed(labels)}. "
                "Correct it, or train on texts that have it."
            )
    return [numbers[example.label] for example in examples]


def _numbers(examples: Sequence[TextExample]) -> list[float]:
    """Take the labels as numbers; NaN where there is none."""
    for example in examples:
        if isinstance(example.label, str):
            raise ValueError(
                f"{example.text_id}: a number is wanted, got the label {example.label!r}. Set "
                "`target` to label."
            )
    return [math.nan if e.label is None else float(e.label) for e in examples]


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - 8} more" if len(labels) > 8 else ""
    return ", ".join(labels[:8]) + more
