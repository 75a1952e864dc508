import pytest
import torch
from torch import nn

from multimodal.explain.grad_cam import grad_cam

CLASSES = torch.tensor([0, 2, 1])


def halves(network):
    """The network up to its last convolution, and what comes after it."""
    layers = list(network)
    return nn.Sequential(*layers[:4]), nn.Sequential(*layers[4:])


def test_values_are_captums(network, images):
    attr = pytest.importorskip("captum.attr")
    expected = attr.LayerGradCam(network, network[3]).attribute(
        images, target=CLASSES, relu_attributions=True
    )
    encoder, head = halves(network)

    def score(maps, which):
        return head(maps)[torch.arange(len(maps)), CLASSES[which]]

    found = grad_cam(score, encoder(images))
    torch.testing.assert_close(found, expected.squeeze(1).detach())
    torch.testing.assert_close(grad_cam(score, encoder(images), together=2), found)


def test_with_mean_pooling_and_one_layer_the_positive_evidence_adds_up_to_the_score():
    maps, weights = torch.rand(2, 4, 3, 5), torch.rand(4)  # all evidence is positive

    def score(maps, which):
        return maps.mean(dim=(2, 3)) @ weights

    found = grad_cam(score, maps)
    torch.testing.assert_close(found.sum(dim=(1, 2)), score(maps, torch.arange(2)))


def test_evidence_against_is_not_drawn():
    maps = torch.rand(1, 2, 3, 3)
    found = grad_cam(lambda maps, which: -maps.sum(dim=(1, 2, 3)), maps)
    assert found.tolist() == torch.zeros(1, 3, 3).tolist()


def test_nothing_has_no_map():
    none = torch.zeros(0, 2, 3, 4)
    assert grad_cam(lambda maps, which: maps.sum(dim=(1, 2, 3)), none).shape == (0, 3, 4)


def test_at_least_one_picture_goes_through_at_a_time():
    with pytest.raises(ValueError, match="`together` must be 1 or more, got 0"):
        grad_cam(lambda maps, which: maps.sum(dim=(1, 2, 3)), torch.ones(1, 1, 1, 1), together=0)
