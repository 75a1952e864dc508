from collections import Counter
from dataclasses import replace

import pytest

from multimodal.worlds.scenes import run, sample_scene
from multimodal.worlds.scenes.question_relations import chain, relation, side
from multimodal.worlds.scenes.references import References

SCENE = sample_scene(4, 0, "train")


def ending(questions, kind, last):
    """The questions of a kind whose program ends with an operation."""
    return [one for one in questions if one.kind == kind and one.program[-1] == last]


def answers(questions):
    return Counter(question.answer for question in questions)


@pytest.mark.parametrize(
    ("kind", "last", "margin"),
    [
        *(("relation", ("holds", at), 0.1) for at in ("left of", "right of", "above", "below")),
        ("side", ("side", "across"), 0.05),
        ("side", ("side", "down"), 0.05),
        ("chain", ("exist",), 0.06),
    ],
)
def test_both_answers_are_equally_frequent(asked, kind, last, margin):
    counts = answers(ending(asked["train"], kind, last))
    assert len(counts) == 2
    assert counts.total() > 150
    assert max(counts.values()) / counts.total() < 0.5 + margin


@pytest.mark.parametrize("kind", ["relation", "chain"])
@pytest.mark.parametrize(("attribute", "most"), [("colour", 0.24), ("shape", 0.3), ("size", 0.67)])
def test_attributes_of_objects_named_by_a_relation_are_even(asked, kind, attribute, most):
    counts = answers(ending(asked["train"], kind, ("query", attribute)))
    assert counts.total() > 80
    assert max(counts.values()) < most * counts.total()


def test_numbers_of_related_objects_are_spread(asked):
    counts = answers(ending(asked["train"], "chain", ("count",)))
    assert set(counts) >= set("0123")
    assert max(counts.values()) < 0.4 * counts.total()


def test_answers_are_even_where_a_chain_names_no_attribute(asked):
    questions = ending(asked["train"], "chain", ("exist",))
    counts = answers(one for one in questions if one.program[-2][0] == "relate")
    assert counts.total() > 40
    assert 0.3 < counts["yes"] / counts.total() < 0.7


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


def test_no_chain_leads_back_to_its_first_object(asked):
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


def test_a_single_object_is_only_related_to_the_middle():
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


def test_no_relation_of_objects_at_the_same_position_is_asked():
    things = tuple(replace(SCENE.objects[0], x=0.5, y=0.5, shape=name) for name in ("star", "ring"))
    references = References(replace(SCENE, objects=things))
    assert all(draft(references) is None for draft in (relation, side) for _ in range(5))
