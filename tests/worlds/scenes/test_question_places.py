from collections import Counter
from dataclasses import replace

import pytest

from multimodal.worlds.scenes import run, sample_scene
from multimodal.worlds.scenes.question_places import chain, relation, side
from multimodal.worlds.scenes.references import References

SCENE = sample_scene(4, 0, "train")


def ending(questions, kind, last):
    """The questions of a kind whose program ends with an operation."""
    return [one for one in questions if one.kind == kind and one.program[-1] == last]


def answers(questions):
    return Counter(question.answer for question in questions)


@pytest.mark.parametrize("where", ["left of", "right of", "above", "below"])
def test_every_relation_is_even(asked, where):
    found = answers(ending(asked["train"], "relation", ("holds", where)))
    assert found.total() > 150
    assert 0.4 < found["yes"] / found.total() < 0.6


@pytest.mark.parametrize(("axis", "first"), [("across", "left"), ("down", "above")])
def test_both_sides_are_even(asked, axis, first):
    found = answers(ending(asked["train"], "side", ("side", axis)))
    assert len(found) == 2
    assert 0.45 < found[first] / found.total() < 0.55


@pytest.mark.parametrize("kind", ["relation", "chain"])
@pytest.mark.parametrize(("attribute", "most"), [("colour", 0.24), ("shape", 0.3), ("size", 0.67)])
def test_what_lies_somewhere_is_even(asked, kind, attribute, most):
    found = answers(ending(asked["train"], kind, ("query", attribute)))
    assert found.total() > 80
    assert max(found.values()) < most * found.total()


def test_whether_something_lies_there_is_even(asked):
    found = answers(ending(asked["train"], "chain", ("exist",)))
    assert 0.44 < found["yes"] / found.total() < 0.56


def test_numbers_of_things_that_lie_there_are_spread(asked):
    found = answers(ending(asked["train"], "chain", ("count",)))
    assert set(found) >= set("0123")
    assert max(found.values()) < 0.4 * found.total()


def test_an_empty_place_does_not_tell_the_answer(asked):
    # "Is there a thing left of ...", where no attribute narrows what is asked for.
    questions = ending(asked["train"], "chain", ("exist",))
    found = answers(one for one in questions if one.program[-2][0] == "relate")
    assert found.total() > 40
    assert 0.3 < found["yes"] / found.total() < 0.7


def test_chains_have_two_relations_and_relations_at_most_one(asked):
    steps = {
        kind: {
            [step[0] for step in question.program].count("relate")
            for question in asked["train"]
            if question.kind == kind
        }
        for kind in ("chain", "relation")
    }
    assert steps == {"chain": {2}, "relation": {0, 1}}


def test_no_chain_leads_back_to_where_it_starts(asked):
    chained = [
        (at // 10, question.program)
        for at, question in enumerate(asked["train"][:2000])
        if question.kind == "chain" and question.program[-1][0] == "query"
    ]
    for index, program in chained[:40]:
        scene = sample_scene(1, index, "train")
        start = program[: program.index(("unique",)) + 1]
        # The start has a name of its own: no other object is the same in all attributes.
        ends = [
            tuple(run((*way, ("query", what)), scene) for what in ("colour", "shape", "size"))
            for way in (start, program[:-1])
        ]
        assert ends[0] != ends[1]


def test_a_lone_object_lies_somewhere_of_the_middle_only():
    lone = References(replace(SCENE, objects=(replace(SCENE.objects[0], x=0.8, y=0.5),)))
    assert relation(lone) is None
    assert chain(lone) is None
    for _ in range(5):
        draft = side(lone)
        assert draft is not None
        assert run(draft.program, lone.facts.scene) == "right"
    middle = References(replace(SCENE, objects=(replace(SCENE.objects[0], x=0.55, y=0.45),)))
    assert side(middle) is None


@pytest.mark.parametrize("draft", [relation, side, chain])
def test_objects_without_names_are_not_asked_about(draft):
    twin = replace(SCENE.objects[0], y=0.2)
    twins = replace(SCENE, objects=tuple(replace(twin, x=x) for x in (0.2, 0.5, 0.8)))
    references = References(twins)
    assert all(draft(references) is None for _ in range(5))


def test_nothing_is_asked_about_objects_in_one_place():
    things = tuple(replace(SCENE.objects[0], x=0.5, y=0.5, shape=name) for name in ("star", "ring"))
    references = References(replace(SCENE, objects=things))
    assert all(draft(references) is None for draft in (relation, side) for _ in range(5))
