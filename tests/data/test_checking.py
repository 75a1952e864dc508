from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.checking import (
    cover,
    labels_of,
    measure,
    named_texts,
    open_images,
    overlap,
    text_digests,
    texts_of,
)
from multimodal.data.examples import (
    CaptionExample,
    ImageExample,
    ImageFile,
    PixelImage,
    Question,
    QuestionExample,
    TextExample,
)
from multimodal.data.images import ImageError

DOG = ImageFile(Path("dog.jpg"))
QUESTIONS = (Question("Is it a dog?", ("yes", "no"), 1), Question("Why?", (), 2))
EXAMPLES = {
    "captions": CaptionExample(DOG, ("A dog .", "It runs ."), "dog.jpg"),
    "questions": QuestionExample(DOG, QUESTIONS, 7),
    "text": TextExample("Fine.", 4.5, "t.csv:2"),
    "image": ImageExample(DOG, "dog", "dog/1"),
    "several": ImageExample(DOG, ("dog", "grass"), "dog/1"),
    "unknown": ImageExample(DOG, None, "dog/1"),
}


@pytest.mark.parametrize(
    ("kind", "texts", "labels"),
    [
        ("captions", ("A dog .", "It runs ."), ()),
        ("questions", ("Is it a dog?", "Why?"), ("yes",)),
        ("text", ("Fine.",), ("4.5",)),
        ("image", (), ("dog",)),
        ("several", (), ("dog", "grass")),
        ("unknown", (), ()),
    ],
)
def test_every_kind_of_example_has_its_texts_and_labels(kind, texts, labels):
    example = EXAMPLES[kind]
    assert texts_of(example) == texts
    assert labels_of(example) == labels
    assert [text for _, text in named_texts([example])] == list(texts)


def test_pictures_are_opened_once_and_compared_by_their_pixels():
    loaded = []

    def load(image):
        loaded.append(image.index)
        if image.index == 3:
            raise ImageError("3 is damaged.")
        return torch.full((3, 2, 2), image.index % 2)

    opened = open_images([PixelImage("a", index) for index in (0, 1, 2, 3, 0)], load)
    assert loaded == [0, 1, 2, 3]
    assert opened.broken == ["3 is damaged."]
    assert sorted(opened.digests.values()) == ["a[0]", "a[1]"]
    assert opened.copies == 1


def test_pictures_of_different_shapes_are_not_copies():
    shapes = {0: (1, 4), 1: (4, 1)}
    opened = open_images(
        [PixelImage("a", 0), PixelImage("a", 1)], lambda image: torch.zeros(shapes[image.index])
    )
    assert len(opened.digests) == 2


def test_overlap_is_named_in_both_splits():
    train = text_digests([("1", "A mess."), ("2", "Great fun!")])
    test = text_digests([("9", "great FUN"), ("10", "Dull.")])
    assert overlap(train, test) == [("2", "9")]


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60))
def test_every_length_is_in_one_bin(lengths):
    result = measure(lengths)
    assert len(result.bins) <= 10
    assert sum(count for *_, count in result.bins) == len(lengths)
    assert result.bins[0][0] == result.shortest == min(lengths)
    assert result.bins[-1][1] == result.longest == max(lengths)
    for low, high, count in result.bins:
        assert count == sum(low <= length <= high for length in lengths)
    assert result.shortest <= result.median <= result.longest


def test_nothing_cannot_be_measured():
    with pytest.raises(ValueError, match="no texts to measure"):
        measure([])


@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=6), max_size=6))
def test_known_and_unknown_words_are_all_words(sentences):
    result = cover(sentences, {"a", "b"}.__contains__)
    assert result.words == sum(map(len, sentences))
    assert result.words == result.known + sum(count for _, count in result.unknown)
    assert not {"a", "b"} & {word for word, _ in result.unknown}
