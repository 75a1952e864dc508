import os
from pathlib import Path
from zipfile import ZipFile

import pytest

from multimodal.data.examples import ImageFile
from multimodal.data.readers.pictures import Pictures, clean_name, picture_sources


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "images" / "sub").mkdir(parents=True)
    for name in ("images/a.jpg", "images/sub/b.jpg", "c.jpg"):
        (tmp_path / name).touch()
    with ZipFile(tmp_path / "more.zip", "w") as archive:
        for name in ("photos/d.jpg", "photos/sub/e.jpg", "x/same.jpg", "y/same.jpg"):
            archive.writestr(name, b"")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dog.jpg", "dog.jpg"),
        ("my dog (1).jpg", "my dog (1).jpg"),
        ("Hündin.jpg", "Hündin.jpg"),
        ("./photos//dog.jpg", "photos/dog.jpg"),
        ("photos\\dog.jpg", "photos/dog.jpg"),
        ("photos/../dog.jpg", "dog.jpg"),
        (".hidden.jpg", ".hidden.jpg"),
        (" dog.jpg ", "dog.jpg"),
        ("..dog.jpg", "..dog.jpg"),
    ],
)
def test_a_name_is_brought_into_one_form(name, expected):
    assert clean_name(name, Path("data"), "a.csv:2") == expected


@pytest.mark.parametrize(
    "name",
    ["../dog.jpg", "a/../../dog.jpg", "..\\dog.jpg", "/etc/passwd", "C:\\dog.jpg", "..", ".", "/",
     "//server/dog.jpg", "photos/../..", "C:dog.jpg"],
)  # fmt: skip
def test_a_name_that_leaves_the_folder_is_refused(name):
    with pytest.raises(ValueError, match=r"a\.csv:2: the image '.*' lies outside data; move it"):
        clean_name(name, Path("data"), "a.csv:2")


@pytest.mark.parametrize("name", ["", "  ", "dog\0.jpg"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match=r"a\.csv:2: the image has no name"):
        clean_name(name, Path("data"), "a.csv:2")


def test_an_absolute_name_within_the_folder_is_accepted(root, monkeypatch):
    assert clean_name(f"{root}/images/a.jpg", root, "x") == "images/a.jpg"
    monkeypatch.chdir(root)
    assert clean_name(f"{root}/images/a.jpg", Path("images"), "x") == "a.jpg"
    with pytest.raises(ValueError, match="lies outside"):
        clean_name(f"{root}/images/../../a.jpg", root, "x")


def test_pictures_are_found_in_folders_and_archives_in_order(root):
    pictures = Pictures(picture_sources(root, ["images"]))
    assert pictures.find("a.jpg") == ImageFile(root / "images" / "a.jpg")
    assert pictures.find("sub/b.jpg") == ImageFile(root / "images/sub/b.jpg")
    assert pictures.find("images/a.jpg") == ImageFile(root / "images/a.jpg")
    assert pictures.find("c.jpg") == ImageFile(root / "c.jpg")
    assert pictures.find("d.jpg") == ImageFile(root / "more.zip", "photos/d.jpg")
    assert pictures.find("photos/d.jpg") == ImageFile(root / "more.zip", "photos/d.jpg")
    assert pictures.find("sub/e.jpg") == ImageFile(root / "more.zip", "photos/sub/e.jpg")
    assert pictures.find("x/same.jpg") == ImageFile(root / "more.zip", "x/same.jpg")


@pytest.mark.parametrize("name", ["b.jpg", "A.jpg", "other/d.jpg", "jpg", "os/d.jpg"])
def test_a_missing_picture_gives_none(root, name):
    assert Pictures(picture_sources(root, ["images"])).find(name) is None


def test_two_pictures_of_one_name_in_an_archive_are_refused(root):
    with pytest.raises(
        ValueError, match=r"more\.zip has 2 images called 'same\.jpg' \(x/same\.jpg, "
    ):
        Pictures([root / "more.zip"]).find("same.jpg")


def test_an_archive_named_like_the_folder_comes_before_others(tmp_path):
    for name in ("train.zip", "val.zip"):
        with ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("1.jpg", b"")
    assert Pictures(picture_sources(tmp_path, ["val"])).find("1.jpg") == ImageFile(
        tmp_path / "val.zip", "1.jpg"
    )


def test_a_named_source_is_the_only_one(root):
    pictures = Pictures(picture_sources(root, ["images"], "more.zip"))
    assert pictures.find("d.jpg") == ImageFile(root / "more.zip", "photos/d.jpg")
    assert pictures.find("a.jpg") is None
    assert Pictures(picture_sources(root, [], str(root / "images"))).find("a.jpg") is not None


def test_a_named_source_that_is_missing_is_refused(root):
    with pytest.raises(FileNotFoundError, match=r"No folder or archive .*photos; `images` names"):
        picture_sources(root, [], "photos")


def test_a_broken_archive_matters_only_when_it_is_needed(root):
    (root / "broken.zip").write_bytes(b"cut short")
    pictures = Pictures(picture_sources(root, ["images"]))
    assert pictures.find("a.jpg") is not None
    with pytest.raises(ValueError, match=r"broken\.zip is not a zip archive"):
        pictures.find("d.jpg")


def test_missing_pictures_are_counted_and_three_are_named(root):
    names = ["a.jpg", *(f"{n}.jpg" for n in range(5000))]
    message = (
        r"list\.txt names 5,000 images \(of 5,001\) that are not there: "
        r"0\.jpg, 1\.jpg, 2\.jpg \.\.\.\. Looked in .*images, "
    )
    with pytest.raises(FileNotFoundError, match=message):
        Pictures(picture_sources(root, ["images"])).locate(names, Path("list.txt"))


def test_a_data_set_without_any_source_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="in vain: there is no folder or zip of images"):
        Pictures([tmp_path / "none"]).locate(["a.jpg"], Path("list.txt"))


def test_missing_pictures_can_be_left_out_with_one_line(root, caplog):
    names = ["a.jpg", "y.jpg", "d.jpg", "z.jpg"]
    pictures = Pictures(picture_sources(root, ["images"]))
    located = pictures.locate(names, Path("list.txt"), skip_missing=True)
    assert list(located) == ["a.jpg", "d.jpg"]
    (line,) = caplog.messages
    assert line == (
        "list.txt names 2 images (of 4) that are not there and were left out: y.jpg, z.jpg."
    )


def test_skipping_never_leaves_out_every_picture(root):
    with pytest.raises(FileNotFoundError, match=r"names 2 images \(of 2\) that are not there: y"):
        Pictures(picture_sources(root, [])).locate(
            ["y.jpg", "z.jpg"], Path("l.txt"), skip_missing=True
        )


def test_located_pictures_keep_their_order(root):
    located = Pictures(picture_sources(root, ["images"])).locate(
        ["d.jpg", "a.jpg"], Path("list.txt")
    )
    assert list(located) == ["d.jpg", "a.jpg"]


def test_a_folder_is_listed_once(root, monkeypatch):
    calls = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: calls.append(path) or scandir(path))
    pictures = Pictures([root / "images"])
    assert [pictures.find(name) is not None for name in ("a.jpg", "z.jpg", "a.jpg")] == [
        True,
        False,
        True,
    ]
    assert len(calls) == 1


PATTERNS = ("COCO_{id:03d}.jpg", "{id}.jpg", "image{id}.jpg")


@pytest.mark.parametrize("name", ["COCO_007.jpg", "7.jpg", "image7.jpg"])
def test_a_numbered_picture_is_found_by_usual_names(tmp_path, name):
    (tmp_path / name).touch()
    located = Pictures([tmp_path]).locate_numbered([7, 7], PATTERNS, Path("q.json"))
    assert located == {7: ImageFile(tmp_path / name)}


def test_the_pattern_of_most_pictures_is_taken(tmp_path):
    for name in ("image1.jpg", "image2.jpg", "3.jpg"):
        (tmp_path / name).touch()
    pictures = Pictures([tmp_path])
    assert list(pictures.locate_numbered([2, 1], PATTERNS, Path("q.json"))) == [2, 1]
    with pytest.raises(FileNotFoundError, match=r"q\.json names 1 images \(of 3\) .* image3\.jpg"):
        pictures.locate_numbered([1, 2, 3], PATTERNS, Path("q.json"))
    located = pictures.locate_numbered([1, 3, 2], PATTERNS, Path("q.json"), skip_missing=True)
    assert list(located) == [1, 2]


def test_an_id_that_is_a_text_is_the_name_itself(root):
    located = Pictures(picture_sources(root, ["images"])).locate_numbered(
        ["a.jpg"], PATTERNS, root / "q.json"
    )
    assert located == {"a.jpg": ImageFile(root / "images" / "a.jpg")}
    with pytest.raises(ValueError, match=r"q\.json: the image '\.\./a\.jpg' lies outside"):
        Pictures([root]).locate_numbered(["../a.jpg"], PATTERNS, root / "q.json")
