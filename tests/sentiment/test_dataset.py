import logging
import math

import pytest
import torch

from multimodal.data.documents import Excerpt
from multimodal.data.examples import TextExample
from multimodal.sentiment.dataset import TextDataset
from multimodal.text import SPECIALS, Vocabulary

WORDS = Vocabulary([*SPECIALS, "good", "bad", "not", "pad", "bos"])
LABELS = ["negative", "positive"]
EXAMPLES = [
    TextExample("Not bad, not bad!", "positive", "a"),
    TextExample("Bad.", "negative", "b"),
    TextExample("?!", None, "c"),
    TextExample("Wholly unheard-of", "negative", "d"),
]


def dataset(examples=EXAMPLES, labels=LABELS, **excerpt) -> TextDataset:
    return TextDataset(examples, WORDS, labels, Excerpt(**excerpt))


def test_a_batch_holds_what_was_asked_for_in_that_order():
    batch = dataset().__getitems__([(5, 1), (5, 0)])
    assert batch.indices.tolist() == [1, 0]
    assert batch.tokens.tolist() == [[5, 0, 0, 0], [6, 5, 6, 5]]
    assert batch.mask.tolist() == [[True, False, False, False], [True] * 4]
    assert batch.labels.tolist() == [0, 1]
    assert batch.labels.dtype == torch.int64
    assert batch.examples == (EXAMPLES[1], EXAMPLES[0])


def test_one_example_is_a_batch_of_one():
    assert dataset()[0, 1].tokens.shape == (1, 1)
    assert len(dataset()) == 4


def test_texts_without_words_or_known_words_are_unknown_and_not_empty():
    batch = dataset().__getitems__([(0, 2), (0, 3)])
    assert batch.tokens.tolist() == [[3, 0], [3, 3]]
    assert batch.mask.tolist() == [[True, False], [True, True]]
    assert dataset().lengths == [4, 1, 1, 2]


def test_a_text_without_a_label_has_class_minus_one():
    assert dataset()[0, 2].labels.tolist() == [-1]


def test_numbers_are_targets_where_there_are_no_classes():
    examples = [TextExample("good", 4.5, "a"), TextExample("bad", None, "b")]
    labels = dataset(examples, [])[0, 0].labels, dataset(examples, [])[0, 1].labels
    assert labels[0].tolist() == [4.5]
    assert labels[0].dtype == torch.float32
    assert math.isnan(labels[1].item())


def test_special_tokens_in_a_text_never_become_them():
    examples = [TextExample("<pad> good <bos> <eos> <unk>", "positive", "a")]
    batch = dataset(examples)[0, 0]
    assert batch.tokens.tolist() == [[7, 4, 8, 3, 3]]
    assert batch.mask.all()


def test_a_megabyte_of_text_is_cut_and_said(caplog):
    examples = [TextExample("good " * 200_000, "positive", "a"), EXAMPLES[1]]
    with caplog.at_level(logging.WARNING):
        batch = dataset(examples, max_words=30)[0, 0]
    assert batch.tokens.shape == (1, 30)
    assert caplog.messages == ["1 of 2 texts are longer than 30 words and were cut."]


def test_a_label_outside_the_set_is_named_with_its_text():
    examples = [*EXAMPLES, TextExample("So so.", "neutral", "texts.csv:7")]
    with pytest.raises(
        ValueError,
        match=r"texts.csv:7: the label 'neutral' is none of .* \(negative, positive\)",
    ):
        dataset(examples)


def test_a_label_where_numbers_are_wanted_is_named_with_its_text():
    with pytest.raises(ValueError, match=r"a: the label must be a number, got 'positive'\. Set `t"):
        dataset(labels=[])


def test_many_labels_are_listed_in_part():
    with pytest.raises(ValueError, match="0, 1, 2, 3, 4, 5, 6, 7 and 12 more"):
        dataset(labels=[str(n) for n in range(20)])
