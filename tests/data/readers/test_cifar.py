import os
import pickle
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from samples import SAMPLES

from multimodal.data.readers.cifar import read_cifar10, read_cifar100

BINARY = SAMPLES / "cifar10" / "cifar-10-batches-bin"
HUNDRED = SAMPLES / "cifar100" / "cifar-100-python"


@pytest.fixture
def python_version(tmp_path):
    """CIFAR-10's python version with the pictures of the binary sample."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    names = (BINARY / "batches.meta.txt").read_text().split()
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": names}, 2))
    for path in BINARY.glob("*.bin"):
        records = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 3073)
        batch = {b"data": records[:, 1:].copy(), b"labels": records[:, 0].tolist()}
        (folder / path.stem).write_bytes(pickle.dumps(batch, 2))
    return folder


@pytest.fixture
def binary_version(tmp_path):
    return Path(shutil.copytree(BINARY, tmp_path / "cifar-10-batches-bin"))


@pytest.mark.parametrize("root", [BINARY, BINARY.parent])
def test_the_binary_sample_is_read_exactly(root):
    train = read_cifar10(root, "train")
    assert train.images.shape == (10, 3, 32, 32)
    assert train.labels.tolist() == [*range(10)]
    assert train.label(3) == "cat"
    # Number 4 is a square of red 255, green 100, blue 120.
    assert train.images[4, :, 16, 16].tolist() == [255, 100, 120]
    assert len(read_cifar10(root, "test")) == 4


def test_both_versions_hold_the_same(python_version):
    for split in ("train", "test"):
        ours, theirs = read_cifar10(python_version, split), read_cifar10(BINARY, split)
        np.testing.assert_array_equal(ours.images, theirs.images)
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        assert ours.classes == theirs.classes


def test_the_hundred_classes_have_twenty_kinds():
    fine, coarse = read_cifar100(HUNDRED, "train"), read_cifar100(HUNDRED, "train", coarse=True)
    assert len(fine.classes) == 100
    assert len(coarse.classes) == 20
    assert fine.label(5) == "class 5"
    assert coarse.label(5) == "kind 2"
    np.testing.assert_array_equal(fine.images, coarse.images)


def test_the_hundred_classes_in_binary(tmp_path):
    pixels = np.arange(2 * 3072, dtype=np.uint32).astype(np.uint8).reshape(2, 3072)
    for kind, number in (("fine", 100), ("coarse", 20)):
        names = "".join(f"{kind} {n}\n" for n in range(number))
        (tmp_path / f"{kind}_label_names.txt").write_text(names)
    records = [bytes([7, 93]) + pixels[0].tobytes(), bytes([19, 0]) + pixels[1].tobytes()]
    (tmp_path / "train.bin").write_bytes(b"".join(records))
    pixel_set = read_cifar100(tmp_path, "train")
    assert [pixel_set.label(0), pixel_set.label(1)] == ["fine 93", "fine 0"]
    assert read_cifar100(tmp_path, "train", coarse=True).label(1) == "coarse 19"
    np.testing.assert_array_equal(pixel_set.images.reshape(2, 3072), pixels)


@pytest.mark.parametrize("named", [True, False])
def test_an_archive_is_read_in_place(tmp_path, named):
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(BINARY, "./cifar-10-batches-bin")
    pixel_set = read_cifar10(path if named else tmp_path, "train")
    np.testing.assert_array_equal(pixel_set.images, read_cifar10(BINARY, "train").images)


def test_a_corrupt_archive_is_named(tmp_path):
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(BINARY, "cifar-10-batches-bin")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"cifar-10-binary.tar.gz cannot be unpacked \(.*downl"):
        read_cifar10(tmp_path, "train")
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"cifar-10-binary.tar.gz cannot be unpacked"):
        read_cifar10(tmp_path, "train")


def test_an_archive_without_a_batch_is_refused(tmp_path):
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as tar:
        tar.add(BINARY / "batches.meta.txt", "cifar-10-batches-bin/batches.meta.txt")
    with pytest.raises(FileNotFoundError, match=r"No file data_batch_1.bin, .* \.\.\. in .*tar.gz"):
        read_cifar10(tmp_path, "train")


class Hostile:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_a_hostile_batch_is_refused_and_not_run(python_version, tmp_path):
    trace = tmp_path / "trace"
    batch = {b"data": Hostile(f"echo > {trace}"), b"labels": [0]}
    (python_version / "test_batch").write_bytes(pickle.dumps(batch, 2))
    with pytest.raises(ValueError, match=r"test_batch wants to load posix.system.*not opened"):
        read_cifar10(python_version, "test")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({b"labels": [0]}, "test_batch must hold an array 'data' of 3,072 bytes a row"),
        ({b"data": np.zeros((2, 99), np.uint8)}, "an array 'data' of 3,072 bytes a row"),
        ({b"data": np.zeros((1, 3072), np.uint8)}, "a list 'labels' of whole numbers"),
        ({b"data": np.zeros((1, 3072), np.uint8), b"labels": [0.5]}, "of whole numbers from 0"),
        ({b"data": np.zeros((1, 3072), np.uint8), b"labels": [1 << 70]}, "of whole numbers from"),
        ({b"data": np.zeros((1, 3072), np.uint8), b"labels": [10]}, "must be from 0 to 9, got 10"),
        ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}, "has 2 images and 1 labels"),
    ],
)
def test_a_wrong_batch_is_named(python_version, batch, message):
    (python_version / "test_batch").write_bytes(pickle.dumps(batch, 2))
    with pytest.raises(ValueError, match=message):
        read_cifar10(python_version, "test")


def test_wrong_names_of_classes_are_refused(python_version):
    (python_version / "batches.meta").write_bytes(pickle.dumps({"names": []}, 2))
    with pytest.raises(ValueError, match=r"batches\.meta must hold a list 'label_names'"):
        read_cifar10(python_version, "test")


@pytest.mark.parametrize("data", [b"", bytes(3072), bytes(3074)])
def test_records_of_another_length_are_refused(binary_version, data):
    (binary_version / "test_batch.bin").write_bytes(data)
    with pytest.raises(ValueError, match=r"test_batch.bin must hold records of 3,073 bytes, got"):
        read_cifar10(binary_version, "test")


def test_a_label_that_is_no_class_is_named(binary_version):
    (binary_version / "test_batch.bin").write_bytes(bytes([200]) + bytes(3072))
    with pytest.raises(
        ValueError, match=r"test_batch\.bin: the label of image 0 must be from 0 to 9"
    ):
        read_cifar10(binary_version, "test")


def test_a_missing_batch_is_named(binary_version):
    (binary_version / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"No file data_batch_3\.bin in .*unpack it again"):
        read_cifar10(binary_version, "train")


def test_a_member_that_is_too_large_is_refused(tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as tar:
        tar.add(BINARY, "cifar-10-batches-bin")
    monkeypatch.setattr("multimodal.data.readers.cifar.MAX_BYTES", 5000)
    with pytest.raises(ValueError, match="is larger than 5,000 bytes: it is not a part of CIFAR"):
        read_cifar10(tmp_path, "train")
