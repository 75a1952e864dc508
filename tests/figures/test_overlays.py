import pytest
import torch

from multimodal.figures.overlays import light, tint


def test_a_map_lights_the_region_of_the_largest_weight():
    image = torch.full((3, 256, 256), 100, dtype=torch.uint8)
    weights = torch.zeros(16)
    weights[5] = 0.4  # second row, second column
    lit = light(image, weights, (4, 4)).float().mean(0)
    assert lit[96, 96] > 100
    assert lit[224, 224] == 50
    assert lit.amax() == lit[64:128, 64:128].amax()


def test_a_map_of_equal_weights_is_lit_everywhere():
    image = torch.full((3, 256, 256), 100, dtype=torch.uint8)
    lit = light(image, torch.full((16,), 1 / 16), (4, 4))
    assert lit.float().std((1, 2)).max() == 0
    assert lit.float().mean() > 100


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision_give_the_same_light(dtype):
    image = torch.full((3, 64, 64), 100, dtype=torch.uint8)
    weights = torch.tensor([0.5, 0.25, 0.25, 0.0])
    torch.testing.assert_close(
        light(image, weights.to(dtype), (2, 2)), light(image, weights, (2, 2))
    )


def test_weights_of_zero_leave_the_picture_dim():
    image = torch.full((3, 8, 8), 100, dtype=torch.uint8)
    assert light(image, torch.zeros(4), (2, 2)).unique().tolist() == [50]


def test_positive_regions_are_blue_negative_ones_orange_and_zeros_pale():
    image = torch.full((3, 60, 60), 200, dtype=torch.uint8)
    shown = tint(image, torch.tensor([1.0, 0.0, -1.0]), (1, 3)).int()
    red, _, blue = shown[:, 30, 5]
    assert blue > red
    red, _, blue = shown[:, 30, 55]
    assert red > blue
    assert shown[:, 30, 30].max() - shown[:, 30, 30].min() <= 6


def test_a_map_of_zeros_leaves_a_pale_picture():
    image = torch.randint(0, 255, (3, 8, 8), dtype=torch.uint8)
    shown = tint(image, torch.zeros(4), (2, 2))
    torch.testing.assert_close(shown[0], shown[2])
    assert (shown >= image.float().mean(dim=0) - 1).all()
