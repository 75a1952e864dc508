import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from multimodal.nn.encoders import EncoderSettings, build_encoder
from multimodal.nn.lenet import LeNet


def lenet(**options):
    torch.manual_seed(0)
    return LeNet(**options)


def images(count=2, channels=1, height=28, width=28):
    generator = torch.Generator().manual_seed(0)
    size = (count, channels, height, width)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)


def test_outputs_equal_those_of_the_classical_layout():
    encoder = lenet(mean=[0.1])
    reference = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, padding=2), nn.Tanh(), nn.MaxPool2d(2),
    )  # fmt: skip
    for theirs, mine in zip(reference.parameters(), encoder.parameters(), strict=True):
        theirs.data.copy_(mine)
    expected = reference((images() / 255 - 0.1) / 0.25)
    torch.testing.assert_close(encoder.feature_map(images()), expected, rtol=1e-4, atol=1e-5)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 156 + 2416


@settings(max_examples=10)
@given(size=st.integers(8, 40), channels=st.sampled_from([1, 3]))
def test_images_of_8_pixels_and_more_are_accepted(size, channels):
    encoder = lenet(mean=[0.5] * channels, channels=[4, 8])
    rows, columns = encoder.grid(size, size)
    assert encoder(images(1, channels, size, size)).shape == (1, rows * columns, 8)
    assert rows == size // 4


def test_it_is_built_by_name_and_comes_back_from_its_weights(tmp_path):
    settings = EncoderSettings(
        name="lenet", channels=[4, 8], strides=[1, 2], window=3, activation="elu"
    )
    encoder = build_encoder(settings, mean=[0.2])
    torch.save(encoder.state_dict(), tmp_path / "a.pth")
    other = build_encoder(
        EncoderSettings(**{**vars(settings), "weights": str(tmp_path / "a.pth")}), mean=[0.2]
    )
    assert other.fingerprint() == encoder.fingerprint()
    assert isinstance(other, LeNet)
    assert other.blocks[0][0].kernel_size == (3, 3)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="of one length"):
        LeNet(channels=[4, 8], strides=[2])
    with pytest.raises(ValueError, match=r"`window` must be an odd number of pixels.* got 4"):
        LeNet(window=4)
    with pytest.raises(ValueError, match=r'The "lenet" encoder has no pretrained weights'):
        build_encoder(EncoderSettings(name="lenet", weights="pretrained"))


def test_it_learns_where_a_stroke_is():
    torch.manual_seed(0)
    pictures = torch.zeros(8, 1, 8, 8, dtype=torch.uint8)
    for index in range(8):
        pictures[index, 0, index] = 255
    encoder = lenet(mean=[0.5], channels=[8, 8])
    head = nn.Linear(8 * 4, 8)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(60):
        logits = head(encoder(pictures).flatten(1))
        optimizer.zero_grad()
        F.cross_entropy(logits, torch.arange(8)).backward()
        optimizer.step()
    assert (logits.argmax(1) == torch.arange(8)).all()
