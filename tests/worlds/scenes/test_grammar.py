from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.worlds.scenes import SPLITS, WORDS, Mention, describe, sample_scene
from multimodal.worlds.scenes.checker import check_caption

keys = st.tuples(st.integers(0, 3), st.integers(0, 2**40), st.sampled_from(SPLITS))


@given(keys)
def test_every_statement_is_true(key):
    scene = sample_scene(*key)
    for caption in describe(scene):
        assert check_caption(caption, scene).all_true


@given(keys)
def test_captions_are_5_to_16_known_words(key):
    for caption in describe(sample_scene(*key)):
        words = caption.split(" ")
        assert 5 <= len(words) <= 16
        assert set(words) <= set(WORDS)


@given(keys)
def test_the_five_captions_differ(key):
    assert len(set(describe(sample_scene(*key)))) == 5


def test_every_word_is_used():
    used = {
        word
        for index in range(600)
        for caption in describe(sample_scene(0, index, "train"))
        for word in caption.split()
    }
    # "shape" is only read: one object is called by its name.
    assert used == set(WORDS) - {"shape"}


@given(keys)
def test_captions_do_not_depend_on_the_order_of_objects(key):
    scene = sample_scene(*key)
    assert describe(replace(scene, objects=scene.objects[::-1])) == describe(scene)


def test_a_single_object_is_placed_relative_to_the_middle():
    scene = sample_scene(0, 0, "train")
    thing = replace(scene.objects[0], size="small", radius=0.1)

    def place(x, y):
        return describe(replace(scene, objects=(replace(thing, x=x, y=y),)))[0].split(" is ")[1]

    assert place(0.3, 0.6) == "left of the middle"
    assert place(0.7, 0.6) == "right of the middle"
    assert place(0.5, 0.2) == "above the middle"
    assert place(0.45, 0.8) == "below the middle"
    assert place(0.55, 0.45) == "in the middle"


def test_objects_in_a_row_are_related_both_ways_along_it():
    scene = sample_scene(0, 0, "train")
    things = [
        replace(scene.objects[0], shape=shape, colour="red", size="small", x=0.3, y=y)
        for shape, y in (("star", 0.2), ("ring", 0.8))
    ]
    captions = describe(replace(scene, objects=tuple(things)))
    assert captions[:2] == (
        "a small red star is above a small red ring",
        "a red ring below a red star",
    )
    things = [replace(thing, x=thing.y, y=thing.x) for thing in things]
    captions = describe(replace(scene, objects=tuple(things)))
    assert captions[:2] == (
        "a small red star is left of a small red ring",
        "a red ring right of a red star",
    )


@pytest.mark.parametrize(
    ("mention", "text"),
    [
        (Mention("star"), "a star"),
        (Mention("star", "orange"), "an orange star"),
        (Mention("star", "orange", "large"), "a large orange star"),
        (Mention("cross", "red", None, 1), "one red cross"),
        (Mention("cross", None, "small", 5), "five small crosses"),
    ],
)
def test_mentions_are_written_in_english(mention, text):
    assert str(mention) == text
