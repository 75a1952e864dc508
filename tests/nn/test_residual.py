import torch
import torch.nn.functional as F
from torch import nn

from multimodal.nn.residual import ResidualCNN


def network(**options):
    torch.manual_seed(0)
    return ResidualCNN(**{"channels": [8, 16, 16], "strides": [1, 2, 2], **options})


def images(count=2, channels=3, size=32):
    generator = torch.Generator().manual_seed(0)
    shape = (count, channels, size, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def test_it_equals_its_formula():
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


def test_a_whitening_stem_decorrelates_patches():
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


def test_a_whitening_stem_stays_frozen_when_the_others_are_unfrozen():
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
