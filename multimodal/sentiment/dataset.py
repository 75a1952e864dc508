"""The data set of texts: whole batches by index, read to token ids once.

Every word is numbered when the data set is made, so that a batch is only padding. A text without
any known word is not empty: it is a row of ``<unk>``, and one without words is one ``<unk>``.
"""

import logging
from collections.abc import Sequence

import torch
from typing_extensions import override

from multimodal.data.batches import TextBatch, collate_texts
from multimodal.data.buckets import Request
from multimodal.data.documents import Excerpt, read_words
from multimodal.data.examples import TextExample
from multimodal.data.labels import class_of, number_of
from multimodal.data.loaders import ExampleDataset
from multimodal.text import Vocabulary

_LOGGER = logging.getLogger(__name__)


class TextDataset(ExampleDataset[TextExample, TextBatch]):
    """Texts with classes or numbers, a whole batch a call.

    Args:
        examples: Examples to read.
        vocabulary: Numbers the words.
        labels: Names of the classes in their order; none where the target is a number.
        excerpt: Part of a long text that is read; one warning counts the texts that are cut.

    Raises:
        ValueError: A label is none of the names, or not a number where the target is one.
    """

    def __init__(
        self,
        examples: Sequence[TextExample],
        vocabulary: Vocabulary,
        labels: Sequence[str],
        excerpt: Excerpt,
    ) -> None:
        super().__init__(examples)
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
        numbers = {label: number for number, label in enumerate(labels)}
        self._targets = (
            torch.tensor([class_of(each.label, numbers, each.text_id) for each in self.examples])
            if labels
            else torch.tensor([number_of(each.label, each.text_id) for each in self.examples])
        )

    @property
    def lengths(self) -> list[int]:
        """Words that are read of each text, by which batches are bucketed."""
        return [max(len(tokens), 1) for tokens in self._tokens]

    @override
    def __getitems__(self, requests: Sequence[Request]) -> TextBatch:
        indices = [index for _, index in requests]
        tokens, mask = collate_texts([self._tokens[index] for index in indices])
        return TextBatch(
            indices=torch.tensor(indices),
            tokens=tokens,
            mask=mask,
            labels=self._targets[indices],
            examples=tuple(self.examples[index] for index in indices),
        )
