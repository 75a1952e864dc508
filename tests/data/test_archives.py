import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from multimodal.data.archives import _archives, member_names, read_member

MEMBERS = {f"photos/{n}.jpg": bytes([n]) * (1000 + n) for n in range(50)}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "photos.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        file.mkdir("photos")
        file.writestr("__MACOSX/photos/._0.jpg", b"junk")
        for name, data in MEMBERS.items():
            file.writestr(name, data)
    return path


def test_folders_and_shadow_copies_are_not_listed(archive):
    assert member_names(archive) == list(MEMBERS)


def test_members_are_read_in_place(archive):
    assert read_member(archive, "photos/7.jpg", max_bytes=2000) == MEMBERS["photos/7.jpg"]
    assert sorted(path.name for path in archive.parent.iterdir()) == ["photos.zip"]


def test_one_archive_stays_open_per_path(archive):
    read_member(archive, "photos/1.jpg", max_bytes=2000)
    first = _archives[archive].file
    read_member(archive, "photos/2.jpg", max_bytes=2000)
    assert _archives[archive].file is first


def test_an_archive_replaced_on_disk_is_opened_again(archive):
    read_member(archive, "photos/1.jpg", max_bytes=2000)
    other = archive.with_name("other.zip")
    with ZipFile(other, "w") as file:
        file.writestr("photos/1.jpg", b"new")
    other.replace(archive)
    assert read_member(archive, "photos/1.jpg", max_bytes=2000) == b"new"


def test_threads_read_one_archive_at_once(archive):
    names = list(MEMBERS) * 20
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda name: read_member(archive, name, max_bytes=2000), names))
    assert read == [MEMBERS[name] for name in names]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_reads_with_a_file_position_of_its_own(archive):
    names = list(MEMBERS) * 10
    read_member(archive, names[0], max_bytes=2000)
    child = os.fork()
    wrong = sum(read_member(archive, name, max_bytes=2000) != MEMBERS[name] for name in names)
    if child == 0:
        os._exit(min(wrong, 100))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert wrong == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_forked_while_a_thread_reads_does_not_wait_for_it(archive):
    read_member(archive, "photos/1.jpg", max_bytes=2000)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with _archives[archive].lock:
            held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        os._exit(read_member(archive, "photos/1.jpg", max_bytes=2000) != MEMBERS["photos/1.jpg"])
    release.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No archive .*none\.zip\. Check the path"):
        member_names(tmp_path / "none.zip")


def test_a_missing_member_is_named(archive):
    with pytest.raises(FileNotFoundError, match=r"No member 'x\.jpg' in .*photos\.zip"):
        read_member(archive, "x.jpg", max_bytes=2000)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "photos.zip"
    path.write_bytes(b"not a zip")
    with pytest.raises(ValueError, match=r"photos\.zip is not a zip archive, or it is cut short"):
        member_names(path)


def test_an_archive_cut_short_is_refused(archive):
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"cut short .* download it again"):
        member_names(archive)


def test_a_member_larger_than_the_limit_is_refused(tmp_path):
    path = tmp_path / "bomb.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        file.writestr("bomb.jpg", bytes(10_000_000))
    with pytest.raises(
        ValueError, match=r"bomb\.jpg is 10,000,000 bytes large, the limit is 1,000"
    ):
        read_member(path, "bomb.jpg", max_bytes=1000)


def test_messages_name_the_kind_of_file(tmp_path):
    path = tmp_path / "texts.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        file.writestr("long.txt", bytes(10_000))
    with pytest.raises(ValueError, match=r"long\.txt is 10,000 bytes .*not an ordinary text file"):
        read_member(path, "long.txt", max_bytes=1000, noun="text file")


def test_a_member_with_a_false_size_is_not_inflated_further(tmp_path):
    path = tmp_path / "bomb.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        file.writestr("bomb.jpg", bytes(10_000_000))
    size = (10_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (500).to_bytes(4, "little")))
    with pytest.raises(ValueError, match=r"bomb\.jpg cannot be unpacked \(Bad CRC-32"):
        read_member(path, "bomb.jpg", max_bytes=10_000)


def test_a_damaged_member_is_named(archive):
    data = bytearray(archive.read_bytes())
    start = data.index(b"photos/7.jpg") + len("photos/7.jpg")
    data[start : start + 4] = b"\xff\xff\xff\xff"
    archive.write_bytes(data)
    with pytest.raises(ValueError, match=r"photos/7\.jpg cannot be unpacked .*again"):
        read_member(archive, "photos/7.jpg", max_bytes=2000)
