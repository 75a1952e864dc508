import inspect
import runpy
import sys
from dataclasses import asdict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import functional as reference

from multimodal.data import transforms
from multimodal.data.transforms import EvalTransform, TrainTransform, TransformSettings, shrink

VARIED = TransformSettings(
    size=24,
    min_area=0.6,
    max_stretch=1.4,
    shift=0.1,
    flip=0.5,
    brightness=0.3,
    contrast=0.3,
    saturation=0.3,
)


def noise(height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_settings_survive_a_round_trip_through_plain_data():
    assert TransformSettings(**asdict(VARIED)) == VARIED
    assert all(type(value) in (int, float, str) for value in asdict(VARIED).values())


@pytest.mark.parametrize(("height", "width"), [(40, 60), (60, 40), (10, 12), (24, 50), (1, 1)])
def test_squash_equals_torchvisions_resize(height, width):
    image = noise(height, width)
    expected = reference.resize(image, [24, 24], antialias=True)
    result = EvalTransform(TransformSettings(size=24))(image)
    torch.testing.assert_close(result, expected, rtol=0, atol=0)


@pytest.mark.parametrize(("height", "width"), [(40, 60), (62, 40), (11, 13)])
def test_crop_equals_torchvisions_centre_crop_then_resize(height, width):
    image = noise(height, width)
    side = min(height, width)
    square = reference.center_crop(image, [side, side])
    expected = reference.resize(square, [24, 24], antialias=True)
    result = EvalTransform(TransformSettings(size=24, resize="crop"))(image)
    torch.testing.assert_close(result, expected, rtol=0, atol=0)


def test_crop_keeps_the_centre_and_its_proportions():
    image = torch.zeros(3, 30, 90, dtype=torch.uint8)
    image[:, :, 30:60] = 255
    cropped = EvalTransform(TransformSettings(size=30, resize="crop"))(image)
    assert cropped.unique().tolist() == [255]
    squashed = EvalTransform(TransformSettings(size=30))(image)
    assert squashed[0, 0, 0] == 0
    assert squashed[0, 0, 15] == 255


def test_the_crop_fraction_cuts_a_margin():
    image = torch.zeros(3, 32, 32, dtype=torch.uint8)
    image[:, 2:30, 2:30] = 9
    cropped = EvalTransform(TransformSettings(size=28, resize="crop", crop_fraction=0.875))(image)
    assert cropped.unique().tolist() == [9]


def test_a_picture_of_the_right_size_passes_untouched():
    image = noise(24, 24)
    for resize in ("squash", "crop"):
        torch.testing.assert_close(EvalTransform(TransformSettings(24, resize))(image), image)


@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(0, 5), st.sampled_from(["squash", "crop"])
)
def test_without_variation_training_pictures_equal_those_of_evaluation(height, width, seed, resize):
    settings = TransformSettings(size=16, resize=resize, crop_fraction=0.8)
    image = noise(height, width, seed)
    trained = TrainTransform(settings)(image, seeded(seed))
    torch.testing.assert_close(trained, EvalTransform(settings)(image), rtol=0, atol=0)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 100))
def test_variation_keeps_size_and_type(height, width, seed):
    result = TrainTransform(VARIED)(noise(height, width), seeded(seed))
    assert result.shape == (3, 24, 24)
    assert result.dtype == torch.uint8


def test_all_randomness_comes_from_the_generator():
    image, transform = noise(40, 50), TrainTransform(VARIED)
    torch.manual_seed(0)
    first = transform(image, seeded(7))
    torch.manual_seed(1)
    torch.testing.assert_close(transform(image, seeded(7)), first, rtol=0, atol=0)
    assert not torch.equal(transform(image, seeded(8)), first)


def test_the_global_generator_is_not_touched():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    TrainTransform(VARIED)(noise(40, 50), seeded(0))
    torch.testing.assert_close(torch.rand(4), expected)


def test_the_source_is_not_changed():
    image = noise(24, 24)
    copy = image.clone()
    for seed in range(5):
        TrainTransform(VARIED)(image, seeded(seed))
    torch.testing.assert_close(image, copy)


def test_every_call_draws_the_same_count_of_numbers():
    plain, varied = seeded(1), seeded(1)
    TrainTransform(TransformSettings(size=8))(noise(9, 9), plain)
    TrainTransform(VARIED)(noise(9, 9), varied)
    assert torch.equal(plain.get_state(), varied.get_state())


def test_mirroring_is_off_by_default_and_happens_at_its_rate():
    image = noise(24, 24)
    assert TransformSettings().flip == 0
    transform = TrainTransform(TransformSettings(size=24, flip=0.25))
    results = [transform(image, seeded(seed)) for seed in range(400)]
    mirrored = sum(torch.equal(result, image.flip(-1)) for result in results)
    assert all(torch.equal(r, image) or torch.equal(r, image.flip(-1)) for r in results)
    assert 70 < mirrored < 130


def test_a_shift_moves_whole_pixels_and_repeats_the_edge():
    image = torch.arange(20, dtype=torch.uint8).expand(3, 20, 20)
    transform = TrainTransform(TransformSettings(size=20, shift=0.1))
    rows = {tuple(transform(image, seeded(seed))[0, 0].tolist()) for seed in range(200)}
    expected = {
        tuple(min(max(column + move, 0), 19) for column in range(20)) for move in range(-2, 3)
    }
    assert rows == expected


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_random_crops_keep_at_least_their_part_of_the_area(resize):
    settings = TransformSettings(size=64, resize=resize, min_area=0.5)
    image = torch.arange(64, dtype=torch.uint8).expand(3, 64, 64)  # each column holds its number
    spans = []
    for seed in range(100):
        row = TrainTransform(settings)(image, seeded(seed))[0, 0].int()
        spans.append(int(row[-1] - row[0] + 1) / 64)
    assert 0.5**0.5 - 0.05 < min(spans) < 0.8
    assert 0.9 < max(spans) <= 1


def test_crops_reach_every_corner():
    image = torch.zeros(3, 64, 64, dtype=torch.uint8)
    for row, column, value in ((0, 0, 50), (0, 63, 100), (63, 0, 150), (63, 63, 200)):
        image[:, row, column] = value
    transform = TrainTransform(TransformSettings(size=48, min_area=0.56, max_stretch=1.0))
    seen = [transform(image, seeded(seed)) for seed in range(200)]
    assert all(
        any(result[0, row, column] > 0 for result in seen) for row in (0, -1) for column in (0, -1)
    )


def test_stretching_keeps_proportions_within_its_bound():
    settings = TransformSettings(size=100, min_area=0.5, max_stretch=1.5)
    image = torch.stack(
        [
            torch.arange(100, dtype=torch.uint8).expand(100, 100),
            torch.arange(100, dtype=torch.uint8)[:, None].expand(100, 100),
            torch.zeros(100, 100, dtype=torch.uint8),
        ]
    )
    ratios = []
    for seed in range(100):
        result = TrainTransform(settings)(image, seeded(seed)).int()
        wide = int(result[0, 0, -1] - result[0, 0, 0] + 1)
        tall = int(result[1, -1, 0] - result[1, 0, 0] + 1)
        ratios.append(wide / tall)
    assert 1 / 1.6 < min(ratios) < 0.85
    assert 1.15 < max(ratios) < 1.6


@pytest.mark.parametrize(
    ("name", "adjust"),
    [
        ("brightness", reference.adjust_brightness),
        ("contrast", reference.adjust_contrast),
        ("saturation", reference.adjust_saturation),
    ],
)
def test_colours_vary_between_the_references_extremes(name, adjust):
    image = noise(16, 16)
    transform = TrainTransform(TransformSettings(size=16, **{name: 0.4}))
    results = torch.stack([transform(image, seeded(seed)) for seed in range(50)]).float()
    low, high = adjust(image, 0.6).float(), adjust(image, 1.4).float()
    assert bool((results >= torch.minimum(low, high) - 1).all())
    assert bool((results <= torch.maximum(low, high) + 1).all())
    assert results.std(0).mean() > 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "`size` must be at least 1 pixel, got 0"),
        ({"crop_fraction": 0.0}, "`crop_fraction` must be above 0 and at most 1, got 0.0"),
        ({"min_area": 1.5}, "`min_area` must be above 0 and at most 1, got 1.5"),
        ({"flip": 2.0}, "`flip` must be from 0 to 1, got 2.0"),
        ({"shift": -0.1}, "`shift` must be from 0 to 1, got -0.1"),
        ({"saturation": float("nan")}, "`saturation` must be from 0 to 1, got nan"),
        ({"max_stretch": 0.5}, r"`max_stretch` must be 1 \(none\) or more, got 0.5"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TransformSettings(**settings)


def test_an_unknown_way_to_resize_is_refused():
    settings = TransformSettings()
    object.__setattr__(settings, "resize", "fit")  # past the type check that only tests have
    with pytest.raises(ValueError, match="`resize` must be 'squash' or 'crop', got 'fit'"):
        inspect.unwrap(TransformSettings.__post_init__)(settings)


def test_evaluation_needs_no_torchvision(monkeypatch):
    for name in ("torchvision", "torchvision.transforms.v2"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it now raises
    fresh = runpy.run_path(transforms.__file__)
    transform = fresh["EvalTransform"](fresh["TransformSettings"](size=8))
    assert transform(noise(9, 9)).shape == (3, 8, 8)
    varied = fresh["TrainTransform"](fresh["TransformSettings"](size=8, brightness=0.1))
    with pytest.raises(ImportError):
        varied(noise(9, 9), seeded(0))


def test_only_large_pictures_are_shrunk_and_keep_their_proportions():
    small, large = noise(20, 31), noise(90, 61)
    assert shrink(small, 20) is small
    found = shrink(large, 20)
    assert found.shape == (3, 30, 20)
    expected = reference.resize(large, [30, 20], antialias=True)
    torch.testing.assert_close(found, expected, atol=1, rtol=0)
