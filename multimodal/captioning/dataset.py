"""The data set of captioning: whole batches by index, images or cached features, captions as ids.

A request is an (epoch, index) pair and everything random about an item is a function of (seed,
epoch, index), so that any worker, and any resumed run, makes the same batch of the same requests.
"""

import logging
from collections.abc import Sequence

import torch
from typing_extensions import override

from multimodal.data.batches import CaptionBatch, collate_captions
from multimodal.data.buckets import Request, draw_some
from multimodal.data.examples import CaptionExample
from multimodal.data.image_source import ImageSource
from multimodal.data.loaders import ExampleDataset
from multimodal.text import Vocabulary, tokenize

_LOGGER = logging.getLogger(__name__)


class CaptionDataset(ExampleDataset[CaptionExample, CaptionBatch]):
    """Images with their captions, a whole batch a call.

    Args:
        examples: Examples to read.
        source: Their images, in the same order.
        vocabulary: Numbers the words.
        captions_per_image: Captions per image in a batch, drawn anew each epoch; 0
            is all of them, in order.
        max_words: Longer captions are cut, with one warning.
        seed: Seed of the captions that are drawn.
    """

    def __init__(
        self,
        examples: Sequence[CaptionExample],
        source: ImageSource,
        vocabulary: Vocabulary,
        *,
        captions_per_image: int = 0,
        max_words: int = 50,
        seed: int = 0,
    ) -> None:
        super().__init__(examples)
        self.source = source
        self.captions_per_image = captions_per_image
        self.seed = seed
        texts = [_tokenize_all(example) for example in self.examples]
        self._captions = [
            [vocabulary.encode(words[:max_words]) for words in captions] for captions in texts
        ]
        cut = sum(len(words) > max_words for captions in texts for words in captions)
        if cut:
            _LOGGER.warning("%d captions are longer than %d words and were cut.", cut, max_words)

    @property
    def lengths(self) -> list[int]:
        """Words of each image's longest caption, by which batches are bucketed."""
        return [max(map(len, captions)) for captions in self._captions]

    @override
    def __getitems__(self, requests: Sequence[Request]) -> CaptionBatch:
        rows = self.source.read(requests)
        tokens, mask = collate_captions([self._draw(request) for request in rows.requests])
        return CaptionBatch(
            indices=torch.tensor([index for _, index in rows.requests]),
            images=rows.images,
            features=rows.features,
            tokens=tokens,
            mask=mask,
            examples=tuple(self.examples[index] for _, index in rows.requests),
            skipped=rows.skipped,
        )

    def _draw(self, request: Request) -> list[list[int]]:
        captions = self._captions[request[1]]
        chosen = draw_some(len(captions), self.captions_per_image, self.seed, request)
        return [captions[index] for index in chosen]


def _tokenize_all(example: CaptionExample) -> list[list[str]]:
    kept = [words for words in map(tokenize, example.captions) if words]
    if not kept:
        raise ValueError(
            f"Image {example.image_id!r} has no caption with a word in it: {example.captions[:1]}. "
            "Give it one, or remove the image."
        )
    return kept
