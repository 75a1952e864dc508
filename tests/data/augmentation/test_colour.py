import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from multimodal.data.augmentation import colour

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.randint(0, 256, (4, 3, 11, 9), generator=GENERATOR, dtype=torch.uint8)
IMAGES[1] = IMAGES[1] // 4 + 90  # of little contrast
IMAGES[2, 1] = 77  # a channel of one value
SETS = {"colour": IMAGES, "grey": IMAGES[:, :1].clone()}
FACTORS = torch.tensor([0.0, 0.4, 1.0, 1.9])


@pytest.fixture(params=SETS)
def images(request):
    return SETS[request.param]


def one_by_one(function, images, amounts):
    rows = zip(images, amounts, strict=True)
    return torch.stack([function(image, amount) for image, amount in rows])


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "sharpness"])
def test_changes_equal_those_of_torchvision(name, images):
    ours = getattr(colour, f"adjust_{name}")(images, FACTORS)
    theirs = one_by_one(getattr(reference, f"adjust_{name}"), images, FACTORS.tolist())
    torch.testing.assert_close(ours.int(), theirs.int(), atol=1, rtol=0)
    assert ours.dtype == torch.uint8


def test_posterized_pictures_equal_those_of_torchvision(images):
    bits = torch.tensor([8, 6, 4, 1])
    assert colour.posterize(images, bits).equal(
        one_by_one(reference.posterize, images, bits.tolist())
    )


def test_solarized_pictures_equal_those_of_torchvision(images):
    thresholds = torch.tensor([0.0, 60.5, 128.0, 255.0])
    theirs = one_by_one(reference.solarize, images, thresholds.tolist())
    assert colour.solarize(images, thresholds).equal(theirs)


def test_stretched_pictures_equal_those_of_torchvision(images):
    theirs = one_by_one(lambda image, _: reference.autocontrast(image), images, FACTORS)
    torch.testing.assert_close(colour.autocontrast(images).int(), theirs.int(), atol=1, rtol=0)


@pytest.mark.parametrize("size", [5, 24])
def test_equalized_pictures_equal_those_of_torchvision(size):
    images = torch.randint(0, 256, (3, 3, size, size), generator=GENERATOR, dtype=torch.uint8)
    images[1] = images[1] // 8
    images[2] = 9
    theirs = one_by_one(lambda image, _: reference.equalize(image), images, range(3))
    assert colour.equalize(images).equal(theirs)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "sharpness"])
def test_a_factor_of_one_changes_nothing(name, images):
    assert getattr(colour, f"adjust_{name}")(images, torch.ones(4)).equal(images)


@pytest.mark.parametrize("channels", [1, 3])
def test_all_three_at_once_are_one_after_the_other(channels):
    images = IMAGES[:, :channels] // 4 + 90  # so that nothing is cut in between
    amounts = [torch.tensor(each) for each in ([0.9, 1.0, 1.2, 1.1], [1.2, 0.8, 1.0, 1.1])]
    one_by_one = colour.adjust_contrast(colour.adjust_brightness(images, amounts[0]), amounts[1])
    one_by_one = colour.adjust_saturation(one_by_one, amounts[0])
    found = colour.relight(images, *amounts, amounts[0])
    torch.testing.assert_close(found.int(), one_by_one.int(), atol=3, rtol=0)
    assert colour.relight(images, *torch.ones(3, 4)).equal(images)


def test_pictures_of_one_pixel_stay_sharp():
    dot = torch.full((1, 3, 1, 1), 9, dtype=torch.uint8)
    assert colour.adjust_sharpness(dot, torch.tensor([1.9])).equal(dot)


def test_the_given_pictures_do_not_change(images):
    before = images.clone()
    for change in (colour.autocontrast, colour.equalize):
        change(images)
    colour.adjust_sharpness(images, FACTORS)
    colour.posterize(images, torch.ones(4, dtype=torch.int64))
    assert images.equal(before)
