import contextlib
import json
import os
import resource
import signal
import sys
import threading
import time

import numpy as np
import pytest

from multimodal.data.feature_writer import (
    ARRAY_NAME,
    INDEX_NAME,
    FeatureWriter,
    array_header,
    locked,
)

SHAPE = (10, 2, 3)
ABOUT = {"key": "abc"}
ROWS = np.arange(60, dtype=np.float16).reshape(SHAPE)
NAMES = [f"{row}.jpg" for row in range(10)]
START = len(array_header(SHAPE))


def write(folder, chunks, *, finish=False, about=ABOUT):
    with FeatureWriter(folder, SHAPE, about) as writer:
        for count in chunks:
            writer.append(ROWS[writer.rows : writer.rows + count], {})
        if finish:
            writer.finish(NAMES)


def rows_kept(folder, about=ABOUT):
    with FeatureWriter(folder, SHAPE, about) as writer:
        return writer.rows


def test_a_finished_array_is_read_by_numpy(tmp_path):
    write(tmp_path, [4, 6], finish=True)
    np.testing.assert_array_equal(np.load(tmp_path / ARRAY_NAME), ROWS)
    index = json.loads((tmp_path / INDEX_NAME).read_text())
    assert index["shape"] == list(SHAPE)
    assert index["key"] == "abc"
    assert index["names"] == NAMES
    assert [rows for rows, _ in index["chunks"]] == [4, 6]
    assert sorted(path.name for path in tmp_path.iterdir()) == [ARRAY_NAME, INDEX_NAME]


def test_an_interrupted_array_goes_on_after_its_last_chunk(tmp_path):
    write(tmp_path, [3, 2])
    assert not (tmp_path / INDEX_NAME).exists()
    assert rows_kept(tmp_path) == 5
    write(tmp_path, [5], finish=True)
    np.testing.assert_array_equal(np.load(tmp_path / ARRAY_NAME), ROWS)


def test_what_was_skipped_is_remembered(tmp_path):
    with FeatureWriter(tmp_path, SHAPE, ABOUT) as writer:
        writer.append(ROWS[:5], {3: "3.jpg is damaged."})
    with FeatureWriter(tmp_path, SHAPE, ABOUT) as writer:
        assert writer.skipped == {3: "3.jpg is damaged."}
        writer.append(ROWS[5:], {7: "7.jpg is empty."})
        writer.finish(NAMES)
    index = json.loads((tmp_path / INDEX_NAME).read_text())
    assert index["skipped"] == {"3": "3.jpg is damaged.", "7": "7.jpg is empty."}


@pytest.mark.parametrize("cut", range(0, 24, 5))
def test_a_chunk_written_by_half_does_not_count(tmp_path, cut):
    write(tmp_path, [3, 2])
    array = tmp_path / ARRAY_NAME
    array.write_bytes(array.read_bytes()[: START + 36 + cut])
    assert rows_kept(tmp_path) == 3
    assert array.stat().st_size == START + 36


def test_a_chunk_that_is_not_in_the_journal_does_not_count(tmp_path):
    write(tmp_path, [3])
    with (tmp_path / ARRAY_NAME).open("ab") as file:
        file.write(b"half a chunk")
    assert rows_kept(tmp_path) == 3
    write(tmp_path, [7], finish=True)
    np.testing.assert_array_equal(np.load(tmp_path / ARRAY_NAME), ROWS)


@pytest.mark.parametrize("cut", [1, 2, 10, 40])
def test_a_line_written_by_half_does_not_count(tmp_path, cut):
    write(tmp_path, [3, 2])
    journal = tmp_path / "progress.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    assert rows_kept(tmp_path) == 3
    write(tmp_path, [7], finish=True)
    np.testing.assert_array_equal(np.load(tmp_path / ARRAY_NAME), ROWS)


def test_a_chunk_that_changed_on_the_disk_does_not_count(tmp_path):
    write(tmp_path, [3, 2, 2])
    data = bytearray((tmp_path / ARRAY_NAME).read_bytes())
    data[START + 36] ^= 1
    (tmp_path / ARRAY_NAME).write_bytes(data)
    assert rows_kept(tmp_path) == 3


@pytest.mark.parametrize("journal", [b"", b"{", b"[]\n", b"null\n", b'{"key": "abc"}\n', b"\xff\n"])
def test_without_its_journal_an_array_begins_anew(tmp_path, journal):
    write(tmp_path, [3, 2])
    (tmp_path / "progress.jsonl").write_bytes(journal)
    assert rows_kept(tmp_path) == 0
    write(tmp_path, [10], finish=True)
    np.testing.assert_array_equal(np.load(tmp_path / ARRAY_NAME), ROWS)


@pytest.mark.parametrize(
    "line", [b"5\n", b"{}\n", b'{"rows": 1}\n', b'{"rows": 0, "crc32": 1, "skipped": {}}\n']
)
def test_a_line_that_is_none_of_ours_ends_the_journal(tmp_path, line):
    write(tmp_path, [3])
    with (tmp_path / "progress.jsonl").open("ab") as file:
        file.write(line)
    assert rows_kept(tmp_path) == 3


def test_what_was_written_for_another_purpose_is_dropped(tmp_path):
    write(tmp_path, [3])
    assert rows_kept(tmp_path, about={"key": "other"}) == 0


def test_an_array_whose_beginning_is_damaged_begins_anew(tmp_path):
    write(tmp_path, [3])
    data = (tmp_path / ARRAY_NAME).read_bytes()
    (tmp_path / ARRAY_NAME).write_bytes(b"?" + data[1:])
    assert rows_kept(tmp_path) == 0


@contextlib.contextmanager
def disk_for_files_of(size):
    """Let no file grow beyond a size: what a full disk does, but for this process only."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("size", "kept"), [(100, 0), (START + 20, 0), (START + 40, 3)])
def test_a_full_disk_gives_a_sentence_and_what_was_written_stays(tmp_path, size, kept):
    message = rf"Could not write the features to .*: File too large. {kept} of 10 images are kept"
    with disk_for_files_of(size), pytest.raises(OSError, match=message):
        write(tmp_path, [3, 3, 4])
    assert rows_kept(tmp_path) == kept
    write(tmp_path, [10 - kept], finish=True)
    np.testing.assert_array_equal(np.load(tmp_path / ARRAY_NAME), ROWS)


def test_a_disk_too_full_for_the_index_gives_a_sentence_and_keeps_the_array(tmp_path):
    write(tmp_path, [10])
    with (
        FeatureWriter(tmp_path, SHAPE, ABOUT) as writer,
        disk_for_files_of(50),
        pytest.raises(OSError, match=r"Could not write .*index\.json: File too large"),
    ):
        writer.finish(NAMES)
    assert rows_kept(tmp_path) == 10


def test_a_folder_that_cannot_be_written_gives_a_sentence(tmp_path):
    (tmp_path / ARRAY_NAME).mkdir()
    with pytest.raises(OSError, match=r"Could not write the features to .*: Is a directory"):
        FeatureWriter(tmp_path, SHAPE, ABOUT)


def test_a_second_process_waits_for_the_first(tmp_path):
    order = []

    def second():
        with locked(tmp_path):
            order.append("second")

    with locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_the_lock_of_a_process_that_died_is_released(tmp_path):
    child = os.fork()
    if child == 0:
        with locked(tmp_path):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with locked(tmp_path):
        pass


def test_where_files_cannot_be_locked_the_log_says_so(tmp_path, monkeypatch, caplog):
    import fcntl

    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path):
        pass
    assert "start one process only" in caplog.text


def test_where_the_system_has_no_such_locks_nobody_waits(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with locked(tmp_path), locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
