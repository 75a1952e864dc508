from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.worlds.scenes import (
    HELD_OUT_PAIRS,
    RELATIONS,
    SPLITS,
    SceneObject,
    offset,
    sample_scene,
)
from multimodal.worlds.scenes.balances import SELECTIONS
from multimodal.worlds.scenes.programs import Facts
from multimodal.worlds.scenes.references import References, naming

keys = st.tuples(st.integers(0, 3), st.integers(0, 2**40), st.sampled_from(SPLITS))


def fits(words, thing):
    return {*words} <= {thing.size, thing.colour, thing.shape}


def row(*names, x=(0.2, 0.5, 0.8), y=(0.5, 0.5, 0.5)):
    things = tuple(
        SceneObject(
            name.split()[1], name.split()[0], "small", "solid", *place, 0.08, 0.0, (1, 2, 3)
        )
        for name, place in zip(names, zip(x, y, strict=True), strict=False)
    )
    return References(replace(sample_scene(0, 0, "train"), objects=things))


@settings(max_examples=40)
@given(keys, st.sampled_from([None, "size", "colour", "shape"]))
def test_names_fit_one_object_alone(key, without):
    scene = sample_scene(*key)
    references = References(scene)
    for number, thing in enumerate(scene.objects):
        for selection in references.names(number, without=without):
            words = references.words(number, selection)
            assert without not in selection
            assert [other for other in scene.objects if fits(words, other)] == [thing]


@settings(max_examples=40)
@given(keys)
def test_only_objects_without_an_equal_have_a_name(key):
    scene = sample_scene(*key)
    references = References(scene)
    kinds = [(thing.size, thing.colour, thing.shape) for thing in scene.objects]
    for number, kind in enumerate(kinds):
        assert bool(references.names(number)) == (kinds.count(kind) == 1)
        assert references.alike(number, SELECTIONS[-1]).bit_count() == kinds.count(kind)


@settings(max_examples=40)
@given(keys, st.sampled_from(SELECTIONS[1:]))
def test_an_absent_description_fits_no_object(key, selection):
    scene = sample_scene(*key)
    words = References(scene).absent(0, selection)
    if words is None:
        assert selection == ("size",)  # both sizes are there
    else:
        assert len(words) == len(selection)
        assert not any(fits(words, thing) for thing in scene.objects)


@settings(max_examples=40)
@given(st.integers(0, 2**40), st.sampled_from(["comp_train", "comp_val", "comp_test"]))
def test_held_out_pairs_are_absent_only_in_place_of_each_other(index, split):
    scene = sample_scene(0, index, split)
    references = References(scene)
    for number, thing in enumerate(scene.objects):
        words = references.absent(number, ("colour", "shape"))
        if words is not None:
            held_out = (thing.colour, thing.shape) in HELD_OUT_PAIRS
            assert (words in HELD_OUT_PAIRS) == held_out


@settings(max_examples=40)
@given(keys)
def test_places_fit_one_object_at_any_margin(key):
    scene = sample_scene(*key)
    references = References(scene)
    for anchor, start in enumerate(scene.objects):
        for place in references.places(anchor):
            for margin in (0.12, -0.12):
                there = [
                    thing
                    for thing in scene.objects
                    if thing is not start
                    and offset(place.relation, thing, start) >= margin
                    and fits(place.words, thing)
                ]
                assert there == [scene.objects[place.target]]
            everywhere = [thing for thing in scene.objects if fits(place.words, thing)]
            assert len(everywhere) > 1


def test_a_place_is_named_only_when_it_is_clear():
    references = row("red star", "blue ring", "green ring")
    placed = {(place.relation, place.words, place.target) for place in references.places(2)}
    # "The ring left of the green ring" is clear, "the shape left of" it is not: there are two.
    assert ("left of", ("ring",), 1) in placed
    assert ("left of", (), 1) not in placed
    assert ("left of", (), 0) in {place[:2] + place[3:] for place in references.places(1)}
    assert all(relation == "left of" for relation, _, _ in placed)


def test_a_relation_too_close_to_call_is_possible_but_not_sure():
    references = row("red star", "blue ring", x=(0.45, 0.5, 0.8), y=(0.2, 0.5, 0.5))
    assert references.clear("left of", 1) == (0, 1)
    assert references.clear("right of", 1) == (0, 1)
    assert references.clear("above", 1) == (1, 1)
    assert references.clear("below", 1) == (0, 0)


@settings(max_examples=40)
@given(keys)
def test_sure_relations_are_possible(key):
    references = References(sample_scene(*key))
    for relation in RELATIONS:
        for number in references.numbers:
            sure, possible = references.clear(relation, number)
            assert sure & possible == sure
            assert not possible >> number & 1


def test_a_drawn_size_may_be_missing():
    references = row("red star", "blue ring")
    drawn = [tuple(references.of_drawn_size([0, 1])) for _ in range(60)]
    assert set(drawn) == {(), (0, 1)}
    assert drawn.count(()) > drawn.count((0, 1))  # "large" is drawn twice as often


@pytest.mark.parametrize("words", [(), ("red",), ("small", "red", "star")])
def test_naming_finds_the_object(words):
    references = row("red star")
    assert naming(words)[-1] == ("unique",)
    assert references.facts.select(words) == Facts(references.facts.scene).everything
    assert naming(words)[1:-1] == ((("filter", *words),) if words else ())


def test_the_noun_of_questions_for_a_shape_is_thing():
    references = row("red star")
    assert {references.noun(without="shape") for _ in range(20)} == {"thing"}
    assert {references.noun() for _ in range(60)} == {"shape", "thing"}
