from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from multimodal.worlds.scenes import (
    COLOURS,
    SHAPES,
    WORDS,
    Background,
    Lighting,
    Scene,
    SceneObject,
    Statement,
    check_caption,
    describe,
    sample_scene,
)


def thing(size, colour, shape, x, y):
    return SceneObject(shape, colour, size, "solid", x, y, 0.1, 0.0, (128, 128, 128))


SCENE = Scene(
    (
        thing("large", "red", "star", 0.2, 0.3),
        thing("small", "blue", "star", 0.5, 0.31),
        thing("small", "red", "ring", 0.8, 0.8),
    ),
    Background((60, 60, 60), (60, 60, 60), "down"),
    Lighting(128, 0, 0, 0, 0),
    seed=0,
    index=0,
    split="train",
)
LONE = replace(SCENE, objects=(thing("small", "red", "ring", 0.8, 0.55),))
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}


def truths(caption, scene=SCENE):
    return [statement.true for statement in check_caption(caption, scene).statements]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a large red star is left of a small blue star", [True, True, True]),
        ("a large red star is right of a small blue star", [True, True, False]),
        ("a large red star is above a small blue star", [True, True, False]),  # too close to call
        ("a small red star is left of a small blue star", [False, True, False]),
        ("a blue ring above a red ring", [False, True, False]),
        ("a ring below a star", [True, True, True]),
        ("a star is left of a star", [True, True, True]),
        ("a ring is left of a ring", [True, False, False]),
        ("two stars and a ring", [True, True]),
        ("three stars and a ring", [False, True]),
        ("one star and a ring", [False, True]),
        ("a red star a blue star and a red ring", [True, True, True]),
        ("a red star and a red star", [True, False]),
        ("a star and a red star", [True, True]),
        ("a star a star and a star", [True, True, False]),
        ("a star two stars", [True, False]),
        ("there are three shapes including a large red star and a ring", [True, True, True]),
        ("there are four shapes including a large red star and a ring", [False, True, True]),
        ("there is one shape", [False]),
        ("two stars a ring and nothing else", [True, True, True]),
        ("two stars and nothing else", [True, False]),
        ("nothing but a star", [True, False]),
        ("a star is left of the middle", [True, True]),
        ("a ring is left of the middle", [True, False]),
    ],
)
def test_each_statement_is_compared_with_the_scene(caption, expected):
    assert truths(caption) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("right of the middle", True),
        ("below the middle", True),  # by a little, but visibly
        ("left of the middle", False),
        ("above the middle", False),
        ("in the middle", False),
    ],
)
def test_places_are_checked_with_a_margin(place, expected):
    assert truths(f"a red ring is {place}", LONE) == [True, expected]


def test_statements_have_their_text_and_kind():
    caption = "there are three shapes including two stars and a ring is"
    assert check_caption(caption, SCENE).statements == (
        Statement("three shapes", "count", true=True),
        Statement("two stars", "count", true=True),
        Statement("a ring", "object", true=True),
        Statement("is", "grammar", true=False),
    )
    last = check_caption("a ring below a star", SCENE).statements[-1]
    assert last == Statement("a ring below a star", "relation", true=True)
    last = check_caption("a ring is in the middle", SCENE).statements[-1]
    assert last == Statement("a ring in the middle", "place", true=False)
    last = check_caption("nothing but a ring", SCENE).statements[-1]
    assert last == Statement("nothing else", "count", true=False)


@pytest.mark.parametrize("caption", ["", "   ", "a nice day", "star red a", "<unk> <unk>"])
def test_an_unreadable_caption_is_one_false_statement(caption):
    check = check_caption(caption, SCENE)
    assert [statement.kind for statement in check.statements] == ["grammar"]
    assert not check.all_true


@pytest.mark.parametrize("tail", ["and", "is", "red", "the", "picture of", "is above a"])
def test_words_after_a_true_caption_are_not_ignored(tail):
    check = check_caption(f"a red star and a red ring {tail}", SCENE)
    assert check.statements[-1] == Statement(tail, "grammar", true=False)


@given(st.integers(0, 2**40), st.data())
def test_a_wrong_colour_makes_the_caption_false(index, data):
    scene = sample_scene(0, index, "test")
    absent = [
        colour for colour in COLOURS if colour not in {other.colour for other in scene.objects}
    ]
    colour = data.draw(st.sampled_from([name for name in absent if name != "orange"]))
    for caption in describe(scene)[:4]:
        words = caption.replace("an orange", "a orange").split()
        positions = [at for at, word in enumerate(words) if word in COLOURS]
        words[data.draw(st.sampled_from(positions))] = colour
        assert not check_caption(words, scene).all_true


@given(st.integers(0, 2**40), st.data())
def test_a_wrong_shape_makes_the_caption_false(index, data):
    scene = sample_scene(0, index, "test")
    absent = [shape for shape in SHAPES if shape not in {other.shape for other in scene.objects}]
    shape = data.draw(st.sampled_from(absent))
    for caption in describe(scene):
        words = caption.split()
        positions = [at for at, word in enumerate(words) if word in SHAPES]
        if positions:
            words[data.draw(st.sampled_from(positions))] = shape
            assert not check_caption(words, scene).all_true


@given(st.integers(0, 2**40))
def test_a_swapped_relation_makes_the_caption_false(index):
    scene = sample_scene(0, index, "test")
    names = [other.name for other in scene.objects]
    assume(len(set(names)) == len(names))
    for caption in describe(scene)[:2]:
        swapped = [OPPOSITE.get(word, word) for word in caption.split()]
        if swapped != caption.split():
            assert truths(swapped, scene)[-1] is False


@given(st.integers(0, 2**40), st.sampled_from(("one", "two", "three", "four", "five")))
def test_a_wrong_number_makes_the_caption_false(index, number):
    scene = sample_scene(0, index, "test")
    words = describe(scene)[3].split()
    if words[3] == "shapes" and words[2] != number and number != "one":
        words[2] = number
        assert truths(words, scene)[0] is False


@given(st.lists(st.sampled_from((*WORDS, "<unk>")), max_size=20), st.integers(0, 100))
def test_any_sequence_of_words_is_checked(words, index):
    check = check_caption(words, sample_scene(0, index, "val"))
    assert len(check.statements) >= 1
    assert check.all_true == all(each.true for each in check.statements)
