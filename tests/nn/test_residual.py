import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from multimodal.nn.encoders import EncoderSettings, build_encoder
from multimodal.nn.residual import ResidualCNN


def network(**options):
    torch.manual_seed(0)
    return ResidualCNN(**{"channels": [8, 16, 16], "strides": [1, 2, 2], **options})


def images(count=2, channels=3, size=32):
    generator = torch.Generator().manual_seed(0)
    shape = (count, channels, size, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def test_it_is_what_its_formula_says():
    encoder = network(mean=[0.4, 0.5, 0.6]).eval()
    mean = torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)

    def layer(maps, part, pooling=1):
        convolution, _, norm, _ = part
        maps = F.max_pool2d(F.conv2d(maps, convolution.weight, padding=1), pooling)
        return norm(maps).relu()

    maps = layer((images() / 255 - mean) / 0.25, encoder.stem)
    for block in encoder.blocks:
        maps = layer(maps, block.widen, 2)
        maps = maps + layer(maps, block.more)
    torch.testing.assert_close(encoder.feature_map(images()), maps, rtol=1e-4, atol=1e-5)


@settings(max_examples=8)
@given(size=st.integers(32, 96), stride=st.integers(1, 3))
def test_the_grid_is_that_of_the_map(size, stride):
    encoder = network(channels=[8, 8], strides=[stride, 2])
    assert encoder.grid(size, size) == encoder.feature_map(images(1, 3, size)).shape[2:]


@pytest.mark.parametrize("normalisation", ["batch", "group", "none"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid"])
def test_every_parameter_gets_a_gradient(normalisation, activation):
    encoder = network(normalisation=normalisation, activation=activation)
    encoder(images()).square().sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_an_image_has_the_same_regions_alone_and_in_a_batch():
    encoder = network(mean=[0.5]).eval()
    batch = images(3, 1)
    torch.testing.assert_close(encoder(batch)[1:2], encoder(batch[1:2]), rtol=1e-4, atol=1e-5)


def test_frozen_stages_keep_their_statistics_in_training():
    encoder = network(trainable_stages=1).train()
    before = {name: value.clone() for name, value in encoder.named_buffers()}
    encoder(images(4))
    changed = {
        name.split(".")[1] if name.startswith("blocks") else "stem"
        for name, value in encoder.named_buffers()
        if name.endswith("running_mean") and not value.equal(before[name])
    }
    assert changed == {"1"}


def test_it_is_built_by_name_and_comes_back_from_its_weights(tmp_path):
    settings = EncoderSettings(name="residual", channels=[8, 16], strides=[2, 2])
    encoder = build_encoder(settings)
    torch.save({"state_dict": {"model.encoder." + k: v for k, v in encoder.state_dict().items()}},
               tmp_path / "a.pth")  # fmt: skip
    other = build_encoder(EncoderSettings(**{**vars(settings), "weights": str(tmp_path / "a.pth")}))
    assert other.fingerprint() == encoder.fingerprint()
    assert isinstance(other, ResidualCNN)


def test_convolutions_run_on_channels_last():
    encoder = network()
    assert encoder.stem[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert encoder.feature_map(images()).is_contiguous(memory_format=torch.channels_last)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="of one length"):
        ResidualCNN(channels=[8, 16], strides=[1])


def test_a_whitening_stem_takes_patches_apart_into_what_varies_independently():
    encoder = network(channels=[8, 16], strides=[1, 2])
    smooth = F.interpolate(torch.rand(40, 3, 8, 8), scale_factor=4, mode="bilinear")
    pictures = (255 * smooth).to(torch.uint8)
    encoder.whiten(pictures)
    maps = encoder.stem[0](encoder.shift + pictures / 255 * encoder.scale)[:, :, 1:-1, 1:-1]
    components = maps[:, :4].transpose(0, 1).flatten(1)
    covariance = components @ components.T / components.shape[1]
    sizes = covariance.diagonal()
    assert (sizes.diff() <= 0).all()  # the largest first
    alone = covariance / (sizes[:, None] * sizes).sqrt()
    torch.testing.assert_close(alone, torch.eye(4), rtol=0, atol=0.02)
    torch.testing.assert_close(maps[:, :4], -maps[:, 4:])


def test_a_stem_that_whitens_stays_closed_and_the_others_open():
    encoder = network(trainable_stages=1)
    encoder.whiten(images())
    encoder.unfreeze(-1)
    closed = [name for name, p in encoder.named_parameters() if not p.requires_grad]
    assert closed == ["stem.0.weight"]


def test_it_learns_eight_pictures_by_heart():
    encoder = network()
    head = nn.Linear(16, 8)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(20):
        logits = head(encoder.feature_map(images(8)).amax(dim=(2, 3)))
        optimizer.zero_grad()
        F.cross_entropy(logits, torch.arange(8)).backward()
        optimizer.step()
    assert (logits.argmax(1) == torch.arange(8)).all()
