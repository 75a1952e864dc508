import json

import pytest

from multimodal.cli.printing import (
    Column,
    Complaints,
    JsonArray,
    JsonLines,
    Table,
    printable,
    shortened,
)


def test_columns_are_aligned_and_those_without_width_left_out(capsys):
    columns = [Column("name", 6), Column("hidden", 0), Column("score", 7, right=True)]
    table = Table([*columns, Column("text", 1)])
    table.row(["a", "x", "1.00", ["one", "two"]])
    assert capsys.readouterr().out == (
        "name      score  text\na          1.00  one\n                 two\n"
    )


def test_a_table_without_rows_is_empty(capsys):
    Table([Column("name", 6)])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_array_is_json_with_an_object_a_line(count, capsys):
    array = JsonArray()
    for number in range(count):
        array.row({"number": number, "share": 0.123456})
    array.end()
    out = capsys.readouterr().out
    assert json.loads(out) == [{"number": n, "share": 0.1235} for n in range(count)]
    assert out.count("\n") == (count + 2 if count else 1)


def test_lines_are_each_whole_and_numbers_that_json_has_not_are_null(capsys):
    lines = JsonLines()
    lines.row({"value": float("nan")})
    lines.row({"text": "café"})
    lines.end()
    assert capsys.readouterr().out == '{"value": null}\n{"text": "café"}\n'


def test_a_sentence_is_written_once_and_a_failure_remembered(capsys):
    complaints = Complaints()
    complaints.say("One.")
    assert not complaints.failed
    complaints.fail(ValueError("Two\x1b."))
    complaints.fail("Two\x1b.")
    complaints.say("One.")
    assert complaints.failed
    assert capsys.readouterr().err == "multimodal: One.\nmultimodal: Two\\x1b.\n"


@pytest.mark.parametrize(("width", "name"), [(9, "a/b/c.png"), (8, "...c.png"), (99, "a/b/c.png")])
def test_the_end_of_a_long_name_is_kept(width, name):
    assert shortened("a/b/c.png", width) == name


def test_control_characters_become_escapes():
    assert printable("a\x1b[2J\n") == r"a\x1b[2J\n"
