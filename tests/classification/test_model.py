import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from multimodal.classification.model import Classifier, ClassifierSettings, num_outputs, read_out
from multimodal.nn.encoders import EncoderSettings

ENCODERS = {
    "small": EncoderSettings(channels=[8, 16], strides=[4, 2]),
    "lenet": EncoderSettings(
        name="lenet", channels=[8, 8], strides=[2, 2], normalisation="none", activation="tanh"
    ),
    "residual": EncoderSettings(name="residual", channels=[8, 16], strides=[2, 2]),
    "shufflenet_v2_x0_5": EncoderSettings(name="shufflenet_v2_x0_5"),
}


def classifier(encoder="small", *, outputs=4, channels=3, mean=(), size=32, **changes):
    torch.manual_seed(0)
    chosen = ClassifierSettings(ENCODERS[encoder], **changes)
    return Classifier(chosen, outputs, image_size=size, channels=channels, mean=mean)


def images(count=3, channels=3, size=32):
    generator = torch.Generator().manual_seed(0)
    shape = (count, channels, size, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("pooling", ["mean", "max", "flatten"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_and_pooling_takes_grey_and_colour(encoder, pooling, channels):
    model = classifier(encoder, pooling=pooling, channels=channels)
    assert model(images(channels=channels)).shape == (3, 4)


@pytest.mark.parametrize("encoder", ["small", "lenet", "residual"])
def test_every_parameter_gets_a_gradient(encoder):
    model = classifier(encoder, pooling="flatten", hidden=[12, 8], dropout=0.1)
    model(images()).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_image_gets_the_same_outputs_alone_and_in_a_batch(encoder):
    model = classifier(encoder).eval()
    torch.testing.assert_close(model(images())[1:2], model(images()[1:2]), rtol=1e-3, atol=1e-5)


def test_the_classic_lenet_is_that_of_the_lectures():
    encoder = EncoderSettings(
        name="lenet", channels=[6, 16], strides=[2, 2], normalisation="none", activation="tanh"
    )
    chosen = ClassifierSettings(encoder, pooling="flatten", hidden=[120, 84])
    model = Classifier(chosen, 10, image_size=28, channels=1, mean=[0.1])
    reference = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, padding=2), nn.Tanh(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(784, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
        nn.Linear(84, 10),
    )  # fmt: skip
    for theirs, mine in zip(reference.parameters(), model.parameters(), strict=True):
        theirs.data.copy_(mine)
    pictures = images(channels=1, size=28)
    expected = reference((pictures / 255 - 0.1) / 0.25)
    torch.testing.assert_close(model(pictures), expected, rtol=1e-4, atol=1e-5)


def test_a_network_of_ours_subtracts_the_given_mean():
    model = classifier("residual", channels=1, mean=[0.2]).eval()
    normalised = []
    model.encoder.stem[0].register_forward_pre_hook(lambda _, inputs: normalised.append(inputs[0]))
    model(torch.full((1, 1, 32, 32), 0.2))
    torch.testing.assert_close(normalised[0], torch.zeros(1, 1, 32, 32), rtol=0, atol=1e-6)


def test_with_the_mirror_an_image_and_its_mirror_image_get_the_same_outputs():
    model = classifier(mirror=True).eval()
    one_way, other_way = model(images()), model(images().flip(-1))
    torch.testing.assert_close(one_way, other_way)
    alone = classifier().eval()
    torch.testing.assert_close(one_way, (alone(images()) + alone(images().flip(-1))) / 2)
    torch.testing.assert_close(model.train()(images()), alone.train()(images()))


@settings(max_examples=10)
@given(scale=st.floats(0.1, 3))
def test_the_outputs_are_scaled(scale):
    plain, scaled = classifier().eval(), classifier(output_scale=scale).eval()
    torch.testing.assert_close(scaled(images()), plain(images()) * scale)


def test_groups_contain_every_parameter_once_from_bottom_to_top():
    for name in ENCODERS:
        model = classifier(name)
        groups = model.parameters_by_depth()
        found = [id(parameter) for group in groups for parameter in group]
        assert sorted(found) == sorted(id(parameter) for parameter in model.parameters())
        assert groups[0][0] is next(model.encoder.parameters())
        assert groups[-1][-1] is list(model.head.parameters())[-1]


def test_state_goes_round():
    first, second = classifier(), classifier()
    nn.init.zeros_(second.head[-1].weight)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(first.eval()(images()), second.eval()(images()))


def test_a_count_is_never_negative_and_labels_are_independent():
    outputs = torch.tensor([[-3.0, 0.0, 5.0]])
    assert (read_out(outputs, "count") > 0).all()
    torch.testing.assert_close(read_out(outputs, "labels"), outputs.sigmoid())
    torch.testing.assert_close(read_out(outputs, "label").sum(), torch.tensor(1.0))
    torch.testing.assert_close(read_out(outputs, "number"), outputs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": [0]}, r"`hidden` must be positive widths, got \[0\]"),
        ({"channels": 2}, r"`channels` must be 1 \(grey\) or 3 \(colour\), got 2"),
        ({"mean": [0.1]}, r"`mean` must have a number for each of 3 channels, got \[0.1\]"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and less than 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        classifier(**changes)


def test_an_unknown_pooling_is_refused():
    chosen = ClassifierSettings(ENCODERS["small"])
    object.__setattr__(chosen, "pooling", "sum")  # as from a file: the type is not checked there
    with pytest.raises(ValueError, match="`pooling` must be one of mean, max, flatten, got 'sum'"):
        Classifier(chosen, 2)


def test_images_of_other_channels_or_sizes_are_refused():
    with pytest.raises(ValueError, match=r"takes colour images of 3 channels, got 1"):
        classifier()(images(channels=1))
    with pytest.raises(ValueError, match=r"takes grey images of 1 channels, got 3"):
        classifier(channels=1)(images())
    with pytest.raises(ValueError, match=r"vectors of 648 numbers, expected 288"):
        classifier(pooling="flatten")(images(size=48))


def test_targets_and_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"`target` must be one of label, .*, got 'stars'"):
        num_outputs("stars", [])
    with pytest.raises(ValueError, match=r"at least 2 labels to tell apart, got \['cat'\]"):
        num_outputs("label", ["cat"])
    assert num_outputs("labels", ["cat"]) == 1


def test_eight_pictures_are_learnt_by_heart():
    model = classifier("small", outputs=8, pooling="flatten", hidden=[32])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    pictures = images(8)
    for _ in range(80):
        logits = model(pictures)
        optimizer.zero_grad()
        F.cross_entropy(logits, torch.arange(8)).backward()
        optimizer.step()
    assert (logits.argmax(1) == torch.arange(8)).all()
