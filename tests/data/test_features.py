import contextlib
import dataclasses
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image

from multimodal.data import features
from multimodal.data.examples import ImageFile
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


def test_what_is_read_is_what_the_encoder_gives(pictures, cache):
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


def test_what_is_read_may_be_changed(cache):
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
def test_an_image_that_is_not_there_is_refused(cache, indices):
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


def test_pictures_in_an_archive_are_known_by_their_checksums(pictures, tmp_path):
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


def test_a_cache_can_be_handed_to_workers(cache):
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


def test_verify_finds_what_has_changed(cache):
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


def test_an_array_that_is_gone_is_missed(cache):
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
def test_a_word_of_no_closed_set_is_named(pictures, arguments, message):
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


def test_who_waited_for_another_process_finds_its_cache(pictures, tmp_path, monkeypatch):
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
