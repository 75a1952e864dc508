from zipfile import ZipFile

import pytest

from multimodal.data.readers.text_sources import file_names, read_file


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


def test_a_missing_file_is_named(source):
    with pytest.raises(FileNotFoundError, match=r"c\.txt"):
        read_file(source, "c.txt")


def test_a_byte_that_is_not_utf8_is_named_by_line(source):
    with pytest.raises(ValueError, match=r"bad.txt:2 is not UTF-8 \(byte 0xe4\)"):
        read_file(source, "bad.txt")


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No archive .*none\.zip"):
        file_names(tmp_path / "none.zip")
