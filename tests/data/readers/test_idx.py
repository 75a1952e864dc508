import gzip
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from samples import SAMPLES

from multimodal.data.readers.idx import read_fashion_mnist, read_idx, read_mnist

SAMPLE = SAMPLES / "mnist"


def write_idx(path: Path, values: np.ndarray, *, shape=None, kind=8) -> Path:
    shape = values.shape if shape is None else shape
    data = struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape) + values.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_the_sample_is_read_packed_and_unpacked():
    train, test = read_mnist(SAMPLE, "train"), read_mnist(SAMPLE, "test")
    assert train.images.shape == (20, 1, 28, 28)
    assert test.images.shape == (10, 1, 28, 28)
    assert train.labels.tolist() == [*range(10)] * 2
    assert train.images[1, 0, 14, 14] > 0
    assert test.classes[9] == "9"
    assert read_fashion_mnist(SAMPLE, "train").label(9) == "Ankle boot"


@pytest.mark.parametrize("name", ["a-idx3-ubyte", "a-idx3-ubyte.gz"])
def test_values_come_back_in_their_shape(tmp_path, name):
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.testing.assert_array_equal(read_idx(write_idx(tmp_path / name, values)), values)


def test_files_unpacked_by_other_tools_or_into_raw_are_read(tmp_path):
    (tmp_path / "raw").mkdir()
    for kind in ("images-idx3", "labels-idx1"):
        other = f"t10k-{kind.replace('-idx', '.idx')}-ubyte"
        shutil.copy(SAMPLE / f"t10k-{kind}-ubyte", tmp_path / "raw" / other)
    assert len(read_mnist(tmp_path, "test")) == 10


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("shape", "actual"), [((3, 4), "only 6"), ((2, 2), "more"), ((1 << 20,) * 2, "the limit is")]
)
def test_a_header_that_does_not_fit_the_size_is_refused(tmp_path, suffix, shape, actual):
    path = write_idx(tmp_path / f"lie{suffix}", np.zeros((2, 3), np.uint8), shape=shape)
    with pytest.raises(ValueError, match=rf"lie.* claims {shape[0]:,} x {shape[1]:,} = .*{actual}"):
        read_idx(path)


def test_more_than_was_claimed_is_not_unpacked(tmp_path):
    header = struct.pack(">BBBBI", 0, 0, 8, 1, 10)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(header + bytes(50_000_000), 9))
    with pytest.raises(ValueError, match=r"bomb\.gz claims 10 = 10 bytes and has more"):
        read_idx(tmp_path / "bomb.gz")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"bad is no idx file: it begins with b''"),
        (b"\x89PNG\r\n", "bad is no idx file: it begins with b'.x89PNG'"),
        (b"\0\0\x08\x09", "bad is no idx file"),
        (b"\0\0\x0d\x01\0\0\0\x01", r"bad must hold bytes \(type 8\), got type 13"),
        (b"\0\0\x08\x03\0\0", "bad ends within its header"),
    ],
)
def test_a_file_of_another_format_is_named(tmp_path, data, message):
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "bad")


@pytest.mark.parametrize("damage", ["cut", "flipped", "plain"])
def test_a_corrupt_archive_is_named(tmp_path, damage):
    rng = np.random.default_rng(0)
    path = write_idx(tmp_path / "x.gz", rng.integers(0, 256, (99, 99)).astype(np.uint8))
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[500] ^= 255
    path.write_bytes({"cut": data[:500], "flipped": data, "plain": b"no gzip"}[damage])
    with pytest.raises(ValueError, match=r"x\.gz cannot be unpacked \(.*; copy or download it ag"):
        read_idx(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No file .*none\. Check the path"):
        read_idx(tmp_path / "none")


def test_swapped_files_are_refused(tmp_path):
    for kind, other in (("images-idx3", "labels-idx1"), ("labels-idx1", "images-idx3")):
        shutil.copy(SAMPLE / f"t10k-{kind}-ubyte", tmp_path / f"t10k-{other}-ubyte")
    with pytest.raises(ValueError, match="must hold images, with three axes, and its labels one"):
        read_mnist(tmp_path, "test")


def test_labels_of_another_set_are_refused(tmp_path):
    write_idx(tmp_path / "t10k-images-idx3-ubyte", np.zeros((3, 2, 2), np.uint8))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.array([0, 1], np.uint8))
    with pytest.raises(ValueError, match="t10k-images-idx3-ubyte has 3 images and 2 labels"):
        read_mnist(tmp_path, "test")
