import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from multimodal.data import feature_extraction
from multimodal.data.examples import ImageFile
from multimodal.data.feature_extraction import Extraction, extract, prepare, view_of
from multimodal.data.images import ImageError, load_image
from multimodal.data.transforms import EvalTransform, TransformSettings
from multimodal.nn.encoders import SmallCNN


@pytest.fixture
def pictures(tmp_path):
    generator = np.random.default_rng(0)
    images = []
    for index in range(7):
        pixels = generator.integers(0, 256, (20 + index, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        images.append(ImageFile(tmp_path / f"{index}.png"))
    return images


def small_encoder():
    torch.manual_seed(0)
    return SmallCNN(channels=[8, 8], strides=[4, 2])


def job(
    images,
    *,
    encoder=None,
    device="cpu",
    views=("plain",),
    batch_size=3,
    stop_at_bad=True,
    progress=False,
):
    device = torch.device(device)
    return Extraction(
        prepare(encoder or small_encoder(), 16, device),
        images,
        EvalTransform(TransformSettings(size=16)),
        views=views,
        batch_size=batch_size,
        device=device,
        stop_at_bad=stop_at_bad,
        progress=progress,
    )


def run(work, first=0):
    """Extract, and return the array and the reasons of skipped pictures."""
    chunks, reasons = zip(*extract(work, first), strict=True)
    return np.concatenate(chunks), {row: why for part in reasons for row, why in part.items()}


def test_each_row_holds_its_own_image_and_view(pictures):
    work = job(pictures, views=("mirror", "plain", "zoom"))
    features, skipped = run(work)
    assert features.shape == (7, 3, 4, 10)
    assert features.dtype == np.float16
    assert skipped == {}
    encoder = small_encoder().eval()
    for row, image in enumerate(pictures):
        for column, view in enumerate(work.views):
            picture = work.transform(view_of(load_image(image), view))
            with torch.inference_mode():
                expected = encoder(picture.unsqueeze(0))[0]
            found = torch.from_numpy(features[row, column]).float()
            torch.testing.assert_close(found, expected, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("batch_size", [1, 2, 7, 50])
def test_the_batch_size_changes_rounding_at_most(pictures, batch_size):
    expected, _ = run(job(pictures))
    found, _ = run(job(pictures, batch_size=batch_size))
    np.testing.assert_allclose(found, expected, atol=2e-3, rtol=2e-3)


def test_the_encoder_is_left_as_it_was(pictures):
    encoder = small_encoder().train()
    before, seeded = encoder.fingerprint(), torch.get_rng_state()
    run(job(pictures, encoder=encoder))
    assert encoder.training
    assert encoder.fingerprint() == before
    assert all(parameter.requires_grad for parameter in encoder.parameters())
    assert torch.equal(torch.get_rng_state(), seeded)


def test_the_pictures_before_the_first_are_not_opened(pictures, monkeypatch):
    whole, _ = run(job(pictures))
    opened = []

    def load(source):
        opened.append(source.name)
        return load_image(source)

    monkeypatch.setattr(feature_extraction, "load_image", load)
    features, _ = run(job(pictures), first=3)
    assert opened == ["3.png", "4.png", "5.png", "6.png"]
    np.testing.assert_array_equal(features, whole[3:])


def test_chunks_are_handed_on_at_a_number_of_bytes(pictures, monkeypatch):
    monkeypatch.setattr(feature_extraction, "_CHUNK_BYTES", 1)  # every batch is a chunk
    assert [len(features) for features, _ in extract(job(pictures))] == [3, 3, 1]


def test_a_damaged_picture_stops_the_work_with_its_name(pictures):
    pictures[4].path.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"4\.png is not a picture"):
        run(job(pictures))


def test_a_missing_picture_stops_the_work_with_its_name(pictures):
    pictures[2].path.unlink()
    with pytest.raises(FileNotFoundError, match=r"No picture .*2\.png"):
        run(job(pictures))


def test_bad_pictures_can_be_skipped_and_change_no_other(pictures):
    whole, _ = run(job(pictures))
    pictures[4].path.write_bytes(b"no picture")
    pictures[2].path.unlink()
    features, skipped = run(job(pictures, stop_at_bad=False))
    assert sorted(skipped) == [2, 4]
    assert "No picture" in skipped[2]
    assert "is not a picture" in skipped[4]
    rest = [0, 1, 3, 5, 6]
    np.testing.assert_array_equal(features[rest], whole[rest])


def test_features_that_half_precision_cannot_hold_are_refused(pictures):
    encoder = small_encoder()
    nn.init.constant_(encoder.blocks[1][1].bias, 1e6)
    with pytest.raises(ValueError, match=r"gives features up to 1e\+06; half precision holds"):
        run(job(pictures, encoder=encoder))


@pytest.mark.parametrize(("progress", "shown"), [(True, True), (False, False), (None, False)])
def test_a_bar_is_shown_where_asked_for_or_on_a_terminal(pictures, capsys, progress, shown):
    run(job(pictures, progress=progress))
    assert ("Encoding images: 100%" in capsys.readouterr().err) == shown


def test_views_are_parts_of_the_picture():
    picture = torch.arange(3 * 20 * 40, dtype=torch.float32).reshape(3, 20, 40).to(torch.uint8)
    assert torch.equal(view_of(picture, "plain"), picture)
    assert torch.equal(view_of(picture, "mirror"), picture.flip(-1))
    assert torch.equal(view_of(picture, "crop_top_left"), picture[:, :17, :34])
    assert torch.equal(view_of(picture, "crop_top_right"), picture[:, :17, 6:])
    assert torch.equal(view_of(picture, "crop_bottom_left"), picture[:, 3:, :34])
    assert torch.equal(view_of(picture, "crop_bottom_right"), picture[:, 3:, 6:])
    assert torch.equal(view_of(picture, "zoom"), picture[:, 2:19, 3:37])


@pytest.mark.parametrize("view", ["plain", "mirror", "zoom", "crop_top_right"])
def test_a_picture_of_one_pixel_has_every_view(view):
    assert view_of(torch.zeros(3, 1, 1, dtype=torch.uint8), view).shape == (3, 1, 1)


@pytest.mark.gpu
def test_a_gpu_gives_the_features_of_the_cpu(pictures):
    expected, _ = run(job(pictures))
    found, _ = run(job(pictures, device="cuda"))
    np.testing.assert_allclose(found, expected, atol=1e-2, rtol=1e-2)
