import io
import sys

import pytest

from multimodal.cli.text_sources import Line, TextSources


@pytest.fixture
def typed(monkeypatch):
    def give(content, *, by_hand=False):
        stdin = io.TextIOWrapper(io.BytesIO(content), "utf-8")
        monkeypatch.setattr(stdin, "isatty", lambda: by_hand, raising=False)
        monkeypatch.setattr(sys, "stdin", stdin)

    return give


def lines(sources):
    return [(text, sources.next_line()) for text in sources.texts()]


def test_texts_in_quotes_have_no_place():
    assert lines(TextSources(["one", "two"])) == [("one", Line("one")), ("two", Line("two"))]
    assert Line("one").place == ""


def test_lines_are_numbered_and_empty_ones_passed_over(tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\n \t\n two \nthree")
    found = [line for _, line in lines(TextSources([], [path]))]
    assert [(line.text, line.number) for line in found] == [("one", 1), ("two", 4), ("three", 5)]
    assert found[1].place == f"{path}, line 4"


def test_standard_input_stands_where_its_dash_does(typed, tmp_path):
    (tmp_path / "last.txt").write_text("last\n")
    typed("zwei\ndreißig\n".encode())
    sources = TextSources(["one", "-", "four"], [tmp_path / "last.txt"])
    found = [line for _, line in lines(sources)]
    assert [line.text for line in found] == ["one", "zwei", "dreißig", "four", "last"]
    assert found[2].place == "standard input, line 2"


def test_a_line_that_is_not_utf8_keeps_its_place_and_stops_nothing(tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes(b"one\nsch\xf6n\ntwo\n")
    (_, first), (text, bad), (_, last) = lines(TextSources([], [path]))
    assert (first.problem, last.problem) == (None, None)
    assert text == bad.text == ""
    assert bad.place == f"{path}, line 2"
    assert str(bad.problem) == "This is not text in UTF-8. Save the texts so."


def test_lines_are_read_as_they_are_wanted(monkeypatch):
    def endless():
        yield b"one\n"
        raise AssertionError("nobody asked for more")

    monkeypatch.setattr(sys, "stdin", type("Pipe", (), {"isatty": bool, "buffer": endless()}))
    assert next(TextSources(["-"]).texts()) == "one"


def test_names_of_files_never_steer_the_terminal(tmp_path):
    path = tmp_path / "a\x1b[2J.txt"
    path.write_text("one")
    ((_, line),) = lines(TextSources([], [path]))
    assert line.file.endswith(r"a\x1b[2J.txt")


@pytest.mark.parametrize(("by_hand", "given"), [(True, ["-"]), (False, ["-"]), (True, ["one"])])
def test_only_what_is_typed_is_typed(by_hand, given, typed):
    typed(b"one\n", by_hand=by_hand)
    assert TextSources(given).is_typed == (by_hand and given == ["-"])


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_standard_input_without_a_text_is_named(content, typed):
    typed(content)
    with pytest.raises(ValueError, match=r"^Standard input holds no text\. Write some there"):
        lines(TextSources(["-"]))


def test_a_file_without_a_text_is_named(tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"empty\.txt holds no text\. Write some there, one a"):
        lines(TextSources([], [tmp_path / "empty.txt"]))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^No file .*nowhere\.txt\. Check the path\."):
        TextSources([], [tmp_path / "nowhere.txt"])


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r" is a folder\. Give a file of texts, one a line\."):
        TextSources([], [tmp_path])
