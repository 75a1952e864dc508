import pytest
import torch
from torch import nn

from multimodal.attribution.grad_cam import grad_cam

CLASSES = torch.tensor([0, 2, 1])


def encoder_and_head(network):
    """The network up to its last convolution, and what comes after it."""
    layers = list(network)
    return nn.Sequential(*layers[:4]), nn.Sequential(*layers[4:])


def test_values_equal_captum(network, images):
    attr = pytest.importorskip("captum.attr")
    expected = attr.LayerGradCam(network, network[3]).attribute(
        images, target=CLASSES, relu_attributions=True
    )
    encoder, head = encoder_and_head(network)

    def score(maps, index):
        return head(maps)[torch.arange(len(maps)), CLASSES[index]]

    result = grad_cam(score, encoder(images))
    torch.testing.assert_close(result, expected.squeeze(1).detach())
    torch.testing.assert_close(grad_cam(score, encoder(images), batch_size=2), result)


def test_with_mean_pooling_and_one_layer_the_positive_evidence_adds_up_to_the_score():
    maps, weights = torch.rand(2, 4, 3, 5), torch.rand(4)  # all evidence is positive

    def score(maps, index):
        return maps.mean(dim=(2, 3)) @ weights

    result = grad_cam(score, maps)
    torch.testing.assert_close(result.sum(dim=(1, 2)), score(maps, torch.arange(2)))


def test_regions_that_lower_the_score_get_zero():
    maps = torch.rand(1, 2, 3, 3)
    result = grad_cam(lambda maps, index: -maps.sum(dim=(1, 2, 3)), maps)
    assert result.tolist() == torch.zeros(1, 3, 3).tolist()


def test_no_pictures_give_no_maps():
    none = torch.zeros(0, 2, 3, 4)
    assert grad_cam(lambda maps, index: maps.sum(dim=(1, 2, 3)), none).shape == (0, 3, 4)


def test_a_batch_size_below_1_is_refused():
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more, got 0"):
        grad_cam(lambda maps, index: maps.sum(dim=(1, 2, 3)), torch.ones(1, 1, 1, 1), batch_size=0)
