import pytest
import torch
from torch import nn

from multimodal.nn.encoder import ImageEncoder
from multimodal.nn.encoders import EncoderSettings, SmallCNN, build_encoder
from multimodal.nn.folding import fold_batch_norm


def images(size=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8, generator=generator)


def with_statistics(encoder):
    """Give every batch normalisation numbers of its own."""
    generator = torch.Generator().manual_seed(1)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.weight.data, module.bias.data):
                tensor.normal_(0.5, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return encoder


@pytest.mark.parametrize(
    "name", ["small", "resnet18", pytest.param("mobilenet_v2", marks=pytest.mark.slow)]
)
def test_a_folded_encoder_gives_the_same_features_without_batch_norm(name):
    torch.manual_seed(0)
    encoder = with_statistics(build_encoder(EncoderSettings(name=name)))
    folded = fold_batch_norm(encoder, images(64))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    with torch.inference_mode():
        expected = encoder.eval()(images(64, seed=5))
        found = folded(images(64, seed=5))
    scale = expected.abs().max().item()
    torch.testing.assert_close(found / scale, expected / scale, atol=1e-4, rtol=0)


def test_the_encoder_itself_does_not_change():
    encoder = with_statistics(SmallCNN()).train()
    before = encoder.fingerprint()
    folded = fold_batch_norm(encoder, images())
    assert encoder.fingerprint() == before
    assert encoder.training
    assert not folded.training
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_an_encoder_with_group_normalisation_has_nothing_to_fold():
    torch.manual_seed(0)
    encoder = SmallCNN(normalisation="group")
    folded = fold_batch_norm(encoder, images())
    with torch.inference_mode():
        torch.testing.assert_close(folded(images(seed=3)), encoder.eval()(images(seed=3)))


class Forked(ImageEncoder):
    """Uses the output of a convolution twice, so that it cannot be folded."""

    def __init__(self) -> None:
        super().__init__("forked", mean=[0.5] * 3, std=[0.5] * 3)
        self.convolution = nn.Conv2d(3, 4, 3, stride=4)
        self.norm = nn.BatchNorm2d(4)
        self.feature_dim = 4
        self._finish(-1)

    def stages(self):
        return [[self.convolution, self.norm]]

    def encode(self, images):
        output = self.convolution(images)
        return output + self.norm(output)


def test_a_convolution_whose_output_is_used_twice_is_left_alone():
    torch.manual_seed(0)
    encoder = with_statistics(Forked())
    folded = fold_batch_norm(encoder, images())
    assert isinstance(folded.norm, nn.BatchNorm2d)
    with torch.inference_mode():
        torch.testing.assert_close(folded(images(seed=3)), encoder.eval()(images(seed=3)))
