import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as reference

from multimodal.classification.data import ClassificationData
from multimodal.data.readers.table import ImageColumns
from multimodal.data.split_images import SceneCounts

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def sample(format_: str, folder: str, **changes) -> ClassificationData:
    settings = {"format": format_, "root": str(SAMPLES / folder), "batch_size": 4}
    return ClassificationData(**{**settings, **changes})


def write_pictures(root: Path, *names: str) -> ClassificationData:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLES / "folder/test/circle/orange.png", root / name)
    return ClassificationData(format="folder", root=str(root), image_size=16)


@pytest.mark.parametrize(
    ("format_", "folder", "changes"),
    [
        ("mnist", "mnist", {"holdout": 0.2}),
        ("fashion_mnist", "mnist", {"holdout": 0.2, "image_size": 32}),
        ("cifar10", "cifar10", {"holdout": 0.2}),
        ("cifar100", "cifar100", {"coarse": True, "holdout": 0.5}),
        ("folder", "folder", {"image_size": 24}),
        ("folder", "folder_zip", {"image_size": 24, "holdout": 0.4}),
        ("table", "labels_csv", {"image_size": 24, "resize": "crop", "crop_fraction": 0.9}),
        ("table", "labels_jsonl", {"image_size": 70, "target": "labels"}),
        (
            "table",
            "labels_tsv",
            {
                "image_size": 24,
                "target": "number",
                "columns": ImageColumns(image="picture", label="corners"),
            },
        ),
        ("scenes", "", {"scenes": SceneCounts(train=9, val=3, test=2)}),
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
    assert ClassificationData(mirrored=True).augmentation.preset.mirror == 0.5


def test_pixels_can_be_resized():
    small = ClassificationData().in_order("test")
    large = ClassificationData(image_size=32).in_order("test")
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
    data = sample("table", "labels_jsonl", image_size=16, target="labels")
    assert data.labels == ["circle", "cold", "square", "warm"]
    assert data.counts == [2, 2, 2, 2]


def test_numbers_have_no_labels():
    columns = ImageColumns(image="picture", label="corners")
    data = sample("table", "labels_tsv", image_size=16, target="number", columns=columns)
    assert data.labels == data.counts == []
    (batch,) = data.val_dataloader()
    assert batch.labels.tolist() == [1.5, 4.0]


def test_the_labels_and_statistics_of_a_checkpoint_replace_those_of_the_data():
    data = sample(
        "folder",
        "folder",
        image_size=16,
        known_labels=["square", "circle"],
        known_mean=[0.5] * 3,
        known_std=[0.25] * 3,
    )
    assert data.labels == ["square", "circle"]
    assert (data.mean, data.std) == ([0.5] * 3, [0.25] * 3)
    (batch,) = data.test_dataloader()
    assert batch.labels.tolist() == [1, 0]


def test_mean_and_deviation_are_those_of_the_training_images():
    data = sample("folder", "folder", image_size=16, compute_mean=True, eval_batch_size=3)
    images = torch.cat([batch.images for batch in data.in_order("train")]).double() / 255
    torch.testing.assert_close(torch.tensor(data.mean).double(), images.mean(dim=(0, 2, 3)))
    deviation = images.std(dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(torch.tensor(data.std).double(), deviation)
    assert sample("folder", "folder", image_size=16).mean == []


def test_a_mean_of_many_images_is_measured_on_some(monkeypatch):
    whole = ClassificationData(compute_mean=True).mean
    monkeypatch.setattr("multimodal.classification.data._MEASURED", 300)
    some = ClassificationData(compute_mean=True).mean
    assert some != whole
    assert abs(some[0] - whole[0]) < 0.01


def test_a_holdout_replaces_val_and_is_equal_for_every_class():
    data = sample("folder", "folder", image_size=16, holdout=0.5)
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
        list(sample("folder", "folder", image_size=70, workers=workers).train_dataloader())
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
    data = ClassificationData(format="folder", root=str(tmp_path), image_size=70, holdout=0.4)
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
        format="folder", root=str(tmp_path), image_size=16, on_bad_image="skip"
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
    data = ClassificationData(format="table", root=str(tmp_path), image_size=16, target="labels")
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


@pytest.mark.parametrize("labels", [["cat"], ["cat", "cat"]])
def test_known_labels_must_be_different(labels):
    with pytest.raises(
        ValueError, match="`known_labels` must be two or more different labels, got"
    ):
        _ = ClassificationData(known_labels=labels).labels


def test_pictures_of_any_size_need_one():
    with pytest.raises(
        ValueError, match="Pictures of a folder or a table may have any size; set `"
    ):
        sample("folder", "folder")


def test_square_pixels_are_not_cropped():
    with pytest.raises(
        ValueError, match="The images of digits are square; leave `resize` at squas"
    ):
        ClassificationData(resize="crop")


@pytest.mark.data
def test_real_photographs_come_as_batches(data_folder):
    root = str(data_folder / "flower_photos")
    data = ClassificationData(
        format="folder", root=root, image_size=96, holdout=0.2, test_split="val"
    )
    assert len(data.examples("val")) == 534
    assert len(data.labels) == 5
    assert next(iter(data.train_dataloader())).images.shape == (64, 3, 96, 96)
