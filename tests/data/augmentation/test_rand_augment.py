import pytest
import torch

from multimodal.data.augmentation.draws import Draws
from multimodal.data.augmentation.rand_augment import OPERATIONS, rand_augment

IMAGES = torch.randint(
    0, 256, (40, 3, 24, 24), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
)
REQUESTS = [(0, index) for index in range(40)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_keeps_the_shape_and_changes_nothing_at_no_strength(name, channels):
    images = IMAGES[:6, :channels].clone()
    changed = OPERATIONS[name](images, torch.linspace(-1, 1, 6))
    assert changed.shape == images.shape
    assert changed.dtype == torch.uint8
    assert images.equal(IMAGES[:6, :channels])
    if name not in ("autocontrast", "equalize", "solarize"):
        assert OPERATIONS[name](images, torch.zeros(6)).equal(images)


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"identity", "autocontrast"}))
def test_every_operation_changes_pictures(name):
    assert not OPERATIONS[name](IMAGES, torch.full((40,), 0.9)).equal(IMAGES)


def test_a_picture_is_changed_alike_in_any_batch():
    together = rand_augment(IMAGES, Draws(3, REQUESTS), operations=2, strength=9)
    alone = rand_augment(IMAGES[7:9], Draws(3, REQUESTS[7:9]), operations=2, strength=9)
    assert together[7:9].equal(alone)
    assert not together.equal(IMAGES)


def test_operations_are_drawn_for_each_picture():
    black = torch.zeros(1, 3, 24, 24, dtype=torch.uint8)
    black[..., :4] = 200
    many = rand_augment(black.expand(40, -1, -1, -1), Draws(1, REQUESTS), operations=1, strength=9)
    assert len({image.numpy().tobytes() for image in many}) > 10


def test_no_operations_change_nothing():
    assert rand_augment(IMAGES, Draws(0, REQUESTS), operations=0, strength=9).equal(IMAGES)


@pytest.mark.parametrize("strength", [-1, 31])
def test_a_strength_out_of_range_is_refused(strength):
    with pytest.raises(ValueError, match=f"`strength` must be from 0 to 30, got {strength}"):
        rand_augment(IMAGES, Draws(0, REQUESTS), operations=1, strength=strength)
