from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples import SAMPLES, edit_json, pack

from multimodal.data.examples import CaptionExample, ImageFile
from multimodal.data.readers.karpathy import read_karpathy

SAMPLE = SAMPLES / "karpathy"


def edit(root: Path, change: Callable[[list[Any]], object]) -> None:
    edit_json(root / "dataset_shapes.json", lambda content: change(content["images"]))


def test_the_sample_is_read_exactly_with_restval_in_train():
    assert read_karpathy(SAMPLE, "train") == [
        CaptionExample(
            ImageFile(SAMPLE / "images" / "1001_c0de.png"),
            ("A red square .", "One square, red and flat ."),
            1001,
        ),
        CaptionExample(
            ImageFile(SAMPLE / "images" / "1002_c0de.jpg"),
            ("A green triangle on a black ground .", "Ein grünes Dreieck auf Schwarz ."),
            1002,
        ),
    ]


@pytest.mark.parametrize(("split", "numbers"), [("val", [1003]), ("dev", [1003]), ("test", [1004])])
def test_each_split_is_a_key(split, numbers):
    assert [example.image_id for example in read_karpathy(SAMPLE, split)] == numbers


def test_cocos_folders_and_numbers_are_used(root):
    def as_coco(images: list[Any]) -> None:
        for number, image in enumerate(images):
            image.update(filepath="val2014", cocoid=500 + number)

    edit(root, as_coco)
    (root / "images").rename(root / "val2014")
    examples = read_karpathy(root, "train")
    assert [example.image_id for example in examples] == [500, 501]
    assert examples[0].image == ImageFile(root / "val2014" / "1001_c0de.png")


def test_pictures_may_be_outside_the_folder_that_the_file_names(root):
    edit(root, lambda images: [image.update(filepath="val2014") for image in images])
    assert read_karpathy(root, "val")[0].image == ImageFile(root / "images" / "1003_c0de.png")


def test_pictures_may_be_in_an_archive(root):
    archive = pack(root / "images", root / "photos.zip")
    assert read_karpathy(root, "val")[0].image == ImageFile(archive, "images/1003_c0de.png")


def test_the_file_and_the_pictures_can_be_named(root):
    (root / "dataset_shapes.json").rename(root / "mine.json")
    (root / "images").rename(root / "elsewhere")
    assert len(read_karpathy(root, "train", file="mine.json", images="elsewhere")) == 2


def test_a_picture_listed_twice_is_merged(root):
    edit(root, lambda images: images.append(dict(images[0])))
    examples = read_karpathy(root, "train")
    assert len(examples) == 2
    assert examples[0].captions == ("A red square .", "One square, red and flat .") * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: i[1].pop("split"), r"shapes\.json: images\[1\] has no 'split'"),
        (lambda i: i[1].update(split="trian"), r"images\[1\]: the split must be .*'train'\?"),
        (lambda i: i[0].update(sentences=[]), r"images\[0\]: the image has no captions"),
        (lambda i: i[0].pop("sentences"), r"images\[0\] has no 'sentences'"),
        (lambda i: i[0]["sentences"][1].pop("raw"), r"images\[0\]\.sentences\[1\] has no 'raw'"),
        (lambda i: i[0]["sentences"][1].update(raw=" "), r"sentences\[1\]: the caption is empty"),
        (lambda i: i[2].update(filename="../x.png"), r"images\[2\]: the image .* lies outside"),
        (lambda i: i[2].update(filepath="../x"), r"images\[2\]: the image .* lies outside"),
        (lambda i: i[2].pop("filename"), r"images\[2\] has no 'filename'"),
        (lambda i: i.append({**i[0], "split": "val"}), r"images\[4\]: '1001_c0de\.png' is in two"),
        (lambda i: i.append(7), r"images\[4\] must be an object"),
        (lambda i: i.clear(), r"shapes\.json has no image whose 'split' is 'train'"),
    ],
)
def test_a_wrong_record_is_named(root, change, message):
    edit(root, change)
    with pytest.raises(ValueError, match=message):
        read_karpathy(root, "train")


def test_a_file_of_another_layout_is_named(root):
    (root / "dataset_shapes.json").write_text('{"image": []}')
    with pytest.raises(ValueError, match=r"shapes\.json has no 'images'; did you mean 'image'\?"):
        read_karpathy(root, "train")


def test_several_files_need_a_choice(root):
    (root / "dataset_other.json").touch()
    with pytest.raises(
        ValueError,
        match=r"several files dataset\*\.json: dataset_other.json, dataset_shapes.*`file`",
    ):
        read_karpathy(root, "train")


def test_a_missing_file_is_named(root):
    with pytest.raises(FileNotFoundError, match=r"No file .*mine\.json"):
        read_karpathy(root, "train", file="mine.json")
