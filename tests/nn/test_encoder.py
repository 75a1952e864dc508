"""Properties of every image encoder of ours; those of torchvision's are in test_backbones."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from multimodal.nn.encoders import ENCODERS, EncoderSettings, build_encoder

every_encoder = pytest.mark.parametrize("name", ENCODERS)


def build(name, *, grey=False, **changes):
    torch.manual_seed(0)
    sizes = EncoderSettings(name=name, channels=[8, 16, 16], strides=[1, 2, 2])
    return build_encoder(replace(sizes, **changes), mean=[0.5] * (1 if grey else 3))


def images(count=2, height=32, width=40, channels=3):
    size = (count, channels, height, width)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)


def frozen(encoder):
    """Return for each stage, first to last, whether it is frozen."""
    stages = [[p for layer in stage for p in layer.parameters()] for stage in encoder.stages()]
    assert all(len({p.requires_grad for p in stage}) == 1 for stage in stages)
    return [not stage[0].requires_grad for stage in stages]


@every_encoder
@pytest.mark.parametrize("grey", [True, False])
def test_regions_have_the_published_width_and_number(name, grey):
    encoder = build(name, grey=grey)
    rows, columns = encoder.grid(32, 40)
    regions = encoder(images(channels=encoder.image_channels))
    assert regions.shape == (2, rows * columns, encoder.feature_dim)


@every_encoder
@settings(max_examples=8)
@given(height=st.integers(8, 96), width=st.integers(8, 96), stride=st.integers(1, 3))
def test_the_grid_is_that_of_the_map(name, height, width, stride):
    encoder = build(name, channels=[4, 4], strides=[stride, 2])
    shape = encoder.feature_map(images(1, height, width)).shape
    assert encoder.grid(height, width) == shape[2:]


@every_encoder
def test_regions_run_row_by_row(name):
    encoder = build(name).eval()
    features = encoder.feature_map(images())
    columns = features.shape[3]
    torch.testing.assert_close(encoder(images())[:, columns * 2 + 5], features[:, :, 2, 5])


@every_encoder
def test_bytes_and_numbers_from_0_to_1_give_the_same_regions(name):
    encoder = build(name).eval()
    torch.testing.assert_close(encoder(images()), encoder(images().float() / 255))


@every_encoder
def test_images_are_normalised_with_the_encoders_own_numbers(name):
    encoder = build(name)
    inputs = []
    first = next(layer for layer in encoder.modules() if isinstance(layer, torch.nn.Conv2d))
    first.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0]))
    encoder(torch.tensor([0, 255], dtype=torch.uint8).repeat(32).expand(2, 3, 16, 64))
    low, high = -encoder.scale[0].item() / 2, encoder.scale[0].item() / 2
    assert inputs[0].unique().tolist() == pytest.approx([low, high])


@every_encoder
@pytest.mark.parametrize("normalisation", ["batch", "group", "none"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid"])
def test_every_parameter_gets_a_gradient(name, normalisation, activation):
    encoder = build(name, normalisation=normalisation, activation=activation)
    encoder(images()).square().sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


@every_encoder
@pytest.mark.parametrize("normalisation", ["batch", "group"])
def test_an_image_has_the_same_regions_alone_and_in_a_batch(name, normalisation):
    encoder = build(name, normalisation=normalisation).eval()
    batch = images(3)
    torch.testing.assert_close(encoder(batch)[1:2], encoder(batch[1:2]), atol=1e-5, rtol=1e-4)


@every_encoder
def test_convolutions_run_on_channels_last(name):
    encoder = build(name)
    weight = next(p for p in encoder.stages()[-1][0].parameters() if p.ndim == 4)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert encoder.feature_map(images()).is_contiguous(memory_format=torch.channels_last)


@every_encoder
@pytest.mark.parametrize("trained", [0, 1, 2, -1])
def test_only_the_last_stages_are_trained(name, trained):
    encoder = build(name, trainable_stages=trained)
    expected = 3 if trained == -1 else trained
    assert frozen(encoder) == [True] * (3 - expected) + [False] * expected
    assert encoder.trainable_stages == trained


@every_encoder
def test_a_frozen_encoder_keeps_no_graph(name):
    assert not build(name, trainable_stages=0)(images()).requires_grad


@every_encoder
def test_a_frozen_encoder_still_has_a_gradient_with_respect_to_the_image(name):
    pictures = (images().float() / 255).requires_grad_()
    build(name, trainable_stages=0)(pictures).square().sum().backward()
    assert pictures.grad.abs().sum() > 0


@every_encoder
def test_frozen_batch_norm_keeps_its_statistics_in_training(name):
    encoder = build(name, trainable_stages=1, normalisation="batch").train()
    before = {key: value.clone() for key, value in encoder.named_buffers()}
    encoder(images(4))
    changed = [not value.equal(before[key]) for key, value in encoder.named_buffers()]
    last = {key for layer in encoder.stages()[-1] for key, _ in layer.named_buffers(prefix="last")}
    assert sum(changed) == len(last) > 0
    assert [stage[0].training for stage in encoder.stages()] == [False, False, True]


@every_encoder
def test_unfreezing_in_training_opens_batch_norm_too(name):
    encoder = build(name, trainable_stages=0).train()
    assert not encoder.stages()[-1][0].training
    encoder.unfreeze(-1)
    assert all(module.training for module in encoder.modules())
    assert all(parameter.requires_grad for parameter in encoder.parameters())


@every_encoder
def test_evaluation_stays_evaluation_after_unfreezing(name):
    encoder = build(name, trainable_stages=0).eval()
    encoder.unfreeze(2)
    assert not any(module.training for module in encoder.modules())


@every_encoder
@pytest.mark.parametrize("stages", [-2, 4])
def test_too_many_stages_are_refused(name, stages):
    with pytest.raises(ValueError, match=rf"must be -1 \(all\) or 0 to 3, got {stages}"):
        build(name).unfreeze(stages)


@every_encoder
def test_the_fingerprint_follows_weights_and_architecture(name):
    encoder = build(name)
    first = encoder.fingerprint()
    assert len(first) == 64
    assert build(name).fingerprint() == first
    assert build(name, strides=[2, 1, 2]).fingerprint() != first
    with torch.no_grad():
        next(encoder.parameters())[0, 0, 0, 0] += 1e-6
    assert encoder.fingerprint() != first


@every_encoder
def test_the_fingerprint_does_not_depend_on_freezing_or_mode(name):
    assert build(name, trainable_stages=0).eval().fingerprint() == build(name).fingerprint()


@every_encoder
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "model.encoder."])
def test_weights_come_back_from_a_file_of_their_own_or_of_a_whole_model(
    name, tmp_path, prefix, suffix
):
    encoder = build(name)
    weights = {f"{prefix}{key}": value.contiguous() for key, value in encoder.state_dict().items()}
    if prefix:
        weights["model.decoder.weight"] = torch.zeros(1)
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": weights}, path)
    else:
        save_file(weights, path)
    loaded = build(name, initialisation="xavier", weights=str(path))
    assert loaded.fingerprint() == encoder.fingerprint()


@every_encoder
def test_weights_of_another_layout_are_refused(name, tmp_path):
    torch.save(build(name, channels=[8, 8, 8]).state_dict(), tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a\.pth holds weights of another network"):
        build(name, weights=str(tmp_path / "a.pth"))


@every_encoder
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": [8], "strides": [2, 2]}, r"of one length, got \[8\] and \[2, 2\]"),
        ({"weights": "pretrained"}, 'encoder has no pretrained weights. Set weights to "none"'),
        ({"trainable_stages": 9}, "must be -1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, **options)
