from collections import Counter
from dataclasses import replace

import pytest

from multimodal.worlds.scenes import HELD_OUT_PAIRS, run, sample_scene
from multimodal.worlds.scenes.question_attributes import (
    compare_attributes,
    compare_counts,
    count,
    exist,
    query,
)
from multimodal.worlds.scenes.references import References


def of_kind(questions, kind, last=None):
    """The questions of a kind, those that end with an operation where one is given."""
    return [
        question
        for question in questions
        if question.kind == kind and last in (None, question.program[-1])
    ]


def answers(questions):
    return Counter(question.answer for question in questions)


@pytest.mark.parametrize(
    ("kind", "last", "least", "margin"),
    [
        *((kind, None, 900, 0.05) for kind in ("exist", "compare_counts", "compare_attributes")),
        *(("compare_counts", (sign,), 200, 0.08) for sign in ("more", "fewer", "equal")),
        *(("compare_attributes", ("same", one), 250, 0.08) for one in ("colour", "shape", "size")),
    ],
)
def test_yes_and_no_are_equally_frequent(asked, kind, last, least, margin):
    counts = answers(of_kind(asked["train"], kind, last))
    assert set(counts) == {"yes", "no"}
    assert counts.total() > least
    assert abs(counts["yes"] / counts.total() - 0.5) < margin


def test_no_number_is_the_answer_to_more_than_36_in_100_counts(asked):
    counts = answers(of_kind(asked["train"], "count"))
    assert set(counts) == set("012345")
    assert max(counts.values()) < 0.36 * counts.total()


@pytest.mark.parametrize(("attribute", "most"), [("colour", 0.16), ("shape", 0.21), ("size", 0.55)])
def test_attributes_are_even_and_not_in_the_question(asked, attribute, most):
    questions = of_kind(asked["train"], attribute)
    counts = answers(questions)
    assert max(counts.values()) < most * counts.total()
    assert all(question.answer not in question.program[1] for question in questions)


def test_compared_attributes_are_not_in_the_question(asked):
    values = {
        attribute: {getattr(thing, attribute) for at in range(99) for thing in scene(at).objects}
        for attribute in ("colour", "shape", "size")
    }
    for question in of_kind(asked["train"], "compare_attributes"):
        *naming, (_, attribute) = question.program
        assert not values[attribute] & {word for step in naming for word in step[1:]}


def scene(index):
    return sample_scene(2, index, "train")


@pytest.mark.parametrize("kind", ["exist", "count"])
def test_questions_about_compositional_training_never_name_a_held_out_pair(asked, kind):
    for question in of_kind(asked["comp_train"], kind):
        assert question.program[1][-2:] not in HELD_OUT_PAIRS


def test_held_out_pairs_in_the_test_are_present_as_often_as_absent(asked):
    questions = of_kind(asked["comp_test"], "exist")
    counts = answers(one for one in questions if one.program[1][-2:] in HELD_OUT_PAIRS)
    assert counts.total() > 80
    assert 0.4 < counts["yes"] / counts.total() < 0.6


@pytest.mark.parametrize("draft", [exist, count, compare_counts, compare_attributes])
def test_drafts_are_programs_that_run(draft):
    for index in range(12):
        made = draft(References(scene(index)))
        assert made is None or run(made.program, scene(index)) in {"yes", "no", *"012345"}


def test_equal_objects_have_no_name_to_ask_by():
    twin = scene(0).objects[0]
    references = References(replace(scene(0), objects=(twin, replace(twin, x=0.8, y=0.8))))
    assert all(query(references, "colour") is None for _ in range(5))
    assert all(compare_attributes(references) is None for _ in range(5))
    assert any(exist(references) for _ in range(5))
