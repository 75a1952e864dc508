import pytest
import torch

from multimodal.data.augmentation.presets import PRESETS, SMALL, Augmentation, Preset
from multimodal.data.transforms import TransformSettings

IMAGES = torch.randint(
    0, 256, (20, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
)
REQUESTS = [(2, index) for index in range(20)]
VARYING = sorted(set(PRESETS) - {"none"})


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_preset_keeps_shape_type_and_the_given_pictures(name, channels):
    images = IMAGES[:, :channels].clone()
    seen = Augmentation(name, 32)(images, 0, REQUESTS)
    assert seen.shape == images.shape
    assert seen.dtype == torch.uint8
    assert images.equal(IMAGES[:, :channels])


@pytest.mark.parametrize("name", VARYING)
def test_variation_is_a_function_of_seed_epoch_and_index(name):
    augmentation = Augmentation(name, 32)
    seen = augmentation(IMAGES, 1, REQUESTS)
    assert augmentation(IMAGES, 1, REQUESTS).equal(seen)
    assert augmentation(IMAGES[5:8], 1, REQUESTS[5:8]).equal(seen[5:8])
    assert not augmentation(IMAGES, 2, REQUESTS).equal(seen)
    assert not augmentation(IMAGES, 1, [(3, index) for _, index in REQUESTS]).equal(seen)


def test_the_preset_none_changes_nothing():
    assert Augmentation("none", 32)(IMAGES, 0, REQUESTS) is IMAGES


def test_flip_crop_mirrors_and_shifts_small_pictures_by_an_eighth():
    ramp = torch.arange(32, dtype=torch.uint8).mul(4).expand(1, 3, 32, 32)
    many = ramp.expand(400, -1, -1, -1)
    seen = Augmentation("flip_crop", 32)(many, 0, [(0, index) for index in range(400)])
    rising = seen[:, 0, 16, 18] > seen[:, 0, 16, 14]
    assert 150 < int(rising.sum()) < 250
    middles = seen[rising, 0, 16, 16].unique() // 4
    assert middles.tolist() == [*range(12, 21)]


def test_digits_are_not_mirrored():
    ramp = torch.arange(8, dtype=torch.uint8).mul(20).expand(60, 1, 8, 8)
    seen = Augmentation("standard", 8, mirrored=False)(ramp, 0, [(0, i) for i in range(60)])
    assert (seen[:, 0, 4, 5] >= seen[:, 0, 4, 2]).all()


def test_large_pictures_are_cut_when_they_are_opened_and_small_ones_are_not():
    settings = TransformSettings(size=SMALL)
    for name in VARYING:
        assert Augmentation(name, SMALL).opening(settings) == settings
        opened = Augmentation(name, SMALL + 1).opening(TransformSettings(size=SMALL + 1))
        assert opened.min_area == PRESETS[name].min_area < 1
    seen = Augmentation("flip_crop", SMALL + 1, mirrored=False)(
        torch.zeros(20, 3, 65, 65, dtype=torch.uint8), 0, REQUESTS
    )
    assert not seen.any()


def test_a_square_of_a_quarter_of_the_side_is_painted_over_somewhere():
    assert PRESETS["strong"].erased == 1 / 4
    augmentation = Augmentation("strong", 32)
    augmentation.preset = Preset(erased=1 / 4)
    white = torch.full((400, 1, 32, 32), 255, dtype=torch.uint8)
    seen = augmentation(white, 0, [(0, index) for index in range(400)])
    painted = (seen == 0).sum(dim=(1, 2, 3))
    assert painted.min() >= 16
    assert painted.max() == 64
    assert ((seen == 0).float().mean(dim=(0, 1)) > 0).all()


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="`augmentation` must be one of none, flip_crop, standard"):
        Augmentation("heavy", 32)
