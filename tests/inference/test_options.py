from dataclasses import fields
from math import inf, nan

import pytest

from multimodal.inference.options import Options, Range, read_options
from multimodal.tasks import TASKS


def options_of(task):
    return TASKS[task].load("options")


@pytest.mark.parametrize("number", [0, 0.5, 1])
def test_a_range_holds_its_ends(number):
    assert number in Range(0, 1)


@pytest.mark.parametrize("number", [-0.1, 1.1, nan, inf, "1", None])
def test_a_range_holds_nothing_else(number):
    assert number not in Range(0, 1)


def test_a_range_may_leave_out_its_lower_end():
    assert 0 not in Range(0, 1, above=True)
    assert 0.001 in Range(0, 1, above=True)


@pytest.mark.parametrize("task", TASKS)
def test_the_defaults_of_every_task_are_in_range(task):
    assert options_of(task)().batch_size == 32


@pytest.mark.parametrize("task", TASKS)
def test_every_number_out_of_range_is_refused(task):
    kind = options_of(task)
    for each in fields(kind):
        if within := each.metadata.get("within"):
            wrong = type(1 if each.default is None else each.default)(within.least - 1)
            with pytest.raises(ValueError, match=f"^`{each.name}` must be .*, got {wrong}"):
                kind(**{each.name: wrong})


@pytest.mark.parametrize("task", TASKS)
def test_every_keyword_of_a_task_has_its_help(task):
    kind = options_of(task)
    for each in fields(kind):
        assert f"{each.name}: " in kind.__doc__


def test_what_is_no_number_is_refused():
    options = Options()
    object.__setattr__(options, "batch_size", "many")
    with pytest.raises(TypeError, match="`batch_size` must be a number, got str"):
        options.__post_init__()


def test_an_unknown_keyword_is_refused_and_the_closest_one_named():
    with pytest.raises(TypeError, match=r"Unknown option `beam_sise`\. Did you mean `beam_size`\?"):
        read_options(options_of("captioning"), {"beam_sise": 2})
    with pytest.raises(TypeError, match=r"`colour`\. The options are batch_size, top\."):
        read_options(options_of("vqa"), {"colour": 2})
