import contextlib
import dataclasses
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import get_context
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image

from multimodal.data import feature_extraction, features
from multimodal.data.examples import ImageFile
from multimodal.data.feature_writer import (
    ARRAY_NAME,
    INDEX_NAME,
    FeatureWriter,
    array_header,
    locked,
)
from multimodal.data.features import FeatureCache, cache_features
from multimodal.data.images import ImageError, load_image
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.nn.encoders import SmallCNN

SETTINGS = TransformSettings(size=16)


def save_pictures(folder, count=7):
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for index in range(count):
        pixels = generator.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
        images.append(ImageFile(folder / f"{index}.png"))
    return images


def small_encoder(seed=0):
    torch.manual_seed(seed)
    return SmallCNN(channels=[8, 8], strides=[4, 2])


def cached(images, folder, *, encoder=None, settings=SETTINGS, **arguments):
    return cache_features(
        encoder or small_encoder(),
        images,
        EvalTransform(settings),
        folder,
        batch_size=3,
        progress=False,
        **arguments,
    )


@pytest.fixture
def pictures(tmp_path):
    return save_pictures(tmp_path / "pictures")


@pytest.fixture
def cache(pictures, tmp_path):
    return cached(pictures, tmp_path / "cache")


def test_cached_features_equal_those_of_the_encoder(pictures, cache):
    encoder, transform = small_encoder().eval(), EvalTransform(SETTINGS)
    batch = torch.stack([transform(load_image(image)) for image in pictures])
    with torch.inference_mode():
        expected = encoder(batch)
    found = cache.read(range(7))
    assert found.dtype == torch.float16
    torch.testing.assert_close(found.float(), expected, atol=2e-3, rtol=2e-3)
    assert (len(cache), cache.regions, cache.feature_dim) == (7, 4, 10)
    assert cache.views == ("plain",)
    assert cache.valid.tolist() == [True] * 7


def test_images_are_read_in_the_order_asked_for(cache):
    whole = cache.read(range(7))
    for indices in ([5, 0, 5], torch.tensor([6, 1]), ()):
        expected = whole[torch.as_tensor(indices, dtype=torch.long)]
        torch.testing.assert_close(cache.read(indices), expected, rtol=0, atol=0)


def test_read_features_may_be_changed_in_place(cache):
    first = cache.read([0])
    cache.read([0]).zero_()
    torch.testing.assert_close(cache.read([0]), first, rtol=0, atol=0)


def test_a_second_call_opens_the_first_ones_cache(pictures, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "extract", None)
    again = cached(pictures, tmp_path / "cache")
    assert again.folder == cache.folder
    torch.testing.assert_close(again.read(range(7)), cache.read(range(7)), rtol=0, atol=0)


def test_each_view_is_read_by_its_name(pictures, tmp_path):
    views = ("zoom", "plain", "mirror")
    cache = cached(pictures, tmp_path / "cache", views=views)
    assert cache.views == views
    plain = cached(pictures, tmp_path / "cache")
    torch.testing.assert_close(cache.read(range(7)), plain.read(range(7)), atol=2e-3, rtol=2e-3)
    assert not torch.equal(cache.read([0], "mirror"), cache.read([0], "zoom"))
    with pytest.raises(ValueError, match="has the views zoom, plain, mirror, got 'crop_top_left'"):
        cache.read([0], "crop_top_left")


@pytest.mark.parametrize("indices", [[7], [0, -1]])
def test_an_index_out_of_range_is_refused(cache, indices):
    with pytest.raises(IndexError, match="has images 0 to 6, got"):
        cache.read(indices)


def change_nothing(images, arguments):
    pass


def change_weights(images, arguments):
    arguments["encoder"] = small_encoder(seed=1)


def change_size(images, arguments):
    arguments["settings"] = dataclasses.replace(SETTINGS, size=32)


def change_crop(images, arguments):
    arguments["settings"] = dataclasses.replace(SETTINGS, resize="crop")


def change_augmentation(images, arguments):
    arguments["settings"] = dataclasses.replace(SETTINGS, flip=0.5)


def change_views(images, arguments):
    arguments["views"] = ("plain", "zoom")


def change_order(images, arguments):
    images.reverse()


def change_length(images, arguments):
    images.pop()


def change_name(images, arguments):
    images[3] = ImageFile(images[3].path.rename(images[3].path.with_name("other.png")))


def change_content(images, arguments):
    data = bytearray(images[3].path.read_bytes())
    data[-20] ^= 1
    images[3].path.write_bytes(data)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (change_nothing, True),
        (change_weights, False),
        (change_size, False),
        (change_crop, False),
        (change_augmentation, True),  # it does not touch evaluation
        (change_views, False),
        (change_order, False),
        (change_length, False),
        (change_name, False),
        (change_content, False),
    ],
)
def test_a_cache_belongs_to_its_encoder_transform_views_and_images(
    pictures, cache, tmp_path, change, same
):
    arguments = {"on_bad_image": "skip"}
    change(pictures, arguments)
    other = cached(pictures, tmp_path / "cache", **arguments)
    assert (other.folder == cache.folder) == same
    assert (other.key == cache.key) == same


def test_a_data_set_that_was_moved_keeps_its_cache(pictures, cache, tmp_path):
    moved = pictures[0].path.parent.rename(tmp_path / "moved")
    images = [ImageFile(moved / image.name) for image in pictures]
    assert cached(images, tmp_path / "cache").key == cache.key


def test_pictures_in_an_archive_are_identified_by_their_checksums(pictures, tmp_path):
    def archive(name, images):
        with ZipFile(tmp_path / name, "w") as file:
            for image in images:
                file.write(image.path, f"photos/{image.name}")
        return [ImageFile(tmp_path / name, f"photos/{image.name}") for image in images]

    first = cached(archive("a.zip", pictures), tmp_path / "cache")
    same = cached(archive("b.zip", pictures), tmp_path / "cache")
    assert same.key == first.key
    change_content(pictures, {})
    other = cached(archive("c.zip", pictures), tmp_path / "cache", on_bad_image="skip")
    assert other.key != first.key
    missing = [*archive("d.zip", pictures[:3]), ImageFile(tmp_path / "d.zip", "photos/9.png")]
    with pytest.raises(FileNotFoundError, match=r"photos/9\.png"):
        cached(missing, tmp_path / "cache")
    with pytest.raises(FileNotFoundError, match=r"No archive .*e\.zip"):
        cached([ImageFile(tmp_path / "e.zip", "photos/0.png")], tmp_path / "cache")


def test_a_damaged_picture_stops_with_its_name(pictures, tmp_path):
    pictures[4].path.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"4\.png is not a picture"):
        cached(pictures, tmp_path / "cache")


def test_bad_pictures_are_skipped_counted_and_marked(pictures, tmp_path, caplog):
    pictures[4].path.write_bytes(b"no picture")
    pictures[2].path.unlink()
    cache = cached(pictures, tmp_path / "cache", on_bad_image="skip")
    assert "2 of 7 images cannot be used and were skipped; the first: No picture" in caplog.text
    assert cache.valid.tolist() == [True, True, False, True, False, True, True]
    assert sorted(cache.skipped) == [2, 4]
    assert cache.read([0, 6]).shape == (2, 4, 10)
    with pytest.raises(ValueError, match=r"Image 4 has no features.*4\.png is not a picture"):
        cache.read([3, 4])
    with pytest.raises(ImageError, match=r"2\.png"):
        cached(pictures, tmp_path / "cache", on_bad_image="stop")


@pytest.fixture
def interrupted(pictures, tmp_path, monkeypatch):
    """Interrupt a cache at its second chunk; return the names of pictures opened afterwards."""
    monkeypatch.setattr(feature_extraction, "_CHUNK_BYTES", 1)  # every batch is a chunk
    opened = []

    def load(source):
        opened.append(source.name)
        if source.name == "4.png":
            raise KeyboardInterrupt
        return load_image(source)

    monkeypatch.setattr(feature_extraction, "load_image", load)
    with pytest.raises(KeyboardInterrupt):
        cached(pictures, tmp_path / "cache", on_bad_image="skip")
    opened.clear()

    def count(source):
        opened.append(source.name)
        return load_image(source)

    monkeypatch.setattr(feature_extraction, "load_image", count)
    return opened


def test_written_images_are_not_encoded_again(interrupted, pictures, tmp_path):
    resumed = cached(pictures, tmp_path / "cache")
    assert interrupted == ["3.png", "4.png", "5.png", "6.png"]
    assert torch.equal(resumed.read(range(7)), cached(pictures, tmp_path / "whole").read(range(7)))


def test_a_picture_skipped_by_an_interrupted_run_stops_a_strict_run(pictures, tmp_path, request):
    pictures[0].path.write_bytes(b"no picture")
    opened = request.getfixturevalue("interrupted")
    with pytest.raises(ImageError, match=r"0\.png is not a picture"):
        cached(pictures, tmp_path / "cache")
    assert opened == []


def test_a_cache_can_be_passed_to_workers(cache):
    expected = cache.read([3])
    copy = pickle.loads(pickle.dumps(cache))
    assert len(pickle.dumps(cache)) < 5000
    torch.testing.assert_close(copy.read([3]), expected, rtol=0, atol=0)
    with get_context("fork").Pool(2) as pool:
        sums = pool.map(_sum_of, [(cache, row) for row in range(7)])
    assert sums == [cache.read([row]).double().sum().item() for row in range(7)]


def _sum_of(task):
    cache, row = task
    return cache.read([row]).double().sum().item()


def test_verify_detects_changes(cache):
    cache.verify()
    path = cache.folder / "features.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        ValueError, match=r"is damaged: images 0 to 6 have changed. Delete the folder"
    ):
        FeatureCache(cache.folder).verify()


def test_a_folder_without_an_index_is_no_cache(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No finished feature cache in .* no index\.json"):
        FeatureCache(tmp_path)


@pytest.mark.parametrize("size", [0, 100, 200, 100_000])
def test_an_array_of_another_size_is_refused(pictures, cache, tmp_path, size):
    path = cache.folder / "features.npy"
    path.write_bytes(path.read_bytes()[:size] + bytes(max(0, size - path.stat().st_size)))
    with pytest.raises(ValueError, match=rf"features\.npy has {size:,} bytes, not 688. Delete the"):
        cached(pictures, tmp_path / "cache")


def test_a_missing_array_is_refused(cache):
    (cache.folder / "features.npy").unlink()
    with pytest.raises(ValueError, match="has 0 bytes, not"):
        FeatureCache(cache.folder)


def test_an_array_of_another_shape_is_refused(cache):
    path = cache.folder / "features.npy"
    path.write_bytes(path.read_bytes().replace(b"(7, 1, 4, 10)", b"(7, 1, 10, 4)"))
    with pytest.raises(ValueError, match="has another shape than its index"):
        FeatureCache(cache.folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda index: b"", r"index\.json cannot be read"),
        (lambda index: b"\xff\x00", r"index\.json cannot be read"),
        (lambda index: b"[]", r"index\.json cannot be read"),
        (lambda index: json.dumps(index)[:-9], r"index\.json cannot be read"),
        (lambda index: {**index, "chunks": None}, r"index\.json cannot be read"),
        (lambda index: {**index, "skipped": {"x": ""}}, r"index\.json cannot be read"),
        (lambda index: {**index, "skipped": {"7": ""}}, r"index\.json contradicts itself"),
        (lambda index: {**index, "names": ["a"]}, r"index\.json contradicts itself"),
        (lambda index: {**index, "shape": [7, 4, 10]}, r"index\.json contradicts itself"),
        (lambda index: {**index, "views": []}, r"index\.json contradicts itself"),
        (lambda index: {**index, "key": "other"}, "its index is of another cache"),
        (lambda index: {**index, "format": 2}, "is of format 2, this version reads 1"),
    ],
)
def test_a_damaged_index_is_refused(pictures, cache, tmp_path, change, reason):
    path = cache.folder / "index.json"
    changed = change(json.loads(path.read_bytes()))
    text = json.dumps(changed) if isinstance(changed, dict) else changed
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=reason) as caught:
        cached(pictures, tmp_path / "cache")
    assert "Delete the folder" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": []}, "`images` must name one picture or more, got none"),
        ({"views": ()}, "`views` must be different ones of plain, mirror, crop_top_left"),
        ({"views": ("plain", "plain")}, r"got \['plain', 'plain'\]"),
        ({"batch_size": 0}, "`batch_size` must be 1 or more, got 0"),
    ],
)
def test_a_wrong_argument_is_named(pictures, tmp_path, arguments, message):
    given = {"images": pictures, **arguments}
    with pytest.raises(ValueError, match=message):
        cache_features(
            small_encoder(), transform=EvalTransform(SETTINGS), folder=tmp_path / "cache", **given
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["sideways"], 1, "stop"), r"`views` must be different ones of plain.*got \['sideways'\]"),
        ((["plain"], 1, "ask"), "`on_bad_image` must be 'stop' or 'skip', got 'ask'"),
    ],
)
def test_an_unknown_choice_is_named(pictures, arguments, message):
    check = getattr(features._check_arguments, "__wrapped__", features._check_arguments)
    with pytest.raises(ValueError, match=message):
        check(pictures, *arguments)


def test_a_folder_that_cannot_be_made_gives_a_sentence(pictures, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"Could not make the folder .*: Not a directory. Choose"):
        cached(pictures, tmp_path / "file" / "cache")


# Reads a folder a line and encodes into it, in a child process of its own.
SERVER = """
import os, sys
from pathlib import Path
import torch
from multimodal.data import feature_extraction
from multimodal.data.examples import ImageFile
from multimodal.data.features import cache_features
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.nn.encoders import SmallCNN

def encode(folder):
    cache_features(
        encoder, images, EvalTransform(TransformSettings(size=16)), Path(folder),
        batch_size=3, progress=False,
    )

torch.set_num_threads(1)
torch.manual_seed(0)
feature_extraction._CHUNK_BYTES = 1  # every batch is a chunk
encoder = SmallCNN(channels=[8, 8], strides=[4, 2])
images = [ImageFile(path) for path in sorted(Path(sys.argv[1]).glob("*.png"))]
encode(sys.argv[2])  # the children then find all that torch loads on first use
print("ready", flush=True)
for folder in sys.stdin:
    child = os.fork()
    if child == 0:
        encode(folder.strip())
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


def chunks_kept(folder):
    journals = list(folder.glob("*/progress.jsonl"))
    return sum(len(journal.read_bytes().splitlines()) - 1 for journal in journals)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_cache_survives_kills_at_any_moment(tmp_path, kills):
    images = sorted(save_pictures(tmp_path / "pictures", count=9 * kills), key=str)
    folder, kept = tmp_path / "killed", 0
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(images[0].path.parent), str(tmp_path / "whole")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout.readline() == "ready\n"
        for kill in range(kills + 1):
            server.stdin.write(f"{folder}\n")
            server.stdin.flush()
            child = int(server.stdout.readline())
            if kill == kills:  # the last may finish
                break
            if kill:  # the first dies before it has written anything
                while chunks_kept(folder) <= kept:
                    time.sleep(0.0005)
                time.sleep(kill % 7 * 0.0005)
            os.kill(child, signal.SIGKILL)
            assert server.stdout.readline() == "gone\n"
            assert chunks_kept(folder) >= kept
            kept = chunks_kept(folder)
        assert 0 < kept < 3 * kills
        assert server.stdout.readline() == "gone\n"
    (whole,) = (tmp_path / "whole").iterdir()
    resumed = FeatureCache(folder / whole.name)
    resumed.verify()
    expected = FeatureCache(whole).read(range(len(images)))
    assert torch.equal(resumed.read(range(len(images))), expected)


def test_a_process_that_waited_for_another_opens_its_cache(pictures, tmp_path, monkeypatch):
    calls = []

    @contextlib.contextmanager
    def waiting(folder):
        if not calls:  # what the other process does while this one waits
            calls.append("waited")
            cached(pictures, tmp_path / "cache")
        yield

    monkeypatch.setattr(features, "locked", waiting)
    cache = cached(pictures, tmp_path / "cache")
    monkeypatch.setattr(features, "FeatureWriter", None)
    assert cached(pictures, tmp_path / "cache").key == cache.key
    assert calls == ["waited"]


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


def test_an_interrupted_array_continues_after_its_last_chunk(tmp_path):
    write(tmp_path, [3, 2])
    assert not (tmp_path / INDEX_NAME).exists()
    assert rows_kept(tmp_path) == 5
    write(tmp_path, [5], finish=True)
    np.testing.assert_array_equal(np.load(tmp_path / ARRAY_NAME), ROWS)


def test_skipped_images_are_kept(tmp_path):
    with FeatureWriter(tmp_path, SHAPE, ABOUT) as writer:
        writer.append(ROWS[:5], {3: "3.jpg is damaged."})
    with FeatureWriter(tmp_path, SHAPE, ABOUT) as writer:
        assert writer.skipped == {3: "3.jpg is damaged."}
        writer.append(ROWS[5:], {7: "7.jpg is empty."})
        writer.finish(NAMES)
    index = json.loads((tmp_path / INDEX_NAME).read_text())
    assert index["skipped"] == {"3": "3.jpg is damaged.", "7": "7.jpg is empty."}


@pytest.mark.parametrize("cut", range(0, 24, 5))
def test_a_half_written_chunk_does_not_count(tmp_path, cut):
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
def test_a_half_written_line_does_not_count(tmp_path, cut):
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
def test_an_unknown_line_ends_the_journal(tmp_path, line):
    write(tmp_path, [3])
    with (tmp_path / "progress.jsonl").open("ab") as file:
        file.write(line)
    assert rows_kept(tmp_path) == 3


def test_an_array_of_another_content_is_dropped(tmp_path):
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


def test_a_lock_that_fails_is_logged(tmp_path, monkeypatch, caplog):
    import fcntl

    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path):
        pass
    assert "start one process only" in caplog.text


def test_without_locks_of_the_system_no_process_waits(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with locked(tmp_path), locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
