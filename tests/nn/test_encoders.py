import json
import subprocess
import sys
from dataclasses import asdict

import torch
import torch.nn.functional as F
from torch import nn

from multimodal.nn.encoders import EncoderSettings, SmallCNN, build_encoder


def small(**options):
    torch.manual_seed(0)
    return SmallCNN(**options)


def images(count=2, height=48, width=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    size = (count, 3, height, width)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)


def test_the_default_makes_64_regions_of_64_pixels():
    assert small().grid(64, 64) == (8, 8)


def test_the_last_two_channels_say_where_a_region_is():
    regions = small()(images(1, 64, 64))[0]
    torch.testing.assert_close(regions[0, -2:], torch.tensor([-1.0, -1.0]))
    torch.testing.assert_close(regions[7, -2:], torch.tensor([-1.0, 1.0]))
    torch.testing.assert_close(regions[-1, -2:], torch.tensor([1.0, 1.0]))


def test_without_coordinates_a_region_is_as_wide_as_the_last_convolution():
    encoder = small(channels=(8, 16), strides=(4, 2), coordinates=False)
    assert encoder.feature_dim == encoder(images()).shape[2] == 16


def test_settings_survive_json():
    chosen = EncoderSettings(channels=[8, 16], strides=[2, 2], trainable_stages=1)
    assert EncoderSettings(**json.loads(json.dumps(asdict(chosen)))) == chosen
    assert build_encoder(chosen).feature_dim == 18


def test_torchvision_is_imported_only_when_needed():
    code = (
        "import sys; from multimodal.nn.encoders import EncoderSettings, build_encoder;"
        "build_encoder(EncoderSettings());"
        "assert not any(name.startswith('torchvision') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_learns_the_colour_and_the_place_of_a_square():
    torch.manual_seed(0)
    pictures = torch.full((8, 3, 32, 32), 40, dtype=torch.uint8)
    for index in range(8):
        left, top, channel = 4 + 16 * (index % 2), 4 + 16 * (index // 2 % 2), index // 4
        pictures[index, channel, top : top + 8, left : left + 8] = 220
    encoder = SmallCNN(channels=(16, 32), strides=(2, 2))
    head = nn.Sequential(nn.Linear(encoder.feature_dim, 32), nn.ReLU(), nn.Linear(32, 8))
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(60):
        logits = head(encoder(pictures)).logsumexp(1)  # (batch, 8)
        loss = F.cross_entropy(logits, torch.arange(8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (logits.argmax(1) == torch.arange(8)).float().mean() > 0.95
