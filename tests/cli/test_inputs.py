import sys

import pytest

from multimodal.cli.inputs import Item, find_pictures, is_typed, read_texts
from multimodal.data.examples import ImageFile


def test_texts_in_quotes_have_no_file_and_line():
    first, second = read_texts(["one", "two"])
    assert (first.given, first.text, first.place) == ("one", "one", "")
    assert second == Item("two", "two", {"text": "two"})


def test_lines_are_numbered_and_empty_ones_left_out(tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\n \t\n two \nthree")
    found = list(read_texts([], [path]))
    lines = [(line.text, line.fields["line"]) for line in found]
    assert lines == [("one", 1), ("two", 4), ("three", 5)]
    assert found[1].place == f"{path}, line 4"
    assert found[1].fields == {"file": str(path), "line": 4, "text": "two"}


def test_standard_input_is_read_at_the_dash(typed, tmp_path):
    (tmp_path / "last.txt").write_text("last\n")
    typed("zwei\ndreißig\n".encode())
    found = list(read_texts(["one", "-", "four"], [tmp_path / "last.txt"]))
    assert [line.text for line in found] == ["one", "zwei", "dreißig", "four", "last"]
    assert found[2].place == "standard input, line 2"


def test_a_line_that_is_not_utf8_keeps_its_place_and_stops_nothing(tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes(b"one\nsch\xf6n\ntwo\n")
    first, bad, last = read_texts([], [path])
    assert (first.problem, last.problem) == (None, None)
    assert bad.given == bad.text == ""
    assert bad.place == f"{path}, line 2"
    assert str(bad.problem) == "This is not text in UTF-8. Save the texts so."


def test_lines_are_read_one_at_a_time(monkeypatch):
    def endless():
        yield b"one\n"
        raise AssertionError("nobody asked for more")

    monkeypatch.setattr(sys, "stdin", type("Pipe", (), {"isatty": bool, "buffer": endless()}))
    assert next(read_texts(["-"])).text == "one"


def test_control_characters_of_file_names_are_escaped(tmp_path):
    path = tmp_path / "a\x1b[2J.txt"
    path.write_text("one")
    (line,) = read_texts([], [path])
    assert line.fields["file"].endswith(r"a\x1b[2J.txt")
    assert "\x1b" not in line.place


@pytest.mark.parametrize(("by_hand", "given"), [(True, ["-"]), (False, ["-"]), (True, ["one"])])
def test_only_what_is_typed_is_typed(by_hand, given, typed):
    typed(b"one\n", by_hand=by_hand)
    assert is_typed(given) == (by_hand and given == ["-"])


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_standard_input_without_a_text_is_named(content, typed):
    typed(content)
    with pytest.raises(ValueError, match=r"^Standard input holds no text\. Write some there"):
        list(read_texts(["-"]))


def test_a_file_without_a_text_is_named(tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"empty\.txt holds no text\. Write some there, one a"):
        list(read_texts([], [tmp_path / "empty.txt"]))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^No file .*nowhere\.txt\. Check the path\."):
        read_texts([], [tmp_path / "nowhere.txt"])


def test_messages_name_the_kind_of_text(typed):
    typed(b"")
    with pytest.raises(ValueError, match=r"^Standard input holds no question\."):
        list(read_texts(["-"], noun="question"))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r" is a folder\. Give a file of texts, one a line\."):
        read_texts([], [tmp_path])


def test_folders_are_searched_in_order_without_hidden_and_other_files(photos):
    (photos / "inner").mkdir()
    for name in ("inner/z.JPG", "inner/a.jpeg", ".hidden.png", "notes.txt", "Z.webp"):
        (photos / name).write_bytes(b"")
    (photos / ".cache").mkdir()
    (photos / ".cache" / "x.png").write_bytes(b"")
    pictures, problems = find_pictures([photos])
    names = ["Z.webp", "blue.png", "green.png", "red.png", "inner/a.jpeg", "inner/z.JPG"]
    assert pictures == [ImageFile(photos / name) for name in names]
    assert problems == []


def test_a_file_that_is_named_is_taken_whatever_its_suffix(tmp_path):
    pictures, problems = find_pictures([tmp_path / "photo.jpeg_large"])
    assert pictures == [ImageFile(tmp_path / "photo.jpeg_large")]
    assert problems == []


def test_a_folder_that_cannot_be_read_is_named_and_the_rest_is_found(photos, monkeypatch):
    def walk(folder, onerror):
        yield str(folder), ["locked"], ["red.png"]
        onerror(PermissionError(13, "Permission denied", str(folder / "locked")))

    monkeypatch.setattr("multimodal.cli.inputs.os.walk", walk)
    pictures, problems = find_pictures([photos])
    assert pictures == [ImageFile(photos / "red.png")]
    assert problems == [f"{photos / 'locked'} cannot be read: Permission denied."]
