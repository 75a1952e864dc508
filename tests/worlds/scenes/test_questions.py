import json
import re
import runpy
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.metrics.answers import normalize_answer
from multimodal.text import tokenize
from multimodal.worlds.scenes import (
    ANSWERS,
    COLOURS,
    KINDS,
    MAX_QUESTIONS,
    SHAPES,
    SPLITS,
    ask,
    run,
    sample_scene,
)

GOLDEN = Path(__file__).parents[2] / "golden"

QUERIED = ("colour", "shape", "size")

keys = st.tuples(st.integers(0, 3), st.integers(0, 2**40), st.sampled_from(SPLITS))


# A second way to the answers: parse the words, and examine every object.

NOUNS = {"shape": None, "thing": None, **{shape: shape for shape in SHAPES}}
NOUNS |= {f"{noun}s": shape for noun, shape in NOUNS.items()} | {"crosses": "cross"}
NOUN = "|".join(NOUNS)
PHRASE = re.compile(
    rf"(?:(?:the|an?|any) )?(?:(?P<size>small|large) )?(?:(?P<colour>{'|'.join(COLOURS)}) )?"
    rf"(?P<noun>{NOUN})"
    r"(?: (?P<where>(?:to the )?(?:left|right) of|above|below) (?P<start>.+))?"
)
FORMS = (
    (
        r"(?:are there|does the picture show) (more|fewer|as many) (.+) (?:than|as) (.+)",
        lambda see, sign, first, second: compared(sign, see(first), see(second)),
    ),
    (
        r"is the number of (.+) (greater|smaller|the same) (?:than|as) the number of (.+)",
        lambda see, first, sign, second: compared(sign, see(first), see(second)),
    ),
    (
        rf"\w+ (the (?:\w+ )*(?:{NOUN})) (?:have )?the same (\w+) as (.+)",
        lambda see, first, what, second: same(see(first), see(second), what),
    ),
    (
        rf"(?:are|do) (the (?:\w+ )*(?:{NOUN})) and (.+?) (?:have )?the same (\w+)",
        lambda see, first, second, what: same(see(first), see(second), what),
    ),
    (
        r"is (.+) (?:small or large|large or small)",
        lambda see, thing: one(see(thing)).size,
    ),
    (
        r"\w+ (.+?)(?: lie)?(?: to the)? (?:left or(?: to the)? right|right or left) of (.+)",
        lambda see, first, second: side(one(see(first)), one(see(second)), "left", "right"),
    ),
    (
        r"\w+ (.+?)(?: lie)? (?:above or below|below or above) (.+)",
        lambda see, first, second: side(one(see(first)), one(see(second)), "above", "below"),
    ),
    (
        r"(?:what|which) (colour|shape|size) (?:is|does) (.+?)(?: have)?",
        lambda see, what, thing: getattr(one(see(thing)), what),
    ),
    (
        r"what is the (colour|shape|size) of (.+)",
        lambda see, what, thing: getattr(one(see(thing)), what),
    ),
    (r"what is the number of (.+)", lambda see, things: str(len(see(things)))),
    (
        r"how many (.+?) (?:are there|can you see|does the picture show|are)( .+)?",
        lambda see, things, there: str(len(see(things + (there or "")))),
    ),
    (
        r"(?:is there|are there|can you see|does the picture show) (.+?)(?: in the picture)?",
        lambda see, things: yes_no(see(things)),
    ),
    (
        rf"(?:is it true that )?(?:is |does )?(the (?:\w+ )*?(?:{NOUN}))(?: is| lie)? "
        r"((?:to the )?(?:left|right) of|above|below) (.+)",
        # The first has the relation if it is one of the objects that have it.
        lambda see, first, where, second: yes_no(one(see(first)) in see(f"thing {where} {second}")),
    ),
)


def reading(text, things, margin):
    """Answer a question by its words alone."""
    found = ((re.fullmatch(pattern, text), answer) for pattern, answer in FORMS)
    match, answer = next((match, answer) for match, answer in found if match)
    return answer(lambda phrase: find(phrase, things, margin), *match.groups())


def find(phrase, things, margin):
    """List what a phrase can mean; the middle is a pair of numbers."""
    if phrase.startswith("the middle"):
        return [(0.5, 0.5)]
    read = PHRASE.fullmatch(phrase)
    wanted = {read["size"], read["colour"], NOUNS[read["noun"]]} - {None}
    found = [thing for thing in things if wanted <= {thing.size, thing.colour, thing.shape}]
    if not read["where"]:
        return found
    start = one(find(read["start"], things, margin))
    where = read["where"].removeprefix("to the ").removesuffix(" of")
    others = [thing for thing in found if thing is not start]
    return [thing for thing in others if distance(thing, where, start) >= margin]


def distance(first, where, second):
    (x, y), (to_x, to_y) = (
        thing if isinstance(thing, tuple) else (thing.x, thing.y) for thing in (first, second)
    )
    return {"left": to_x - x, "right": x - to_x, "above": to_y - y, "below": y - to_y}[where]


def one(found):
    (thing,) = found
    return thing


def yes_no(truth):
    return "yes" if truth else "no"


def compared(sign, first, second):
    order = {"more": 1, "greater": 1, "fewer": -1, "smaller": -1}.get(sign, 0)
    return yes_no((len(first) > len(second)) - (len(first) < len(second)) == order)


def same(first, second, what):
    return yes_no(getattr(one(first), what) == getattr(one(second), what))


def side(first, second, *sides):
    return one([side for side in sides if distance(first, side, second) >= 0.12])


@pytest.mark.parametrize("split", ["train", "comp_test"])
def test_the_words_alone_give_the_answer_wherever_relations_begin(asked, split):
    for index in range(200):
        things = sample_scene(1, index, split).objects
        for question in asked[split][10 * index : 10 * index + 10]:
            for margin in (0.12, 0.04, 0.0, -0.12):
                assert reading(question.text, things, margin) == question.answer, question.text


@given(keys)
@settings(max_examples=25)
def test_program_and_words_give_the_answer(key):
    scene = sample_scene(*key)
    for question in ask(scene):
        assert run(question.program, scene) == question.answer
        assert reading(question.text, scene.objects, 0.12) == question.answer, question.text


@pytest.mark.parametrize("split", SPLITS)
def test_the_wanted_number_is_asked_and_none_twice(split):
    questions = ask(sample_scene(3, 0, split), MAX_QUESTIONS)
    assert len(questions) == MAX_QUESTIONS
    assert len({question.program for question in questions}) == MAX_QUESTIONS
    assert len({question.text for question in questions}) == MAX_QUESTIONS


@given(keys, st.integers(1, 9))
@settings(max_examples=20)
def test_a_smaller_number_gives_the_first_of_a_larger_one(key, number):
    assert ask(sample_scene(*key), number) == ask(sample_scene(*key))[:number]


def test_questions_are_plain_lower_case_words(asked):
    for question in asked["train"][:2000]:
        words = question.text.split(" ")
        assert tokenize(question.text) == words
        assert 4 <= len(words) <= 25


def test_questions_equal_the_stored_ones():
    stored = json.loads((GOLDEN / "questions.json").read_text(encoding="utf-8"))
    measured = runpy.run_path(str(GOLDEN / "questions_make.py"))["measure"]()
    assert json.loads(json.dumps(measured)) == stored


def test_another_process_asks_the_same(asked):
    here = [
        question for index in range(20) for question in ask(sample_scene(1, index, "comp_test"))
    ]
    assert asked["comp_test"][:200] == here


def test_all_kinds_are_about_equally_frequent(asked):
    kinds = Counter(question.kind for question in asked["train"])
    assert set(kinds) == set(KINDS)
    assert all(0.08 < number / kinds.total() < 0.12 for number in kinds.values())


@pytest.mark.parametrize("split", ["train", "comp_train", "comp_test"])
def test_every_kind_and_every_answer_occurs_in_every_split(asked, split):
    assert {question.kind for question in asked[split]} == set(KINDS)
    assert {question.answer for question in asked[split]} == set(ANSWERS)
    assert len(set(ANSWERS)) == len(ANSWERS) == 28


def test_answers_are_in_the_form_that_the_official_accuracy_compares():
    assert [normalize_answer(answer) for answer in ANSWERS] == list(ANSWERS)


def form(text):
    """Reduce a question to its form: every description becomes one word."""
    words = "|".join((*COLOURS, "small", "large"))
    return re.sub(rf"(?:\ban? )?(?:\b(?:{words}) )*\b(?:{NOUN})\b", "_", text)


@pytest.mark.parametrize("split", ["train", "comp_train"])
def test_the_most_frequent_answer_to_each_form_is_seldom_right(asked, split):
    learned = defaultdict(Counter)
    for question in asked[split][::2]:
        learned[form(question.text)][question.answer] += 1
    right = [
        learned[form(question.text)].most_common(1)[0][0] == question.answer
        for question in asked[split][1::2]
        if form(question.text) in learned
    ]
    assert len(right) > 0.45 * len(asked[split])
    assert sum(right) / len(right) < 0.42


def test_scenes_of_few_objects_get_the_kinds_that_they_allow():
    scene = sample_scene(0, 0, "train")
    lone = replace(scene, objects=scene.objects[:1])
    twins = replace(lone, objects=(lone.objects[0], replace(lone.objects[0], x=0.9)))
    always = {"exist", "count", "compare_counts"}
    assert {question.kind for question in ask(lone, 20)} <= {*always, "side", *QUERIED}
    assert {question.kind for question in ask(twins, 20)} == always


@pytest.mark.parametrize("number", [0, -1, 51])
def test_the_number_of_questions_is_limited(number):
    with pytest.raises(ValueError, match=f"`number` must be 1 to 50, got {number}"):
        ask(sample_scene(0, 0, "train"), number)
