import shutil
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as reference

from multimodal.classification.data import ClassificationData, ImageSettings
from multimodal.classification.readers import SIZES
from multimodal.saving.checkpoint import SavedModel

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
IMAGES = [field.name for field in fields(ImageSettings)]
FEW = {"train": 6, "val": 2, "test": 3}
SPLITS = ("train", "val", "test")


def sample(format_: str, folder: str, **changes) -> ClassificationData:
    images = {name: changes.pop(name) for name in IMAGES if name in changes}
    settings = {"format": format_, "root": str(SAMPLES / folder), "batch_size": 4}
    return ClassificationData(transform=ImageSettings(**images), **{**settings, **changes})


def write_pictures(root: Path, *names: str) -> ClassificationData:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLES / "folder/test/circle/orange.png", root / name)
    return ClassificationData(format="folder", root=str(root), transform=ImageSettings(size=16))


@pytest.mark.parametrize(
    ("format_", "folder", "changes"),
    [
        ("mnist", "mnist", {"holdout": 0.2}),
        ("fashion_mnist", "mnist", {"holdout": 0.2, "size": 32}),
        ("cifar10", "cifar10", {"holdout": 0.2}),
        ("cifar100", "cifar100", {"options": {"coarse": True}, "holdout": 0.5}),
        ("folder", "folder", {"size": 24}),
        ("folder", "folder_zip", {"size": 24, "holdout": 0.4}),
        ("table", "labels_csv", {"size": 24, "resize": "crop", "crop_fraction": 0.9}),
        ("table", "labels_jsonl", {"size": 70, "target": "labels"}),
        (
            "table",
            "labels_tsv",
            {
                "size": 24,
                "target": "number",
                "options": {"columns": {"image": "picture", "label": "corners"}},
            },
        ),
        ("scenes", "", {"options": {"train": 9, "val": 3, "test": 2}}),
    ],
)
@pytest.mark.parametrize("augmentation", ["none", "flip_crop", "standard", "strong"])
def test_every_accepted_format_gives_batches(format_, folder, changes, augmentation):
    data = sample(format_, folder, augmentation=augmentation, **changes)
    for loader, split in ((data.train_dataloader(), "train"), (data.val_dataloader(), "val")):
        batches = list(loader)
        assert sum(len(batch.indices) for batch in batches) == len(data.examples(split)) > 0
        for batch in batches:
            size = data.eval_transform["size"]
            assert batch.images.shape == (len(batch.indices), data.channels, size, size)
            assert batch.images.dtype == torch.uint8
            assert batch.labels.isfinite().all()
            assert (batch.labels >= 0).all()


def test_digits_need_nothing():
    data = ClassificationData()
    assert [len(data.examples(split)) for split in ("train", "val", "test")] == [1213, 135, 449]
    batches = list(data.train_dataloader())
    assert {tuple(batch.images.shape[1:]) for batch in batches} == {(1, 8, 8)}
    assert sorted(len(batch.indices) for batch in batches)[1:] == [64] * 18
    assert data.labels == list("0123456789")
    assert sum(data.counts) == 1213
    assert min(data.counts) > 115
    assert not data.augmentation.preset.mirror
    assert (
        ClassificationData(transform=ImageSettings(mirrored=True)).augmentation.preset.mirror == 0.5
    )


def test_pixels_can_be_resized():
    small = ClassificationData().in_order("test")
    large = ClassificationData(transform=ImageSettings(size=32)).in_order("test")
    first, second = next(iter(small)), next(iter(large))
    assert second.images.shape[1:] == (1, 32, 32)
    expected = reference.resize(first.images, [32, 32], antialias=True)
    torch.testing.assert_close(second.images, expected, atol=1, rtol=0)


def test_train_and_test_of_a_set_are_not_mixed_up():
    data = sample("cifar10", "cifar10", holdout=0.2)
    (test,) = data.test_dataloader()
    train = torch.cat([batch.images for batch in data.in_order("train")])
    assert test.labels.tolist() == [0, 1, 2, 3]
    assert test.images[2, :, 16, 16].tolist() == [255, 50, 120]
    assert len(train) == 8
    assert test.examples[0].image.source == "cifar-10-batches-bin/test"


def test_labels_are_of_the_training_images_and_sorted(tmp_path):
    data = write_pictures(tmp_path, *(f"train/{n}/1.png" for n in ("10", "9", "x")), "val/9/1.png")
    assert data.labels == ["9", "10", "x"]
    assert data.counts == [1, 1, 1]


def test_several_labels_are_counted_each():
    data = sample("table", "labels_jsonl", size=16, target="labels")
    assert data.labels == ["circle", "cold", "square", "warm"]
    assert data.counts == [2, 2, 2, 2]


def test_numbers_have_no_labels():
    options = {"columns": {"image": "picture", "label": "corners"}}
    data = sample("table", "labels_tsv", size=16, target="number", options=options)
    assert data.labels == data.counts == []
    (batch,) = data.val_dataloader()
    assert batch.labels.tolist() == [1.5, 4.0]


def test_the_labels_mean_and_size_of_a_checkpoint_replace_those_of_the_data():
    data = sample("folder", "folder", size=16)
    extra = {"labels": ["square", "circle"], "mean": [0.5] * 3}
    transform = {"size": 24, "resize": "crop", "crop_fraction": 0.9}
    data.adopt(SavedModel("classification", {}, [], transform, {}, extra))
    assert data.labels == ["square", "circle"]
    assert data.mean == [0.5] * 3
    assert {name: data.eval_transform[name] for name in transform} == transform
    (batch,) = data.test_dataloader()
    assert batch.labels.tolist() == [1, 0]
    assert batch.images.shape[-1] == 24


def test_the_mean_is_that_of_the_training_images():
    data = sample("folder", "folder", size=16, compute_mean=True, eval_batch_size=3)
    images = torch.cat([batch.images for batch in data.in_order("train")]).double() / 255
    torch.testing.assert_close(torch.tensor(data.mean).double(), images.mean(dim=(0, 2, 3)))
    assert sample("folder", "folder", size=16).mean == []


def test_a_mean_of_many_images_is_measured_on_some(monkeypatch):
    whole = ClassificationData(transform=ImageSettings(compute_mean=True)).mean
    monkeypatch.setattr("multimodal.classification.data._MEASURED", 300)
    some = ClassificationData(transform=ImageSettings(compute_mean=True)).mean
    assert some != whole
    assert abs(some[0] - whole[0]) < 0.01


def test_a_holdout_replaces_val_and_is_equal_for_every_class():
    data = sample("folder", "folder", size=16, holdout=0.5)
    assert [len(data.examples(split)) for split in ("train", "val", "test")] == [2, 2, 2]
    assert data.counts == [1, 1]
    assert {example.image_id.split("/")[1] for example in data.examples("val")} <= {
        "blue.png",
        "red.png",
    }


def test_every_fold_is_tested_and_validates_on_a_part_of_the_others():
    tested = []
    for fold in range(3):
        data = ClassificationData(folds=3, fold=fold)
        parts = {s: {e.image_id for e in data.examples(s)} for s in ("train", "val", "test")}
        assert sum(map(len, parts.values())) == 1797
        assert len(parts["train"] | parts["val"] | parts["test"]) == 1797
        assert len(parts["val"]) == 120
        tested += parts["test"]
    assert sorted(tested) == [*range(1797)]


def test_two_epochs_differ_and_two_runs_do_not():
    runs = []
    for _ in range(2):
        loader = sample("mnist", "mnist", augmentation="standard").train_dataloader()
        runs.append([batch for _ in range(2) for batch in loader])
    for mine, theirs in zip(*runs, strict=True):
        assert mine.indices.equal(theirs.indices)
        assert mine.images.equal(theirs.images)
    half = len(runs[0]) // 2
    assert [b.indices.tolist() for b in runs[0][:half]] != [
        b.indices.tolist() for b in runs[0][half:]
    ]


def test_a_worker_sees_what_the_main_process_sees():
    here, there = (
        list(sample("folder", "folder", size=70, workers=workers).train_dataloader())
        for workers in (0, 1)
    )
    for mine, theirs in zip(here, there, strict=True):
        assert mine.images.equal(theirs.images)
        assert mine.examples == theirs.examples


def test_pictures_of_all_sizes_and_modes_become_alike(tmp_path):
    for number, (mode, size) in enumerate(
        [("L", (9, 30)), ("RGBA", (64, 20)), ("CMYK", (33, 33)), ("P", (5, 5)), ("I;16", (40, 8))]
    ):
        folder = tmp_path / "train" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size).save(folder / f"{number}.tiff")
    data = ClassificationData(
        format="folder", root=str(tmp_path), transform=ImageSettings(size=70), holdout=0.4
    )
    for loader in (data.train_dataloader(), data.val_dataloader()):
        for batch in loader:
            assert batch.images.shape[1:] == (3, 70, 70)


def test_a_bad_picture_stops_with_its_name_or_is_skipped(tmp_path):
    data = write_pictures(
        tmp_path, *(f"train/{n}.png" for n in ("a/1", "a/2", "b/1")), "val/a/1.png"
    )
    (tmp_path / "train" / "a" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    with pytest.raises(ValueError, match=r"a/2\.png is (damaged|not a picture)"):
        list(data.train_dataloader())
    data = ClassificationData(
        format="folder", root=str(tmp_path), transform=ImageSettings(size=16), on_bad_image="skip"
    )
    (batch,) = data.train_dataloader()
    assert len(batch.indices) == len(batch.labels) == len(batch.images) == 2
    assert "a/2.png" in batch.skipped[0]


def test_one_class_only_is_refused(tmp_path):
    data = write_pictures(tmp_path, "train/dog/1.png", "train/dog/2.png", "val/dog/1.png")
    with pytest.raises(
        ValueError, match=r"All 2 training images of .* have the label 'dog', so th"
    ):
        data.train_dataloader()


def test_one_image_is_refused(tmp_path):
    data = write_pictures(tmp_path, "train/dog/1.png")
    with pytest.raises(ValueError, match="has one training image, and one must be trained on and"):
        data.train_dataloader()


def test_images_without_labels_are_refused(tmp_path):
    write_pictures(tmp_path, "a.png", "b.png")
    (tmp_path / "labels.csv").write_text("image,label,split\na.png,,train\nb.png,,val\n")
    data = ClassificationData(
        format="table", root=str(tmp_path), transform=ImageSettings(size=16), target="labels"
    )
    with pytest.raises(ValueError, match=r"All 1 training images of .* have no label, so that"):
        _ = data.labels


def test_a_class_that_training_lacks_is_named_with_its_picture(tmp_path):
    data = write_pictures(tmp_path, "train/dog/1.png", "train/cat/1.png", "val/bird/7.png")
    data.train_dataloader()
    with pytest.raises(
        ValueError, match=r"val/bird/7.png: the label 'bird' is none of the trainin"
    ):
        data.val_dataloader()


@pytest.mark.parametrize(("split", "hint"), [("test", "Set `test_split`"), ("train", "Check the")])
def test_a_split_without_images_is_told(tmp_path, split, hint):
    other = "test" if split == "train" else "train"
    data = write_pictures(tmp_path, f"{other}/dog/1.png", f"{other}/cat/1.png")
    with pytest.raises(ValueError, match=rf"has no images in the split {split}\. {hint}"):
        data.in_order(split)


def test_pictures_of_any_size_need_one():
    with pytest.raises(
        ValueError, match="Pictures of a folder or a table may have any size; set `"
    ):
        sample("folder", "folder")


def test_square_pixels_are_not_cropped():
    with pytest.raises(
        ValueError, match=r"The images of digits are square; leave `transform\.resize` at"
    ):
        ClassificationData(transform=ImageSettings(resize="crop"))


@pytest.mark.parametrize(
    ("format_", "folder", "numbers"),
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
def test_every_format_is_read(format_, folder, numbers):
    options = FEW if format_ == "scenes" else {}
    data = sample(format_, folder, size=SIZES.get(format_, 16), options=options)
    parts = [data.read(split) for split in SPLITS]
    assert tuple(map(len, parts)) == numbers
    for example in parts[0]:
        if format_ not in ("folder", "table", "scenes"):
            pixels = data.sets[example.image.source]
            assert pixels.label(example.image.index) == example.label
            assert pixels.images.shape[-1] == SIZES[format_]


def test_a_quarter_of_each_digit_is_tested_and_another_one_for_another_seed():
    test = ClassificationData().read("test")
    labels = [example.label for example in test]
    assert all(43 <= labels.count(str(digit)) <= 46 for digit in range(10))
    assert ClassificationData(seed=1).read("test") != test
    assert ClassificationData().read("test") == test


@pytest.mark.parametrize("label", ["shape", "colour", "shapes", "colours"])
def test_the_labels_of_scenes_are_known_and_complete(label):
    target = "labels" if label.endswith("s") else "label"
    data = sample("scenes", "", options={"train": 300, "val": 2, "label": label}, target=target)
    assert data.labels
    assert "train" not in data._examples
    assert 0 not in data.counts
    assert sum(data.counts) >= 300


@pytest.mark.parametrize(
    ("format_", "folder", "number"),
    [
        ("digits", "", 1797),
        ("mnist", "mnist", 20),
        ("folder", "folder", 6),
        ("table", "labels_csv", 6),
        ("scenes", "", 8),
    ],
)
def test_folds_are_made_of_what_may_be_learned_from(format_, folder, number):
    options = FEW if format_ == "scenes" else {}
    size = SIZES.get(format_, 16)
    data = sample(format_, folder, size=size, options=options, folds=2, fold=1)
    train, val, test = (data.read(split) for split in SPLITS)
    assert val == []
    assert len(train) + len(test) == number
    assert abs(len(train) - len(test)) <= 1


def test_folds_of_a_file_for_each_split_need_no_val(tmp_path):
    images = str(SAMPLES / "labels_csv" / "images")
    rows = (SAMPLES / "labels_csv" / "labels.csv").read_text().replace(",train", "")
    rows = [line for line in rows.replace(",split", "").splitlines() if line.count(",") == 1]
    (tmp_path / "train.csv").write_text("\n".join(rows))
    data = ClassificationData(
        format="table",
        root=str(tmp_path),
        options={"images": images},
        transform=ImageSettings(size=16),
        folds=2,
    )
    assert [len(data.read(split)) for split in SPLITS] == [2, 0, 2]


@pytest.mark.data
def test_real_photographs_come_as_batches(data_folder):
    root = str(data_folder / "flower_photos")
    data = ClassificationData(
        format="folder", root=root, transform=ImageSettings(size=96), holdout=0.2, test_split="val"
    )
    assert len(data.examples("val")) == 534
    assert len(data.labels) == 5
    assert next(iter(data.train_dataloader())).images.shape == (64, 3, 96, 96)
