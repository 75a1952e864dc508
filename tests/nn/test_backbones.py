import urllib.error

import pytest
import torch
import torchvision
from torch import nn

from multimodal.nn import backbones
from multimodal.nn.backbones import TorchvisionEncoder
from multimodal.nn.encoders import EncoderSettings, build_encoder

# The smallest network of each family (the heavy ones are slow tests) and how torchvision goes on
# from its last grid: by this the encoder's map is compared with torchvision's own logits.
POOLED = lambda head: lambda network, grid: getattr(network, head)(grid.mean((2, 3)))  # noqa: E731
NETWORKS = {
    "mobilenet_v3_small": POOLED("classifier"),
    "regnet_y_400mf": POOLED("fc"),
    "resnet18": POOLED("fc"),
    "shufflenet_v2_x0_5": POOLED("fc"),
    "squeezenet1_1": lambda network, grid: network.classifier(grid).flatten(1),
}
HEAVY = {
    "mobilenet_v2": POOLED("classifier"),
    "mnasnet0_5": POOLED("classifier"),
    "googlenet": POOLED("fc"),
    "efficientnet_b0": POOLED("classifier"),
    "densenet121": POOLED("classifier"),
    "alexnet": lambda network, grid: network.classifier(network.avgpool(grid).flatten(1)),
    "convnext_tiny": lambda network, grid: network.classifier(grid.mean((2, 3), keepdim=True)),
    "efficientnet_v2_s": POOLED("classifier"),
    "inception_v3": POOLED("fc"),
    "maxvit_t": lambda network, grid: network.classifier(grid),
    "resnext50_32x4d": POOLED("fc"),
    "swin_t": POOLED("head"),
    "swin_v2_t": POOLED("head"),
    "vgg11_bn": lambda network, grid: network.classifier(network.avgpool(grid).flatten(1)),
    "vit_b_32": None,  # its head reads the class token, which is not on the grid
    "wide_resnet50_2": POOLED("fc"),
}
SIZES = {"inception_v3": 96, "maxvit_t": 224, "vit_b_32": 224}
GOLDEN = {**NETWORKS, **HEAVY}
del GOLDEN["vit_b_32"]


def marked(names):
    return [pytest.param(name, marks=pytest.mark.slow) if name in HEAVY else name for name in names]


@pytest.fixture(scope="module", params=marked(NETWORKS | HEAVY))
def encoder(request):
    torch.manual_seed(0)
    return TorchvisionEncoder(request.param)


def size_of(name):
    return SIZES.get(name, 64)


def pictures(name, count=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, size_of(name), size_of(name), generator=generator)


def settle(network, images):
    """Give batch normalisation the statistics of these images, so that no signal dies out."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
    return network.eval()


def test_regions_have_the_published_width_and_number(encoder):
    with torch.no_grad():
        regions = encoder.eval()(pictures(encoder.name))
    rows, columns = encoder.grid(size_of(encoder.name), size_of(encoder.name))
    assert regions.shape == (2, rows * columns, encoder.feature_dim)


def test_every_open_parameter_gets_a_gradient(encoder):
    encoder.unfreeze(-1)
    encoder.train()(pictures(encoder.name)).square().mean().backward()
    lost = [name for name, value in encoder.named_parameters() if value.grad is None]
    encoder.zero_grad()
    assert lost == []


def test_a_frozen_encoder_trains_nothing_and_keeps_its_statistics(encoder):
    encoder.unfreeze(0)
    before = {name: value.clone() for name, value in encoder.named_buffers()}
    assert not encoder.train()(pictures(encoder.name)).requires_grad
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert all(value.equal(before[name]) for name, value in encoder.named_buffers())


def test_one_open_stage_is_the_last(encoder):
    encoder.unfreeze(1)
    last = {id(value) for module in encoder.stages()[-1] for value in module.parameters()}
    opened = {id(value) for value in encoder.parameters() if value.requires_grad}
    assert opened == last
    assert opened


def test_every_parameter_belongs_to_a_stage_or_opens_with_all(encoder):
    encoder.unfreeze(len(encoder.stages()))
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_an_image_has_the_same_regions_alone_and_in_a_batch(encoder):
    batch = pictures(encoder.name)
    with torch.no_grad():
        together, alone = encoder.eval()(batch), encoder(batch[1:])
    scale = together.abs().max()
    torch.testing.assert_close(together[1:] / scale, alone / scale, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", marked(GOLDEN))
def test_the_grid_is_what_torchvisions_own_head_reads(name):
    torch.manual_seed(0)
    quick = {"init_weights": False, "aux_logits": False}
    options = quick if name in ("googlenet", "inception_v3") else {}
    network = torchvision.models.get_model(name, weights=None, **options)
    images = pictures(name)
    found = TorchvisionEncoder(name)
    normalised = found.shift + images * found.scale
    settle(network, normalised)
    found._load_network(network.state_dict(), "torchvision's own")
    with torch.no_grad():
        expected = network(normalised)
        logits = GOLDEN[name](network, found.eval().feature_map(images))
    scale = expected.std(0).max()
    torch.testing.assert_close(logits / scale, expected / scale, atol=1e-3, rtol=1e-3)


def test_the_transformers_grid_is_its_tokens_without_the_class_token():
    small = torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 32)
    encoder = TorchvisionEncoder.__new__(TorchvisionEncoder)
    nn.Module.__init__(encoder)
    encoder.network = small.eval()
    images = torch.rand(2, 3, 32, 32)
    tokens = torch.cat([small.class_token.expand(2, 1, 16), small._process_input(images)], dim=1)
    expected = small.encoder(tokens)[:, 1:]
    found = encoder._encode_tokens(images).flatten(2).transpose(1, 2)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", torchvision.models.list_models(module=torchvision.models))
def test_every_classification_network_of_torchvision_has_a_family(name):
    assert backbones._family(name) in backbones._CHAINS


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        name
        for name in torchvision.models.list_models(module=torchvision.models)
        if not name.startswith("regnet")  # computes its widths with tensors
    ],
)
def test_every_classification_network_of_torchvision_can_be_cut(name):
    with torch.device("meta"):
        encoder = TorchvisionEncoder(name)
    size = encoder.image_size or 224
    assert encoder.feature_dim >= 256
    assert min(encoder.grid(size, size)) >= 5


def test_the_head_is_gone():
    names = [name for name, _ in TorchvisionEncoder("shufflenet_v2_x0_5").network.named_children()]
    assert names == ["conv1", "maxpool", "stage2", "stage3", "stage4", "conv5"]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("resnet81", "resnet18"), ("mobilenetv2", "mobilenet_v2"), ("smal", "small")],
)
def test_an_unknown_name_gets_the_closest(name, suggestion):
    with pytest.raises(ValueError, match=rf"No encoder is called .*Did you mean .*{suggestion}"):
        build_encoder(EncoderSettings(name=name))


@pytest.mark.parametrize("name", ["", "zzzz", "fasterrcnn_resnet50_fpn", "quantized_resnet18"])
def test_a_name_that_is_no_classification_network_is_refused(name):
    with pytest.raises(ValueError, match='must be "small" or a classification network'):
        TorchvisionEncoder(name)


def test_a_family_that_is_not_in_the_table_is_refused(monkeypatch):
    monkeypatch.delitem(backbones._CHAINS, "alexnet")
    with pytest.raises(ValueError, match="belongs to a family whose last grid is not known"):
        TorchvisionEncoder("alexnet")


def test_an_image_of_another_size_is_refused_by_a_transformer():
    encoder = TorchvisionEncoder("vit_b_32", trainable_stages=0)
    assert (encoder.feature_dim, encoder.grid(224, 224)) == (768, (7, 7))
    with pytest.raises(ValueError, match="images of 224 x 224 pixels only, got 64 x 96"):
        encoder(torch.rand(1, 3, 64, 96))
    with pytest.raises(ValueError, match="Set the transform's size to 224"):
        encoder.grid(256, 256)


def test_an_image_that_is_too_small_is_refused():
    encoder = TorchvisionEncoder("squeezenet1_1")
    with pytest.raises(ValueError, match="at least 21 x 21 pixels, got 20 x 64"):
        encoder(torch.rand(1, 3, 20, 64))


def test_torchvisions_own_file_loads_without_its_head_and_in_half_precision(tmp_path):
    torch.manual_seed(0)
    network = torchvision.models.squeezenet1_1(weights=None)
    half = {name: value.half() for name, value in network.state_dict().items()}
    torch.save(half, tmp_path / "squeezenet.pth")
    encoder = TorchvisionEncoder("squeezenet1_1", weights=str(tmp_path / "squeezenet.pth"))
    weight = encoder.network.get_parameter("features.0.weight")
    torch.testing.assert_close(weight, half["features.0.weight"].float(), atol=0, rtol=0)


@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "mnasnet0_5"])
def test_an_encoders_own_weights_come_back_from_a_checkpoint(tmp_path, name):
    first = TorchvisionEncoder(name)
    weights = {f"model.encoder.{name}": value for name, value in first.state_dict().items()}
    torch.save(
        {"state_dict": {**weights, "model.decoder.bias": torch.zeros(1)}}, tmp_path / "a.ckpt"
    )
    second = TorchvisionEncoder(name, weights=str(tmp_path / "a.ckpt"))
    assert second.fingerprint() == first.fingerprint()


def test_another_networks_file_is_refused(tmp_path):
    torch.save(TorchvisionEncoder("squeezenet1_1").state_dict(), tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a\.pth holds weights of another network"):
        TorchvisionEncoder("shufflenet_v2_x0_5", weights=str(tmp_path / "a.pth"))


def test_a_weight_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No weight file at .*none\.pth"):
        TorchvisionEncoder("squeezenet1_1", weights=str(tmp_path / "none.pth"))


@pytest.mark.parametrize("error", [urllib.error.URLError("no network"), RuntimeError("bad hash")])
def test_weights_that_cannot_be_downloaded_get_a_sentence(monkeypatch, error):
    def fail(self, *args, **kwargs):
        raise error

    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", fail)
    with pytest.raises(OSError, match=r"Could not download .*squeezenet1_1.*Copy squeezenet1_1-"):
        build_encoder(EncoderSettings(name="squeezenet1_1", weights="pretrained"))


def test_downloaded_weights_are_loaded(monkeypatch):
    weights = torchvision.models.squeezenet1_1(weights=None).state_dict()
    asked = {}

    def give(self, **options):
        asked.update(options)
        return weights

    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", give)
    encoder = TorchvisionEncoder("squeezenet1_1", weights="pretrained", trainable_stages=0)
    assert encoder.network.get_parameter("features.0.bias").equal(weights["features.0.bias"])
    assert asked["weights_only"] is True


def test_the_oldest_files_of_densenet_are_renamed():
    old = "features.denseblock1.denselayer2.norm.1.weight"
    assert backbones._new_densenet_name(old) == "features.denseblock1.denselayer2.norm1.weight"
    new = "features.denseblock1.denselayer2.norm1.weight"
    assert backbones._new_densenet_name(new) == new


@pytest.mark.parametrize("name", ["googlenet", "resnet18"])
def test_each_network_is_normalised_as_its_weights_were_trained(name):
    encoder = TorchvisionEncoder(name)
    mean = 0.5 if name == "googlenet" else 0.485
    torch.testing.assert_close((-encoder.shift / encoder.scale)[0].item(), mean)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "feature_dim", "grid"),
    [("mobilenet_v2", 1280, (7, 7)), ("squeezenet1_0", 512, (13, 13))],
)
def test_the_local_weights_of_real_networks_load(data_folder, name, feature_dim, grid):
    path = data_folder / "weights" / f"{name}_imagenet.pth"
    encoder = build_encoder(EncoderSettings(name=name, weights=str(path), trainable_stages=0))
    assert (encoder.feature_dim, encoder.grid(224, 224)) == (feature_dim, grid)
    regions = encoder.eval()(torch.rand(1, 3, 224, 224))
    assert regions.isfinite().all()
    assert regions.std() > 0.05
