from pathlib import Path

import pytest

from multimodal.data.examples import PixelImage
from multimodal.data.image_formats import SIZES, LabelledImages
from multimodal.data.readers.table import ImageColumns
from multimodal.data.split_images import SceneCounts

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
FEW = SceneCounts(train=6, val=2, test=3)
SPLITS = ("train", "val", "test")


@pytest.mark.parametrize(
    ("format_", "sample", "numbers"),
    [
        ("digits", "", (1348, 0, 449)),
        ("mnist", "mnist", (20, 0, 10)),
        ("fashion_mnist", "mnist", (20, 0, 10)),
        ("cifar10", "cifar10", (10, 0, 4)),
        ("cifar100", "cifar100", (6, 0, 2)),
        ("folder", "folder", (4, 2, 2)),
        ("table", "labels_csv", (4, 2, 2)),
        ("scenes", "", (6, 2, 3)),
    ],
)
def test_every_format_is_read(format_, sample, numbers):
    source = LabelledImages(format_, str(SAMPLES / sample), scenes=FEW)
    parts = [source.read(split) for split in SPLITS]
    assert tuple(map(len, parts)) == numbers
    for example in parts[0]:
        if isinstance(example.image, PixelImage):
            pixels = source.sets[example.image.source]
            assert pixels.label(example.image.index) == example.label
            assert pixels.images.shape[-1] == SIZES[format_]


def test_a_quarter_of_each_digit_is_tested_and_another_one_for_another_seed():
    test = LabelledImages("digits").read("test")
    labels = [example.label for example in test]
    assert all(43 <= labels.count(str(digit)) <= 46 for digit in range(10))
    assert LabelledImages("digits", seed=1).read("test") != test
    assert LabelledImages("digits").read("test") == test


def test_settings_of_a_format_reach_its_reader():
    coarse = LabelledImages("cifar100", str(SAMPLES / "cifar100"), coarse=True)
    assert coarse.read("train")[5].label == "kind 2"
    assert len(coarse.classes) == 20
    columns = ImageColumns(image="picture", label="corners")
    root = str(SAMPLES / "labels_tsv")
    table = LabelledImages(
        "table", root, file="labels.tsv", images="images", columns=columns, target="number"
    )
    assert {example.label for example in table.read("train")} == {1.5, 4.0}
    scenes = LabelledImages("scenes", scenes=FEW, scene_label="shapes", target="labels", seed=4)
    assert isinstance(scenes.read("val")[0].label, tuple)
    assert LabelledImages("folder", str(SAMPLES / "folder")).classes == []


def test_compositional_scenes_hold_pairs_out():
    counts = SceneCounts(train=6, val=2, test=3, compositional=True)
    source = LabelledImages("scenes", scenes=counts, scene_label="count")
    assert source.read("test")[0].image.split == "comp_test"


@pytest.mark.parametrize(
    ("format_", "sample", "number"),
    [
        ("digits", "", 1797),
        ("mnist", "mnist", 20),
        ("folder", "folder", 6),
        ("table", "labels_csv", 6),
        ("scenes", "", 8),
    ],
)
def test_folds_are_made_of_what_may_be_learned_from(format_, sample, number):
    source = LabelledImages(format_, str(SAMPLES / sample), scenes=FEW, folds=2, fold=1)
    train, val, test = (source.read(split) for split in SPLITS)
    assert val == []
    assert len(train) + len(test) == number
    assert abs(len(train) - len(test)) <= 1


def test_folds_of_a_file_for_each_split_need_no_val(tmp_path):
    images = str(SAMPLES / "labels_csv" / "images")
    rows = (SAMPLES / "labels_csv" / "labels.csv").read_text().replace(",train", "")
    rows = [line for line in rows.replace(",split", "").splitlines() if line.count(",") == 1]
    (tmp_path / "train.csv").write_text("\n".join(rows))
    source = LabelledImages("table", str(tmp_path), images=images, folds=2)
    assert [len(source.read(split)) for split in SPLITS] == [2, 0, 2]


def test_missing_pictures_of_a_table_can_be_skipped(tmp_path):
    (tmp_path / "labels.csv").write_text("image,label,split\nnone.png,a,train\n")
    with pytest.raises(FileNotFoundError, match=r"names 1 images"):
        LabelledImages("table", str(tmp_path), skip_missing=True).read("train")


def test_an_unknown_format_is_refused():
    source = LabelledImages("digits")
    source.format = "yaml"
    with pytest.raises(
        ValueError, match="`format` must be one of digits, mnist, fashion_mnist, ci"
    ):
        source.read("train")
