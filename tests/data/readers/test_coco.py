import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples import SAMPLES, edit_json, pack

from multimodal.data.examples import CaptionExample, ImageFile
from multimodal.data.readers.coco import read_coco

SAMPLE = SAMPLES / "coco"


def edit(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    edit_json(root / "annotations" / "captions_train2017.json", change)


@pytest.mark.parametrize("split", ["train", "train2017"])
def test_the_sample_is_read_exactly_from_its_archive(split):
    examples = read_coco(SAMPLE, split)
    assert [example.image_id for example in examples] == [1, 2, 3]
    assert examples[1] == CaptionExample(
        ImageFile(SAMPLE / "train2017.zip", "train2017/000000000002.jpg"),
        ("A green triangle on a black ground .", "Ein grünes Dreieck auf Schwarz ."),
        2,
    )


@pytest.mark.parametrize("split", ["val", "dev", "val2017"])
def test_another_split_has_its_own_folder_though_names_repeat(split):
    (example,) = read_coco(SAMPLE, split)
    assert example.image == ImageFile(SAMPLE / "val2017" / "000000000001.png")
    assert example.captions[1] == "A star with five points ."


def test_another_split_has_its_own_archive_though_names_repeat(root):
    archive = pack(root / "val2017", root / "val2017.zip")
    assert read_coco(root, "val")[0].image == ImageFile(archive, "val2017/000000000001.png")


def test_annotations_may_be_beside_the_pictures(root):
    (root / "annotations" / "captions_val2017.json").rename(root / "captions_val.json")
    (root / "val2017").rename(root / "images")
    assert read_coco(root, "val")[0].image == ImageFile(root / "images" / "000000000001.png")


def test_pictures_may_be_in_another_folder(root):
    (root / "val2017").rename(root / "elsewhere")
    examples = read_coco(root, "val", images="elsewhere")
    assert examples[0].image == ImageFile(root / "elsewhere" / "000000000001.png")


def test_an_image_listed_twice_is_merged(root):
    edit(root, lambda content: content["images"].append(content["images"][0]))
    assert len(read_coco(root, "train")) == 3


def test_ids_may_be_texts(root):
    edit(
        root,
        lambda content: [
            record.update({key: f"n{record[key]}"})
            for part, key in (("images", "id"), ("annotations", "image_id"))
            for record in content[part]
        ],
    )
    assert [example.image_id for example in read_coco(root, "train")] == ["n1", "n2", "n3"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("images"), r"train2017\.json has no 'images'; there is 'annotations'"),
        (lambda c: c.pop("annotations"), r"train2017\.json has no 'annotations'"),
        (lambda c: c.update(images=[]), r"train2017\.json has no images"),
        (lambda c: c.update(images={}), "'images' must be a list, got an object"),
        (lambda c: c["images"][1].pop("file_name"), r"images\[1\] has no 'file_name'"),
        (lambda c: c["images"][1].pop("id"), r"images\[1\] has no 'id'"),
        (lambda c: c["images"][1].update(id=None), r"images\[1\]: 'id' must be a number or a text"),
        (lambda c: c["images"][1].update(id=True), r"images\[1\]: 'id' must be a number or a text"),
        (lambda c: c["images"][1].update(id=1), r"images\[1\]: the id 1 already belongs to"),
        (lambda c: c["images"][1].update(file_name="/x.png"), r"images\[1\]: .* lies outside"),
        (lambda c: c["annotations"][4].pop("caption"), r"annotations\[4\] has no 'caption'"),
        (
            lambda c: c["annotations"][4].update(caption=""),
            r"annotations\[4\]: the caption is empty",
        ),
        (
            lambda c: c["annotations"][4].update(image_id=9),
            r"annotations\[4\]: .* id 9 in 'images'",
        ),
        (
            lambda c: c.update(annotations=c["annotations"][:2]),
            r"has 2 images without captions: 000000000002\.jpg, 000000000003\.png\. Add",
        ),
    ],
)
def test_a_wrong_record_is_named(root, change, message):
    edit(root, change)
    with pytest.raises(ValueError, match=message):
        read_coco(root, "train")


def test_a_missing_split_is_named_with_the_present_ones(root):
    message = r"No annotations/captions_test\*\.json in .*; there is captions_train2017\.json, capt"
    with pytest.raises(FileNotFoundError, match=message):
        read_coco(root, "test")


def test_two_years_need_a_choice(root):
    for split in ("train2014", "train2017"):
        shutil.copy(SAMPLE / "annotations" / "captions_train2017.json",
                    root / "annotations" / f"captions_{split}.json")  # fmt: skip
    with pytest.raises(
        ValueError,
        match=r"several files annotations/captions_train\*\.json: .*in full, for example train2014",
    ):
        read_coco(root, "train")
    assert len(read_coco(root, "train2017")) == 3


@pytest.mark.data
def test_a_sample_of_coco_has_its_photos_and_captions(data_folder):
    examples = read_coco(data_folder / "coco_tiny", "train")
    assert len(examples) == 50
    assert sum(len(example.captions) for example in examples) == 250
    assert examples[0].image_id == 391895
    assert examples[0].image.path.is_file()
    with pytest.raises(FileNotFoundError, match=r"there is captions_train2017\.json"):
        read_coco(data_folder / "coco_tiny", "val")
