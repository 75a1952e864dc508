import contextlib
import gc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.readers.text_files import (
    closest,
    field,
    identifier,
    parse_json,
    read_json,
    read_lines,
    read_text,
)


def write(folder: Path, data: bytes, name: str = "captions.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_byte_order_mark_is_dropped(tmp_path):
    assert read_text(write(tmp_path, b"\xef\xbb\xbfimage")) == "image"


def test_text_of_any_language_is_read(tmp_path):
    text = "Ein Hund läuft .\n一只狗\nكلب\n🐶\n"
    assert read_text(write(tmp_path, text.encode())) == text


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_lose_their_ends_and_keep_their_numbers(tmp_path, end):
    assert read_lines(write(tmp_path, end.join([b"a", b"", b"b", b""]))) == ["a", "", "b"]


def test_rare_separators_do_not_end_a_line(tmp_path):
    line = "a\x0bb\x85c\u2028d\u2029e\x1cf"
    assert read_lines(write(tmp_path, line.encode())) == [line]


def test_an_empty_file_has_no_lines(tmp_path):
    assert read_lines(write(tmp_path, b"")) == []


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path):
    path = write(tmp_path, b"a\nb\nna\xefve\n")
    with pytest.raises(ValueError, match=r"captions\.txt:3 is not UTF-8 \(byte 0xef\); save"):
        read_text(path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_recognised(tmp_path, encoding):
    path = write(tmp_path, "\ufeffimage".encode(encoding))
    with pytest.raises(ValueError, match=r"captions\.txt is UTF-16 text; save it as UTF-8"):
        read_text(path)


def test_a_nul_byte_is_named_by_line(tmp_path):
    with pytest.raises(ValueError, match=r"captions\.txt:2 has a NUL byte"):
        read_text(write(tmp_path, b"a\nb\0c\n"))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No file .*none\.txt"):
        read_text(tmp_path / "none.txt")
    with pytest.raises(FileNotFoundError, match="No file"):
        read_text(tmp_path)


def test_malformed_json_is_named_by_line_and_column(tmp_path):
    path = write(tmp_path, b'{"images": [\n  {"id": 1,}\n]}', "captions.json")
    with pytest.raises(ValueError, match=r"captions\.json:2:\d+ is not valid JSON: "):
        read_json(path)


def test_json_cut_short_is_named(tmp_path):
    path = write(tmp_path, b'{"images": [{"id": 1}', "captions.json")
    with pytest.raises(ValueError, match=r"captions\.json:1:22 is not valid JSON: Expecting ','"):
        read_json(path)


@pytest.mark.parametrize("text", ["", " \n\n", "\ufeff"])
def test_an_empty_file_is_no_json(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.json is empty; it should hold JSON"):
        read_json(path)


@pytest.mark.parametrize("text", ["[1]", "[1"])
def test_the_garbage_collector_runs_again_after_json(text):
    assert gc.isenabled()
    with contextlib.suppress(ValueError):
        parse_json(text, Path("a.json"))
    assert gc.isenabled()


def test_a_hook_replaces_objects_innermost_first(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": {"b": 1}, "c": [{"b": 2}]}')
    assert read_json(path, hook=lambda record: record.get("b", record)) == {"a": 1, "c": [2]}


@pytest.mark.parametrize("value", [7, "n7"])
def test_an_id_is_a_number_or_a_text(value):
    assert identifier({"id": value}, "id", "a.json: images[3]") == value


@pytest.mark.parametrize("value", [None, True, 1.5, [1]])
def test_nothing_else_is_an_id(value):
    with pytest.raises(ValueError, match=r"images\[3\]: 'id' must be a number or a text, got"):
        identifier({"id": value}, "id", "a.json: images[3]")


def test_json_nested_too_deep_is_refused(tmp_path):
    path = write(tmp_path, b"[" * 200_000, "captions.json")
    with pytest.raises(ValueError, match=r"captions\.json:1 is not usable JSON"):
        read_json(path)


def test_a_number_of_too_many_digits_is_refused(tmp_path):
    path = write(tmp_path, b"[" + b"1" * 5000 + b"]", "captions.json")
    with pytest.raises(ValueError, match=r"captions\.json:1 is not usable JSON"):
        read_json(path)


def test_json_is_counted_from_its_line_in_the_file():
    with pytest.raises(ValueError, match=r"a\.jsonl:7:1 is not valid JSON"):
        parse_json("nonsense", Path("a.jsonl"), 7)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff")))
def test_any_text_is_read_unchanged(tmp_path_factory, text):
    path = write(tmp_path_factory.mktemp("text"), text.encode())
    assert read_text(path) == text
    assert "\n".join(read_lines(path)).rstrip("\n") == text.rstrip("\n")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([1], r"x: images\[0\] must be an object \{\.\.\.\}, got a list"),
        (None, "must be an object .*, got null"),
        ({"file": "a"}, r"x: images\[0\] has no 'file_name'; did you mean 'file'\?"),
        ({"zzz": "a", "q": 1}, "has no 'file_name'; there is 'zzz', 'q'"),
        ({}, "has no 'file_name'; there is none"),
        ({"file_name": 7}, "'file_name' must be a text, got 7"),
        ({"file_name": None}, "'file_name' must be a text, got null"),
    ],
)
def test_a_wrong_record_is_named(record, message):
    with pytest.raises(ValueError, match=message):
        field(record, "file_name", str, "x: images[0]")


def test_a_list_is_asked_for_by_that_word():
    with pytest.raises(ValueError, match="x: 'images' must be a list, got a text"):
        field({"images": "a"}, "images", list, "x")


def test_a_right_field_is_returned():
    assert field({"id": 3}, "id", object, "x") == 3


def test_only_a_few_names_are_offered():
    assert closest("q", [f"name{n}" for n in range(100)]).count("name") == 8
