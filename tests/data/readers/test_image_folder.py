import shutil
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest
from samples import SAMPLES

from multimodal.data.examples import ImageExample, ImageFile
from multimodal.data.images import load_image
from multimodal.data.readers.image_folder import read_image_folder

PICTURE = SAMPLES / "folder" / "test" / "circle" / "orange.png"


@pytest.fixture
def put(tmp_path):
    def put(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PICTURE, tmp_path / name)
        return tmp_path

    return put


def pack(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w") as archive:
        for name in names:
            archive.write(PICTURE, name)
    return path


def ids(root: Path, split: str) -> list[str]:
    return [example.image_id for example in read_image_folder(root, split)]


def test_the_sample_is_read_exactly():
    root = SAMPLES / "folder"
    assert read_image_folder(root, "test") == [
        ImageExample(ImageFile(root / "test/circle/orange.png"), "circle", "circle/orange.png"),
        ImageExample(ImageFile(root / "test/square/orange.png"), "square", "square/orange.png"),
    ]
    assert ids(root, "dev") == ["circle/green.png", "square/green.png"]


@pytest.mark.parametrize("root", ["folder_zip", "folder_zip/shapes.zip"])
def test_an_archive_without_splits_is_split_by_a_hash_and_read_in_place(root):
    parts = {split: read_image_folder(SAMPLES / root, split) for split in ("train", "val", "test")}
    assert sum(map(len, parts.values())) == 8
    assert parts["train"][0].image.member == f"shapes/{parts['train'][0].image_id}"
    assert load_image(parts["train"][0].image).shape == (3, 40, 48)


def test_outer_folders_of_all_pictures_are_ignored(put, tmp_path):
    put("a/b/train/dog/1.png", "a/b/train/cat/2.jpg", "a/b/valid/dog/3.png")
    assert ids(tmp_path, "train") == ["cat/2.jpg", "dog/1.png"]
    assert ids(tmp_path, "val") == ["dog/3.png"]
    assert ids(tmp_path, "test") == []


def test_one_class_alone_is_still_a_class(put):
    root = put("dog/1.png", "dog/2.png")
    everything = [e for s in ("train", "val", "test") for e in read_image_folder(root, s)]
    assert {example.label for example in everything} == {"dog"}


def test_an_archive_for_each_split_makes_one_set(tmp_path):
    pack(tmp_path / "a_test.zip", "test/dog/1.jpg")
    pack(tmp_path / "a_train.zip", "train/dog/1.jpg", "train/cat/1.jpg")
    assert ids(tmp_path, "train") == ["cat/1.jpg", "dog/1.jpg"]
    (example,) = read_image_folder(tmp_path, "test")
    assert str(example.image) == str(tmp_path / "a_test.zip/test/dog/1.jpg")


def test_folders_below_a_class_belong_to_it(put):
    root = put("train/dog/small/1.png", "train/cat/1.png")
    assert [example.label for example in read_image_folder(root, "train")] == ["cat", "dog"]


def test_pictures_right_in_a_folder_train_are_of_trains(put):
    root = put(*(f"{label}/{n}.png" for label in ("train", "bus") for n in range(20)))
    parts = [read_image_folder(root, split) for split in ("train", "val", "test")]
    assert Counter(e.label for part in parts for e in part) == {"train": 20, "bus": 20}


def test_other_files_and_hidden_ones_are_passed_over(put, tmp_path):
    root = put("train/dog/1.JPG", "train/cat/1.tiff", ".git/dog/x.png", "train/dog/._1.jpg")
    (tmp_path / "train" / "dog" / "notes.txt").write_text("no picture")
    (tmp_path / "README.md").write_text("no picture")
    assert ids(root, "train") == ["cat/1.tiff", "dog/1.JPG"]


def test_a_picture_keeps_its_split_when_others_are_added(put):
    first = ids(put(*(f"a/{n}.png" for n in range(40)), "b/1.png"), "train")
    second = ids(put(*(f"a/new{n}.png" for n in range(40))), "train")
    assert set(first) < set(second)


@pytest.mark.parametrize("empty", ["train/bird", "val/dog", "val"])
def test_an_empty_class_folder_is_refused(put, empty):
    root = put("train/dog/1.png", "train/cat/2.png")
    (root / empty).mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"The class folder .*{empty} has no picture \(JPEG, PNG"):
        read_image_folder(root, "train")


def test_an_empty_class_folder_without_splits_is_refused(put):
    root = put("dog/1.png", "cat/2.png")
    (root / "bird").mkdir()
    with pytest.raises(ValueError, match=r"The class folder .*bird has no picture"):
        read_image_folder(root, "train")


def test_an_empty_class_folder_of_an_archive_is_refused(tmp_path):
    path = pack(tmp_path / "pets.zip", "pets/train/dog/1.png", "pets/train/cat/1.png")
    with ZipFile(path, "a") as archive:
        archive.mkdir("__MACOSX/pets")
        archive.mkdir("pets")
        archive.mkdir("pets/train")
        archive.mkdir("pets/train/dog")
    assert len(read_image_folder(path, "train")) == 2
    with ZipFile(path, "a") as archive:
        archive.mkdir("pets/train/bird")
    with pytest.raises(ValueError, match=r"The class folder .*pets/train/bird has no picture"):
        read_image_folder(path, "train")


def test_pictures_beside_the_splits_are_refused(put):
    root = put("train/dog/1.png", "dog/2.png")
    with pytest.raises(
        ValueError, match=r"has folders for splits, and 1 pictures beside them: .*2"
    ):
        read_image_folder(root, "train")


def test_a_picture_in_no_class_is_refused(put):
    root = put("dog/1.png", "2.png")
    with pytest.raises(ValueError, match=r"2\.png lies in no class folder. Move it into one"):
        read_image_folder(root, "train")


def test_a_corrupt_archive_is_named(tmp_path):
    path = pack(tmp_path / "pets.zip", "dog/1.png")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"pets.zip is not a zip archive, or it is cut short"):
        read_image_folder(tmp_path, "train")


@pytest.mark.data
def test_the_real_archives_are_read_in_place(data_folder):
    flowers = read_image_folder(data_folder / "flower_photos", "train")
    counts = {"daisy": 433, "dandelion": 698, "roses": 441, "sunflowers": 499, "tulips": 599}
    assert Counter(example.label for example in flowers) == counts
    for split, number in (("train", 2_000), ("test", 200)):
        cifar = read_image_folder(data_folder / "cifar10_jpg", split)
        assert set(Counter(example.label for example in cifar).values()) == {number}
    assert read_image_folder(data_folder / "cifar10_jpg", "val") == []
