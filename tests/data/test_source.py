"""One reader function and its options: what is accepted, what is refused and how."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from multimodal.data.examples import CaptionExample, TextExample
from multimodal.data.source import check_value, open_source

OWN = """
from multimodal.data.examples import TextExample

def read_birds(root, split, *, upper: bool = False, seed: int):
    text = f"{root} {split} {seed}"
    return [TextExample(text.upper() if upper else text, "good", "1")]

def read_nothing(root, split):
    return ["a bird"]

class Birds:
    pass
"""


def read_lines(root: Path, split: str, *, upper: bool = False, seed: int) -> list[TextExample]:
    return [TextExample(f"{root} {split} {upper} {seed}", "good", "1")]


def source(name="lines", **changes):
    readers = {"lines": read_lines, "table": read_lines}
    return open_source(readers, TextExample, format=name, shared={"seed": 3, "more": 1}, **changes)


@pytest.fixture
def birds(tmp_path, monkeypatch):
    (tmp_path / "birds.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "birds", raising=False)


def test_a_reader_gets_root_split_options_and_the_shared_keywords_that_it_has():
    assert source(root="here", options={"upper": True}).read("val")[0].text == "here val True 3"


@pytest.mark.usefixtures("birds")
def test_a_reader_of_ones_own_is_named_by_its_import_path():
    mine = source("birds.read_birds", root="here", options={"upper": True})
    assert mine.read("train")[0].text == "HERE TRAIN 3"
    assert mine.with_shared(seed=4, more=2).read("test")[0].text == "HERE TEST 4"


@pytest.mark.usefixtures("birds")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("birds.read_bird", r"but birds has no 'read_bird'"),
        ("birds.Birds", r"which is not a function; write one that takes a root and a split"),
        ("no_birds.read", r"cannot be imported: No module named 'no_birds'\. If it lies in this f"),
    ],
)
def test_an_import_path_without_a_reader_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        source(name)


@pytest.mark.usefixtures("birds")
def test_examples_of_another_type_are_refused():
    with pytest.raises(TypeError, match="read_nothing must return a list of TextExample, got str"):
        source("birds.read_nothing").read("train")
    with pytest.raises(TypeError, match="must return a list of CaptionExample, got TextExample"):
        open_source(
            {"x": read_lines}, CaptionExample, format="x", root="a", shared={"seed": 0}
        ).read("train")


def test_an_unknown_format_gets_the_closest_one():
    with pytest.raises(
        ValueError, match=r"`format` must be one of lines, table, or .* got 'tabel'\. Did you mea"
    ):
        source("tabel")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"uper": True}, r"`options` of the format lines has no 'uper'\. Did you mean 'upper'\?"),
        ({"zzz": True}, r"`options` of the format lines has no 'zzz'\. It takes upper\."),
        ({"seed": 4}, r"cannot hold 'seed': it follows from the other settings of the data"),
        ({"upper": "loud"}, r"`options\.upper` must be true or false, got 'loud'"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_read(options, message):
    with pytest.raises(ValueError, match=message):
        source(options=options)


def test_an_option_that_a_reader_needs_is_asked_for():
    def read(root: Path, split: str, *, key: str) -> list[TextExample]:
        return []

    with pytest.raises(ValueError, match="The format x needs 'key' in `options`"):
        open_source({"x": read}, TextExample, format="x")


@dataclass(frozen=True)
class Columns:
    image: str = "image"


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (3, float, 3.0),
        ({"image": "photo"}, Columns, Columns("photo")),
        ({"image": "photo"}, Columns | None, Columns("photo")),
        (None, Columns | None, None),
        (Columns("photo"), Columns, Columns("photo")),
        (["a"], list[str], ["a"]),
        ("7", int | str, "7"),
        (object, type, object),
    ],
)
def test_values_are_taken_as_the_reader_wants_them(value, kind, expected):
    assert check_value(value, kind, "options.it") == expected


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (True, int, "`it` must be a whole number, got True"),
        ("a", list[str], "`it` must be a list, got 'a'"),
        ([1], list[str], "`it` must be a text, got 1"),
        ("x", Literal["a", "b"], "`it` must be one of a, b, got 'x'"),
        ("photo", Columns, "`it` must be a mapping of Columns, got 'photo'"),
        ({"imgae": "photo"}, Columns, r"`it` has no 'imgae'\. Did you mean 'image'\?"),
        ({"image": 3}, Columns | None, r"`it\.image` must be a text, got 3"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_key(value, kind, message):
    with pytest.raises(ValueError, match=message):
        check_value(value, kind, "it")
