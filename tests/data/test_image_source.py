import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image

from multimodal.data.examples import ImageFile
from multimodal.data.image_source import Images, ImageSource
from multimodal.data.transforms import EvalTransform, TrainTransform, TransformSettings
from multimodal.nn.encoders import SmallCNN
from multimodal.worlds.scenes import sample_scene

SETTINGS = TransformSettings(size=48)
CUT = TransformSettings(size=8, resize="crop", crop_fraction=0.75, min_area=0.3)


@pytest.fixture
def photos(tmp_path):
    """Three pictures of noise, of different sizes."""
    generator = torch.Generator().manual_seed(0)
    files = []
    for number, size in enumerate([(40, 30), (20, 50), (9, 9)]):
        noise = torch.randint(0, 256, (*size, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(noise.numpy()).save(tmp_path / f"{number}.png")
        files.append(ImageFile(tmp_path / f"{number}.png"))
    return files


def reading(photos, transform, keep_bytes):
    return ImageSource(photos, transform=transform, image_size=8, keep_bytes=keep_bytes)


@pytest.mark.parametrize("transform", [EvalTransform, TrainTransform])
def test_pictures_that_fit_are_opened_once(photos, transform, monkeypatch):
    source = reading(photos, transform(CUT), 10_000)
    requests = [(3, 0), (3, 1), (3, 2)]
    first = source.read(requests)
    monkeypatch.setattr("multimodal.data.image_source.load_image", None)  # must not be called again
    assert source.read(requests).images.equal(first.images)


def test_pictures_that_are_kept_are_seen_as_others_are(photos):
    requests = [(3, 0), (3, 1), (3, 2)]
    kept = reading(photos, EvalTransform(CUT), 10_000)
    kept.read(requests)
    assert kept.read(requests).images.equal(
        reading(photos, EvalTransform(CUT), 0).read(requests).images
    )


@pytest.mark.parametrize("transform", [EvalTransform, TrainTransform])
def test_how_much_fits_does_not_change_what_is_seen(photos, transform):
    requests = [(3, 2), (3, 0), (3, 1)]
    seen = []
    for keep_bytes in (1, 400, 900, 10_000):
        source = reading(photos, transform(CUT), keep_bytes)
        seen += [source.read(requests).images for _ in range(2)]
        assert sum(image.numel() for image in source._kept.values()) <= keep_bytes
    assert all(images.equal(seen[0]) for images in seen)


def test_scenes_are_drawn_once_and_kept(monkeypatch):
    scenes = [sample_scene(0, index, "train") for index in range(3)]
    source = ImageSource(scenes, transform=EvalTransform(SETTINGS), image_size=48)
    first = source.read([(0, 2), (0, 0)])
    monkeypatch.setattr(
        "multimodal.data.image_source.render_scene", None
    )  # must not be called again
    again = source.read([(1, 2)])
    assert first.requests == [(0, 2), (0, 0)]
    assert first.images.shape == (2, 3, 48, 48)
    assert first.images.dtype == torch.uint8
    assert again.images[0].equal(first.images[0])
    assert first.features is None
    assert first.skipped == ()


def cached(folder=""):
    return Images(TransformSettings(size=48), folder)


@pytest.fixture
def trainer():
    return Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, max_epochs=1)


@pytest.fixture
def encoder():
    return SmallCNN(channels=[8, 8], strides=[4, 2], trainable_stages=0)


def test_a_cache_needs_a_task_with_an_encoder(photos, trainer):
    with pytest.raises(ValueError, match=r"needs a task whose `model\.encoder` is an ImageEncoder"):
        cached("features").source("test", photos, trainer, training=False)


def test_without_a_cache_no_encoder_is_needed(photos, trainer):
    source = cached().source("test", photos, trainer, training=False)
    assert source.read([(0, 1)]).images.shape == (1, 3, 48, 48)


def test_without_a_trainer_images_are_read(photos, encoder):
    images = cached("features")
    images.use_encoder(encoder, -1, trainable_stages=0)
    assert images.source("test", photos, None, training=False).cache is None


def test_scenes_are_not_cached(tmp_path, trainer, encoder):
    images, scene = cached(str(tmp_path)), sample_scene(0, 0, "test")
    images.use_encoder(encoder, -1, trainable_stages=0)
    with pytest.raises(ValueError, match=r"scenes are drawn, not read"):
        images.source("test", [scene], trainer, training=False)


def test_images_are_read_again_once_the_encoder_is_trained(tmp_path, photos, trainer, encoder):
    images = cached(str(tmp_path))
    images.use_encoder(encoder, 3, trainable_stages=0)
    source = images.source("train", photos, trainer, training=True)
    assert source.read([(2, 0)]).images is None
    assert source.read([(3, 0)]).features is None


def test_each_run_makes_features_of_its_own_encoder(tmp_path, photos, trainer, encoder):
    images, features = cached(str(tmp_path)), []
    for _ in range(2):
        images.use_encoder(encoder, -1, trainable_stages=0)
        source = images.source("test", photos, trainer, training=False)
        features.append(source.read([(0, 0)]).features)
        for weights in encoder.parameters():
            weights.data.mul_(2.0)
    assert not features[0].equal(features[1])


def test_a_cache_is_refused_where_the_encoder_is_trained_from_the_start(tmp_path, encoder):
    with pytest.raises(ValueError, match=r"trains the encoder: `encoder\.trainable_stages` is 2"):
        cached(str(tmp_path)).use_encoder(encoder, -1, trainable_stages=2)
    cached().use_encoder(encoder, -1, trainable_stages=2)  # without a cache it may be trained
