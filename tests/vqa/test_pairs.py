import inspect

import numpy as np
import pytest
import torch
from tiny_captioner import picture

from multimodal.data.examples import ImageFile
from multimodal.data.images import ImageError
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.text import Vocabulary
from multimodal.vqa.pairs import read_pairs, read_question
from multimodal.worlds.scenes import sample_scene

WORDS = Vocabulary.build([["is", "it", "red"]])
TRANSFORM = EvalTransform(TransformSettings(size=8))


def read(*pairs):
    return read_pairs(list(enumerate(pairs)), TRANSFORM, WORDS)


def test_a_question_is_its_words_numbers_and_its_unknown_words():
    asked = read_question("Is it a dog, a Dog?", WORDS, "The question")
    assert asked.text == "Is it a dog, a Dog?"
    assert asked.tokens == (*WORDS.encode(["is", "it"]), 3, 3, 3, 3)
    assert asked.unknown_words == ("a", "dog")


def test_a_question_without_a_word_is_refused():
    with pytest.raises(ValueError, match=r"A question has no word in it: '!{40}'\. Ask something"):
        read_question("!" * 100, WORDS, "The question")


def test_a_question_that_is_no_string_is_refused():
    with pytest.raises(TypeError, match=r"^The question must be a string, got NoneType"):
        read_question(None, WORDS, "The question")


@pytest.mark.parametrize("form", ["path", "string", "bytes", "member", "scene", "object", "array"])
def test_a_picture_that_comes_twice_is_opened_once(form, photos):
    path = photos / "red.png"
    first, second = {
        "path": (path, photos / "red.png"),
        "string": (str(path), str(path)),
        "bytes": (path.read_bytes(), path.read_bytes()),
        "member": (ImageFile(path), ImageFile(path)),
        "scene": (sample_scene(0, 3, "test"), sample_scene(0, 3, "test")),
        "object": (picture("red"),) * 2,
        "array": (np.array(picture("red")),) * 2,
    }[form]
    batch = read((first, "is it"), (photos / "blue.png", "is it red"), (second, "is it red"))
    assert [seen.pixels.shape for seen in batch.pictures] == [(3, 8, 8)] * 2
    assert batch.image_of == [0, 1, 0]
    assert batch.failures == [None] * 3
    (alone,) = read((first, "is it")).pictures
    assert torch.equal(batch.pictures[0].pixels, alone.pixels)


def test_different_objects_are_different_pictures():
    assert read((picture("red"), "is it"), (picture("blue"), "is it")).image_of == [0, 1]


def test_what_cannot_be_used_is_no_picture_of_the_batch(photos):
    (photos / "broken.png").write_bytes(b"")
    batch = read(
        (photos / "broken.png", "is it red"),
        (photos / "green.png", "?"),
        (photos / "nowhere.png", "is it"),
        (photos / "blue.png", "is it"),
        (photos / "broken.png", "is it"),
        (b"", "is it"),
    )
    kinds = [ImageError, ValueError, FileNotFoundError, type(None), ImageError, ImageError]
    assert [type(failure) for failure in batch.failures] == kinds
    assert len(batch.pictures) == 1  # nothing good is asked about the green one
    assert [asked.text for asked in batch.asked] == ["is it"]
    assert batch.image_of == [0]
    assert str(batch.failures[5]).startswith("Picture 5 (counted from 0)")


def test_a_batch_of_nothing_good_has_no_pictures():
    batch = read((b"", "is it"), (picture("red"), ""))
    assert (batch.pictures, batch.asked, batch.image_of) == ([], [], [])


@pytest.mark.parametrize("pair", ["ab", 5, ("a.png",), ("a.png", "is it", "red")], ids=str)
def test_what_is_no_pair_is_refused(pair):
    unchecked = inspect.unwrap(read_pairs)
    with pytest.raises(
        TypeError, match=r"takes pairs \(picture, question\), got .* position 1 \(c"
    ):
        unchecked([(0, (picture("red"), "is it")), (1, pair)], TRANSFORM, WORDS)


def test_a_question_that_is_no_string_is_named_by_its_pair():
    with pytest.raises(TypeError, match=r"The question of pair 0 \(counted from 0\) must be a str"):
        read((picture("red"), 5))
