from zipfile import ZipFile

import pytest

from multimodal.data.readers.file_search import (
    archives_in,
    choose_file,
    file_names,
    folder_and_archives,
    read_file,
    require_folder,
    some,
)


def test_archives_are_listed_by_name(tmp_path):
    for name in ("more.zip", "A.ZIP", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in archives_in(tmp_path)] == ["A.ZIP", "more.zip"]


def test_the_folder_comes_before_its_archives(tmp_path):
    archive = tmp_path / "more.zip"
    archive.touch()
    assert folder_and_archives(tmp_path, "") == [tmp_path, archive]
    assert folder_and_archives(archive, "") == [archive]


@pytest.mark.parametrize("check", [require_folder, folder_and_archives])
def test_a_missing_folder_is_named(check, tmp_path):
    check(tmp_path, "")
    with pytest.raises(FileNotFoundError, match=r"No folder .*none\. Put captions there\."):
        check(tmp_path / "none", "Put captions there.")


def test_the_only_file_is_chosen_or_the_message_tells_how_to_fix_it(tmp_path):
    hints = {"there": "b.txt", "missing": "Put a.json there.", "several": "Name one with `file`."}
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    assert choose_file(tmp_path, files[:1], "*.json", **hints) == files[0]
    with pytest.raises(
        FileNotFoundError, match=r"No \*\.json in .*; there is b\.txt\. Put a\.json"
    ):
        choose_file(tmp_path, [], "*.json", **hints)
    message = r"has several files \*\.json: a\.json, b\.json\. Name one with `file`\."
    with pytest.raises(ValueError, match=message):
        choose_file(tmp_path, files, "*.json", **hints)


def test_at_most_three_names_are_written():
    assert some(["a", "b", "c"]) == "a, b, c"
    assert some(list("abcd")) == "a, b, c ..."


@pytest.fixture(params=["folder", "zip"])
def source(request, tmp_path):
    files = {"b/two.txt": b"zwei\n", "a.txt": b"one\r\n", "bad.txt": b"fine\nb\xe4d\n"}
    if request.param == "zip":
        with ZipFile(tmp_path / "texts.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return tmp_path / "texts.zip"
    for name, data in files.items():
        (tmp_path / "texts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / name).write_bytes(data)
    return tmp_path / "texts"


def test_a_folder_and_an_archive_are_read_alike(source):
    assert file_names(source) == ["a.txt", "b/two.txt", "bad.txt"]
    assert read_file(source, "b/two.txt") == "zwei\n"


def test_a_missing_text_file_is_named(source):
    with pytest.raises(FileNotFoundError, match=r"c\.txt"):
        read_file(source, "c.txt")


def test_a_byte_that_is_not_utf8_is_named_by_line(source):
    with pytest.raises(ValueError, match=r"bad.txt:2 is not UTF-8 \(byte 0xe4\)"):
        read_file(source, "bad.txt")


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No archive .*none\.zip"):
        file_names(tmp_path / "none.zip")
