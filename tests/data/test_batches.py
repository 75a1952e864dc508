import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.batches import (
    ClassificationBatch,
    TextBatch,
    collate_captions,
    collate_texts,
)
from multimodal.data.examples import ImageExample, PixelImage, TextExample

CAPTION = st.lists(st.integers(4, 50), min_size=1, max_size=6)


@given(st.lists(st.lists(CAPTION, min_size=1, max_size=3), min_size=1, max_size=4))
def test_every_caption_comes_back_from_its_padded_row(captions):
    tokens, mask = collate_captions(captions)
    for row, texts in enumerate(captions):
        for column, text in enumerate(texts):
            real = tokens[row, column][mask[row, column]].tolist()
            assert real == [1, *text, 2]
        assert not mask[row, len(texts) :].any()
    assert mask.shape == tokens.shape


def test_the_block_is_as_wide_as_the_longest_caption_with_its_frame():
    tokens, _ = collate_captions([[[5]], [[6, 7, 8]]])
    assert tokens.shape == (2, 1, 5)


@given(st.lists(st.lists(st.integers(1, 50), max_size=9), max_size=6))
def test_every_text_comes_back_from_its_padded_row(texts):
    tokens, mask = collate_texts(texts)
    assert [row[real].tolist() for row, real in zip(tokens, mask, strict=True)] == [
        text or [3] for text in texts
    ]
    assert tokens.dtype == torch.int64
    assert not tokens[~mask].any()
    assert mask.shape == tokens.shape == (len(texts), max([len(t) or 1 for t in texts], default=0))


def test_a_batch_of_texts_is_moved_with_its_examples_as_they_are():
    tokens, mask = collate_texts([[4, 5], [6]])
    examples = (TextExample("a b", "x", "1"), TextExample("c", None, "2"))
    batch = TextBatch(torch.arange(2), tokens, mask, torch.tensor([0, -1]), examples)
    moved = batch.to("meta")
    assert moved.tokens.device.type == moved.labels.device.type == "meta"
    assert moved.examples is examples


def test_a_batch_of_labelled_images_is_moved_with_its_examples_as_they_are():
    examples = (ImageExample(PixelImage("digits", 3), "7", 3),)
    images, labels = torch.zeros(1, 1, 8, 8, dtype=torch.uint8), torch.tensor([7])
    batch = ClassificationBatch(torch.tensor([0]), images, labels, examples, ("a.jpg is bad",))
    moved = batch.to("meta")
    assert moved.images.device.type == moved.labels.device.type == moved.indices.device.type
    assert moved.images.device.type == "meta"
    assert moved.examples is examples
    assert moved.skipped == ("a.jpg is bad",)
