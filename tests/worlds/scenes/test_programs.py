from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.worlds.scenes import RELATIONS, SPLITS, SceneObject, offset, run, sample_scene
from multimodal.worlds.scenes.programs import OPERATIONS, Facts, execute

keys = st.tuples(st.integers(0, 3), st.integers(0, 2**40), st.sampled_from(SPLITS))


def thing(name, size, x, y):
    colour, shape = name.split()
    return SceneObject(shape, colour, size, "solid", x, y, 0.1, 0.0, (1, 2, 3))


# A small red star at the top left, a large red ring right of it and lower, a small blue ring below.
SCENE = replace(
    sample_scene(0, 0, "train"),
    objects=(
        thing("red star", "small", 0.25, 0.25),
        thing("red ring", "large", 0.75, 0.375),
        thing("blue ring", "small", 0.25, 0.75),
    ),
)


def program(text):
    """Read a program written in one line: operations apart by ";", a relation's words by "_"."""
    return tuple(
        tuple(word.replace("_", " ") for word in operation.split()) for operation in text.split(";")
    )


STAR = "scene; filter red star; unique"
BLUE = "scene; filter blue; unique"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("scene; count", "3"),
        ("scene; filter ring; count", "2"),
        ("scene; filter green; count", "0"),
        ("scene; filter large star; exist", "no"),
        ("scene; filter small ring; exist", "yes"),
        (f"{STAR}; query size", "small"),
        (f"{BLUE}; query shape", "ring"),
        ("scene; filter star; unique; query colour", "red"),
        (f"{STAR}; relate right_of; unique; query colour", "red"),
        (f"{STAR}; relate below; count", "2"),
        (f"{BLUE}; relate above; filter red; count", "2"),
        (f"{BLUE}; relate above; filter ring; unique; relate left_of; count", "2"),
        (f"{STAR}; relate above; exist", "no"),
        (f"{STAR}; {BLUE}; same size", "yes"),
        (f"{STAR}; {BLUE}; same colour", "no"),
        (f"{STAR}; {BLUE}; holds above", "yes"),
        (f"{STAR}; {BLUE}; holds below", "no"),
        (f"{STAR}; {BLUE}; holds left_of", "no"),
        (f"{STAR}; {BLUE}; side down", "above"),
        (f"{BLUE}; {STAR}; side down", "below"),
        ("scene; filter large; unique; middle; side across", "right"),
        (f"{STAR}; middle; side across", "left"),
        ("scene; filter red; count; scene; filter blue; count; more", "yes"),
        ("scene; filter red; count; scene; filter blue; count; fewer", "no"),
        ("scene; filter red; count; scene; filter ring; count; equal", "yes"),
        ("scene; filter blue; count; scene; filter ring; count; fewer", "yes"),
    ],
)
def test_programs_are_answered_from_the_graph(text, answer):
    assert run(program(text), SCENE) == answer
    assert execute(program(text), Facts(SCENE)) == answer


def test_a_negative_margin_relates_more_objects():
    # The blue ring lies as far left as the star.
    text = program(f"{STAR}; relate left_of; count")
    assert run(text, SCENE) == "0"
    assert run(text, SCENE, margin=-0.12) == "1"


@given(keys)
def test_facts_agree_with_the_graph(key):
    scene = sample_scene(*key)
    facts = Facts(scene)

    def members(objects):
        return tuple(thing for at, thing in enumerate(scene.objects) if objects >> at & 1)

    assert members(facts.everything) == scene.objects
    first = scene.objects[0]
    assert members(facts.select((first.size, first.shape))) == scene.select(
        size=first.size, shape=first.shape
    )
    for relation in RELATIONS:
        for at, anchor in enumerate(scene.objects):
            assert members(facts.related[relation][at]) == tuple(
                other
                for other in scene.objects
                if other is not anchor and offset(relation, other, anchor) >= 0.12
            )


@pytest.mark.parametrize("found", ["ring", "green"])
def test_unique_needs_exactly_one_object(found):
    number = {"ring": 2, "green": 0}[found]
    with pytest.raises(ValueError, match=f"exactly one object, found {number}"):
        run(program(f"scene; filter {found}; unique; query size"), SCENE)


def test_a_side_that_is_too_close_to_call_is_not_answered():
    with pytest.raises(ValueError, match="too close to call across"):
        run(program(f"{STAR}; {BLUE}; side across"), SCENE)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("scene; find red; count", 2),
        ("count", 1),
        ("scene; exist; count", 2),
        (f"{STAR}; query texture", 4),
        (f"{STAR}; relate near; count", 4),
        (f"{STAR}; same colour", 4),
        (f"{STAR}; middle; side up", 5),
        ("scene; count; more", 3),
        (f"{STAR}", 3),
        ("scene; relate; count", 2),
    ],
)
def test_an_operation_that_cannot_run_is_named(text, position):
    number = len(program(text))
    with pytest.raises(ValueError, match=f"Operation {position} of {number}, .*does not work here"):
        run(program(text), SCENE)


@pytest.mark.parametrize("text", ["scene; scene; count", f"{STAR}; scene; exist"])
def test_every_branch_must_be_used(text):
    with pytest.raises(ValueError, match=r"must end with one answer, got '.*' with 1 values left"):
        run(program(text), SCENE)


def test_a_program_needs_an_answer():
    with pytest.raises(ValueError, match="must end with one answer, got ''"):
        run((), SCENE)


def test_all_operations_are_listed():
    assert len(set(OPERATIONS)) == len(OPERATIONS) == 14
