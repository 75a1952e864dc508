import json
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from multimodal.nn.encoders import EncoderSettings, SmallCNN, build_encoder

LAYOUTS = {
    "default": {},
    "group": {"channels": (16, 32), "strides": (2, 2), "normalisation": "group"},
    "without coordinates": {"channels": (8, 16), "strides": (4, 2), "coordinates": False},
}


def small(**options):
    torch.manual_seed(0)
    return SmallCNN(**options)


def images(count=2, height=48, width=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    size = (count, 3, height, width)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_regions_have_the_published_width_and_number(layout):
    encoder = small(**LAYOUTS[layout])
    rows, columns = encoder.grid(48, 64)
    assert encoder(images()).shape == (2, rows * columns, encoder.feature_dim)


def test_the_default_makes_64_regions_of_64_pixels():
    assert small().grid(64, 64) == (8, 8)


@settings(max_examples=15, deadline=None)
@given(height=st.integers(8, 96), width=st.integers(8, 96))
def test_the_grid_is_that_of_the_map(height, width):
    encoder = small(channels=(8, 8), strides=(2, 3))
    assert encoder.grid(height, width) == encoder.feature_map(images(2, height, width)).shape[2:]


def test_regions_run_row_by_row():
    encoder = small().eval()
    features = encoder.feature_map(images())
    torch.testing.assert_close(encoder(images())[:, 8 * 2 + 5], features[:, :, 2, 5])


def test_the_last_two_channels_say_where_a_region_is():
    regions = small()(images(1, 64, 64))[0]
    torch.testing.assert_close(regions[0, -2:], torch.tensor([-1.0, -1.0]))
    torch.testing.assert_close(regions[7, -2:], torch.tensor([-1.0, 1.0]))
    torch.testing.assert_close(regions[-1, -2:], torch.tensor([1.0, 1.0]))


def test_bytes_and_numbers_from_0_to_1_give_the_same_regions():
    encoder = small().eval()
    torch.testing.assert_close(encoder(images()), encoder(images().float() / 255))


def test_images_are_normalised_with_the_encoders_own_numbers():
    encoder = small()
    seen = []
    encoder.blocks[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    encoder(torch.tensor([0, 255], dtype=torch.uint8).repeat(32).expand(2, 3, 16, 64))
    assert seen[0].unique().tolist() == pytest.approx([-1, 1])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_open_parameter_gets_a_gradient(layout):
    encoder = small(**LAYOUTS[layout])
    encoder(images()).square().mean().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_image_has_the_same_regions_alone_and_in_a_batch(layout):
    encoder = small(**LAYOUTS[layout]).eval()
    batch = images(3)
    torch.testing.assert_close(encoder(batch)[1:2], encoder(batch[1:2]), atol=1e-5, rtol=1e-4)


def test_convolutions_run_on_channels_last():
    encoder = small()
    assert encoder.blocks[1][0].weight.is_contiguous(memory_format=torch.channels_last)
    assert encoder.feature_map(images()).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("opened", [0, 1, 3, 5, -1])
def test_only_the_last_stages_are_open(opened):
    encoder = small(trainable_stages=opened)
    encoder(images()).sum()
    stages = [any(p.requires_grad for p in block.parameters()) for block in encoder.blocks]
    expected = 5 if opened == -1 else opened
    assert stages == [False] * (5 - expected) + [True] * expected
    assert encoder.trainable_stages == opened


def test_a_frozen_encoder_keeps_no_graph():
    assert not small(trainable_stages=0)(images()).requires_grad


def test_a_frozen_encoder_still_has_a_gradient_with_respect_to_the_image():
    pictures = (images().float() / 255).requires_grad_()
    small(trainable_stages=0)(pictures).square().sum().backward()
    assert pictures.grad.abs().sum() > 0


def test_frozen_batch_norm_keeps_its_statistics_in_training():
    encoder = small(trainable_stages=2).train()
    before = {name: value.clone() for name, value in encoder.named_buffers()}
    encoder(images(4))
    changed = {
        name.split(".")[1]
        for name, value in encoder.named_buffers()
        if name.endswith("running_mean") and not value.equal(before[name])
    }
    assert changed == {"3", "4"}
    assert not encoder.blocks[0].training
    assert encoder.blocks[4].training


def test_unfreezing_in_training_opens_batch_norm_too():
    encoder = small(trainable_stages=0).train()
    assert not encoder.blocks[4].training
    encoder.unfreeze(-1)
    assert all(module.training for module in encoder.modules())
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_evaluation_stays_evaluation_after_unfreezing():
    encoder = small(trainable_stages=0).eval()
    encoder.unfreeze(2)
    assert not any(module.training for module in encoder.modules())


@pytest.mark.parametrize("stages", [-2, 6])
def test_too_many_stages_are_refused(stages):
    with pytest.raises(ValueError, match=rf"must be -1 \(all\) or 0 to 5, got {stages}"):
        small().unfreeze(stages)


def test_the_fingerprint_follows_weights_and_architecture():
    encoder = small()
    first = encoder.fingerprint()
    assert len(first) == 64
    assert small().fingerprint() == first
    assert small(strides=(2, 1, 2, 2, 1)).fingerprint() != first
    with torch.no_grad():
        encoder.blocks[0][0].weight[0, 0, 0, 0] += 1e-6
    assert encoder.fingerprint() != first


def test_the_fingerprint_does_not_depend_on_freezing_or_mode():
    assert small(trainable_stages=0).eval().fingerprint() == small().fingerprint()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "model.encoder."])
def test_weights_come_back_from_a_file_of_their_own_or_of_a_whole_model(tmp_path, prefix, suffix):
    encoder = small()
    weights = {f"{prefix}{name}": value for name, value in encoder.state_dict().items()}
    if prefix:
        weights["model.decoder.weight"] = torch.zeros(1)
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": weights}, path)
    else:
        save_file({name: value.contiguous() for name, value in weights.items()}, path)
    torch.manual_seed(1)
    loaded = build_encoder(EncoderSettings(weights=str(path)))
    assert loaded.fingerprint() == encoder.fingerprint()


def test_settings_survive_json():
    chosen = EncoderSettings(channels=[8, 16], strides=[2, 2], trainable_stages=1)
    assert EncoderSettings(**json.loads(json.dumps(asdict(chosen)))) == chosen
    assert build_encoder(chosen).feature_dim == 18


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": [8], "strides": [2, 2]}, r"of one length, got \[8\] and \[2, 2\]"),
        ({"channels": [], "strides": []}, "must be positive and of one length"),
        ({"channels": [8, 0], "strides": [2, 2]}, "must be positive and of one length"),
        ({"channels": [8], "strides": [0]}, "must be positive and of one length"),
        ({"channels": [12], "strides": [2], "normalisation": "group"}, "multiples of 8, got"),
        ({"weights": "pretrained"}, 'The "small" encoder has no pretrained weights'),
        ({"trainable_stages": 9}, "must be -1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build_encoder(EncoderSettings(**options))


def test_weights_of_another_layout_are_refused(tmp_path):
    torch.save(small(channels=(8, 8), strides=(2, 2)).state_dict(), tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a\.pth holds weights of another network"):
        build_encoder(EncoderSettings(weights=str(tmp_path / "a.pth")))


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
