import torch
from torch import nn

from multimodal.nn.encoders import SmallCNN
from multimodal.nn.shapes import map_shape


def test_the_shape_is_that_of_the_map():
    encoder = SmallCNN(channels=(8, 8), strides=(2, 3))
    images = torch.zeros(2, 3, 40, 30, dtype=torch.uint8)
    assert map_shape(encoder, 3, 40, 30) == encoder.feature_map(images).shape[1:]


def test_nothing_is_computed_and_nothing_changes():
    encoder = SmallCNN(channels=(8,), strides=(1,)).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    # Two pictures of 10,000 pixels a side would take gigabytes.
    assert map_shape(encoder, 3, 10_000, 10_000) == (10, 10_000, 10_000)
    torch.testing.assert_close(encoder.state_dict(), before)


def test_a_small_map_is_computed_without_touching_the_network():
    encoder = SmallCNN(channels=(8,), strides=(2,), normalisation="batch").train()
    encoder.eval()
    next(encoder.children()).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    modes = [module.training for module in encoder.modules()]
    assert map_shape(encoder, 3, 12, 12) == (10, 6, 6)
    torch.testing.assert_close(encoder.state_dict(), before)
    assert [module.training for module in encoder.modules()] == modes


def test_images_may_have_one_channel():
    class Same(nn.Module):
        def feature_map(self, images):
            return images

    assert map_shape(Same(), 1, 5, 4) == (1, 5, 4)
