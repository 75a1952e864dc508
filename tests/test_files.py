import contextlib
import errno
import os
import pickle
import resource
import time
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from multimodal.files import atomic_write, read_weights

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "count": torch.tensor(3)}


class Touch:
    """Unpickling this creates a file: the proof that somebody unpickled it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@contextlib.contextmanager
def small_disk(size):
    """Let no file grow past ``size`` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_written_file_replaces_the_old_one(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["notes.txt"]


def test_missing_folders_are_made(tmp_path):
    with atomic_write(tmp_path / "a" / "b.txt") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "a" / "b.txt").read_text() == "x"


def test_a_relative_path_is_written_where_it_points(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_write(Path("here.txt")) as temporary:
        temporary.write_text("x")
    assert names(tmp_path) == ["here.txt"]


def test_the_temporary_name_keeps_the_suffix_and_fits_the_file_system(tmp_path):
    path = tmp_path / ("n" * 251 + ".png")
    with atomic_write(path) as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"x")
    assert path.exists()


@pytest.mark.parametrize("error", [ValueError("a bad image"), KeyboardInterrupt()])
def test_an_error_in_the_body_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with contextlib.suppress(type(error)), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["notes.txt"]


def test_an_error_about_another_file_passes_through(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"other\.txt"), atomic_write(tmp_path / "a.txt"):
        (tmp_path / "other.txt").read_text()


def test_a_runtime_error_of_the_body_passes_through(tmp_path):
    with pytest.raises(RuntimeError, match=r"^shapes differ$"), atomic_write(tmp_path / "a.txt"):
        raise RuntimeError("shapes differ")


WRITERS = {
    "bytes": lambda path: path.write_bytes(bytes(100_000)),
    "torch": lambda path: torch.save({"a": torch.zeros(100_000)}, path),
    "safetensors": lambda path: save_file({"a": torch.zeros(100_000)}, path),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_gives_a_sentence_and_leaves_the_old_file(tmp_path, writer):
    path = tmp_path / "model.bin"
    path.write_text("old")
    with (
        pytest.raises(
            OSError, match=r"Could not write .*model\.bin: .*unchanged\. Free some space"
        ),
        small_disk(50_000),
        atomic_write(path) as temporary,
    ):
        WRITERS[writer](temporary)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["model.bin"]


def test_a_full_disk_keeps_its_error_number(tmp_path):
    with (
        pytest.raises(OSError, match="Nothing was left behind") as caught,
        atomic_write(tmp_path / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_that_is_a_file_gives_a_sentence(tmp_path):
    (tmp_path / "a").write_text("not a folder")
    path = tmp_path / "a" / "b.txt"
    with pytest.raises(OSError, match=r"Could not write .*b\.txt: "), atomic_write(path):
        pass


def test_leftovers_of_a_killed_process_are_removed_when_old(tmp_path):
    path = tmp_path / "model.pth"
    with atomic_write(path) as temporary:
        temporary.write_text("x")
        leftovers = [
            temporary.with_name(temporary.name[:-8] + name) for name in ("old1.pth", "new2.pth")
        ]
    for leftover in leftovers:
        leftover.write_text("half")
    two_days_ago = time.time() - 48 * 3600
    os.utime(leftovers[0], (two_days_ago, two_days_ago))
    with atomic_write(path) as temporary:
        temporary.write_text("y")
    assert names(tmp_path) == sorted([leftovers[1].name, "model.pth"])


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_written_content_is_read_back(tmp_path, content):
    with atomic_write(tmp_path / "any") as temporary:
        temporary.write_bytes(content)
    assert (tmp_path / "any").read_bytes() == content


def save(tensors, path):
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)


@pytest.mark.parametrize("name", ["a.pth", "a.pt", "a.bin", "a.ckpt", "a.safetensors"])
def test_weights_come_back_as_they_were_saved(tmp_path, name):
    save(TENSORS, tmp_path / name)
    weights = read_weights(tmp_path / name)
    assert list(weights) == list(TENSORS) or sorted(weights) == sorted(TENSORS)
    for key, value in TENSORS.items():
        torch.testing.assert_close(weights[key], value, rtol=0, atol=0)


def test_half_precision_stays_half_precision(tmp_path):
    torch.save({"a": torch.ones(2, dtype=torch.float16)}, tmp_path / "a.pth")
    assert read_weights(tmp_path / "a.pth")["a"].dtype == torch.float16


def test_a_checkpoint_gives_its_state_dict(tmp_path):
    torch.save({"epoch": 3, "state_dict": TENSORS}, tmp_path / "a.ckpt")
    assert set(read_weights(tmp_path / "a.ckpt")) == set(TENSORS)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_bare_pickle_is_refused_and_not_executed(tmp_path, protocol):
    path = tmp_path / "a.pth"
    path.write_bytes(pickle.dumps({"a": Touch(tmp_path / "executed")}, protocol=protocol))
    with pytest.raises(
        ValueError, match=r"a\.pth holds something other than tensors.*nothing in it"
    ):
        read_weights(path)
    assert names(tmp_path) == ["a.pth"]


def test_a_pickle_inside_torchs_archive_is_refused_and_not_executed(tmp_path):
    path = tmp_path / "a.pth"
    torch.save({"a": Touch(tmp_path / "executed")}, path)
    with pytest.raises(ValueError, match="holds something other than tensors"):
        read_weights(path)
    assert names(tmp_path) == ["a.pth"]


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=rf"No weight file at .*{name}"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize("kept", [0, 5, 40, 100])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_a_truncated_file_gives_a_sentence(tmp_path, name, kept):
    path = tmp_path / name
    save(TENSORS, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=rf"{name} (is not a complete|holds something other)"):
        read_weights(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"read from \.safetensors.*got .*a\.h5"):
        read_weights(tmp_path / "a.h5")


@pytest.mark.parametrize("content", [[torch.zeros(1)], torch.zeros(1), {}])
def test_a_file_without_names_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="must hold named tensors, got"):
        read_weights(tmp_path / "a.pth")


def test_a_value_that_is_no_tensor_is_named(tmp_path):
    torch.save({"a": torch.zeros(1), "epoch": 3}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="named tensors only, got int under 'epoch'"):
        read_weights(tmp_path / "a.pth")
