"""A small network and pictures on which methods are compared with those of captum."""

import pytest
import torch
from torch import nn


@pytest.fixture(scope="module")
def network():
    """Convolutions, a ReLU, pooling and a layer: three logits for each picture."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(6, 5, 3)]
        return nn.Sequential(
            *layers, nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3)
        ).eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand(3, 3, 11, 13, generator=torch.Generator().manual_seed(1))
