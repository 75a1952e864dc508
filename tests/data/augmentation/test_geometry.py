import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as reference

from multimodal.data.augmentation.geometry import erase, mirror, shift, transform

IMAGES = torch.randint(
    0, 256, (3, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
)
GREY = IMAGES[:, :1].clone()
MOVES = ("degrees", "shear_x", "shear_y", "right", "down")


def move(images, **amounts):
    given = {name: torch.zeros(len(images)) for name in MOVES} | {"zoom": torch.ones(len(images))}
    given |= {name: torch.tensor(values) for name, values in amounts.items()}
    return transform(images, **given)


def test_only_the_chosen_are_mirrored():
    chosen = torch.tensor([True, False, True])
    found = mirror(IMAGES, chosen)
    assert found[0].equal(IMAGES[0].flip(-1))
    assert found[1].equal(IMAGES[1])
    assert mirror(found, chosen).equal(IMAGES)
    assert found.data_ptr() != IMAGES.data_ptr()


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=3))
def test_a_shift_is_a_cut_of_a_picture_with_a_border(moves):
    down, right = torch.tensor(moves).unbind(1)
    for images, mode in ((IMAGES, "reflect"), (GREY, "constant")):
        found = shift(images, down, right)
        bordered = reference.pad(images, [5] * 4, padding_mode=mode)
        for row, (y, x) in enumerate(moves):
            assert found[row].equal(bordered[row, :, 5 - y : 21 - y, 5 - x : 21 - x])


@pytest.mark.parametrize("degrees", [0.0, 90.0, 180.0, 270.0])
def test_a_quarter_turn_is_exact_and_clockwise(degrees):
    found = move(IMAGES, degrees=[degrees] * 3)
    assert found.equal(torch.rot90(IMAGES, -int(degrees) // 90, dims=(2, 3)))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"degrees": 20.0}, {"angle": 20.0}),
        ({"degrees": -33.0, "zoom": 1.3}, {"angle": -33.0, "scale": 1.3}),
        ({"zoom": 0.7}, {"scale": 0.7}),
        ({"right": 3 / 16, "down": -2 / 16}, {"translate": [3, -2]}),
        ({"shear_x": -0.3}, {"shear": [16.699244, 0.0]}),
    ],
)
def test_moves_are_those_of_torchvision(ours, theirs):
    # Black outside, as for grey pictures, is what both can do.
    given = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]} | theirs
    bilinear = reference.InterpolationMode.BILINEAR
    expected = reference.affine(GREY, **given, interpolation=bilinear)
    found = move(GREY, **{name: [value] * 3 for name, value in ours.items()})
    torch.testing.assert_close(found.int(), expected.int(), atol=1, rtol=0)


def test_each_picture_moves_by_its_own_amount():
    found = move(IMAGES, degrees=[0.0, 90.0, 180.0], right=[0.0, 0.0, 0.0])
    assert found[0].equal(IMAGES[0])
    assert found[1].equal(torch.rot90(IMAGES[1], -1, dims=(1, 2)))
    assert found[2].equal(torch.rot90(IMAGES[2], 2, dims=(1, 2)))


def test_edges_are_mirrored_in_colour_and_black_in_grey():
    white = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    assert (move(white, degrees=[45.0]) == 255).all()
    assert move(white[:, :1], degrees=[45.0])[0, 0, 0, 0] == 0
    assert (shift(white, torch.tensor([3]), torch.tensor([-2])) == 255).all()
    assert shift(white[:, :1], torch.tensor([3]), torch.tensor([0]))[0, 0, 0, 4] == 0


def test_a_square_is_painted_over_and_nothing_else():
    found = erase(IMAGES, torch.tensor([2, -1, 15]), torch.tensor([3, 0, 15]), 4)
    changed = (found != IMAGES).any(dim=1)
    assert not changed[0, :2].any()
    assert not changed[0, :, 7:].any()
    assert (found[0, :, 2:6, 3:7] == 128).all()
    assert (found[1, :, :3, :4] == 128).all()
    assert found[1, :, 3:].equal(IMAGES[1, :, 3:])
    assert changed[2].sum() <= 1
    assert (erase(GREY, torch.tensor([0] * 3), torch.tensor([0] * 3), 2)[..., 0, 0] == 0).all()
