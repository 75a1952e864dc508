import pytest

from multimodal.data.readers.file_search import (
    archives_in,
    choose_file,
    folder_and_archives,
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
