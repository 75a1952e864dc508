"""Properties of every decoder: shapes, gradients, step equals sequence, batched equals single."""

from dataclasses import replace

import pytest
import torch

from multimodal.captioning.model import CaptionerSettings
from multimodal.nn.choices import build_choice
from multimodal.nn.decoders import DECODERS
from multimodal.nn.decoders.contract import per_caption, read_step
from multimodal.nn.recurrent import Recurrent

BATCH, CAPTIONS, TIME, REGIONS, REGION, EMBEDDING = 2, 3, 5, 7, 6, 4
SETTINGS = CaptionerSettings(hidden_dim=8, attention_dim=10, dropout=0.0)
VARIANTS = [
    *(pytest.param({"decoder": name}, id=name) for name in DECODERS),
    pytest.param({"decoder": "show_tell", "num_layers": 2}, id="show_tell_2"),
    pytest.param({"decoder": "show_tell", "cell": "gru"}, id="show_tell_gru"),
    pytest.param({"decoder": "attention", "num_layers": 2, "num_heads": 2}, id="attention_2"),
    pytest.param({"decoder": "attention", "cell": "rnn"}, id="attention_rnn"),
]


@pytest.fixture(params=VARIANTS)
def decoder(request):
    torch.manual_seed(0)
    settings = replace(SETTINGS, **request.param)
    return build_choice(DECODERS, "decoder", settings, REGION, EMBEDDING)


@pytest.fixture
def regions():
    torch.manual_seed(1)
    return torch.randn(BATCH, REGIONS, REGION)


@pytest.fixture
def words():
    torch.manual_seed(2)
    return torch.randn(BATCH, CAPTIONS, TIME, EMBEDDING)


def read(decoder, words, regions):
    every = torch.ones(words.shape[:3], dtype=torch.bool)
    outputs, weights = decoder(words, every, decoder.start(regions), decoder.context(regions))
    return outputs.unflatten(0, every.shape), weights


def test_every_word_gets_a_vector_and_attention_weights(decoder, words, regions):
    outputs, weights = read(decoder, words, regions)
    assert outputs.shape == (BATCH, CAPTIONS, TIME, decoder.output_dim)
    assert (weights is not None) == decoder.attends
    if weights is not None:
        assert weights.shape == (BATCH, CAPTIONS, TIME, REGIONS)
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(BATCH, CAPTIONS, TIME))


def test_steps_equal_the_whole_sequence(decoder, words, regions):
    expected, expected_weights = read(decoder, words, regions)
    context = decoder.context(regions)
    state = per_caption(decoder.start(regions), CAPTIONS)
    state = tuple(part.unflatten(0, (BATCH, CAPTIONS)) for part in state)
    for time in range(TIME):
        outputs, state, weights = decoder.step(words[:, :, time], state, context)
        torch.testing.assert_close(outputs, expected[:, :, time])
        assert (weights is None) == (expected_weights is None)
        if weights is not None:
            torch.testing.assert_close(weights, expected_weights[:, :, time])


def test_only_real_words_get_a_vector(decoder, words, regions):
    every, _ = read(decoder, words, regions)
    lengths = torch.tensor([[5, 1, 0], [2, 3, 4]])
    mask = torch.arange(TIME) < lengths.unsqueeze(-1)
    outputs, _ = decoder(words, mask, decoder.start(regions), decoder.context(regions))
    torch.testing.assert_close(outputs, every[mask])


def test_every_parameter_gets_a_gradient(decoder, words, regions):
    read(decoder, words, regions)[0].square().sum().backward()
    missing = [
        name
        for name, parameter in decoder.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    # A bias added to all regions' scores alike cannot change their softmax.
    assert missing in ([], ["attention.score.bias"])


def test_a_caption_does_not_depend_on_the_others_of_the_batch(decoder, words, regions):
    together, _ = read(decoder, words, regions)
    alone, _ = read(decoder, words[1:, 2:], regions[1:])
    torch.testing.assert_close(together[1:, 2:], alone)


def test_later_words_do_not_change_earlier_outputs(decoder, words, regions):
    before, _ = read(decoder, words, regions)
    changed = words.clone()
    changed[:, :, 3:] += 1
    after, _ = read(decoder, changed, regions)
    torch.testing.assert_close(before[:, :, :3], after[:, :, :3])


def test_weights_survive_a_state_dict_round_trip(decoder, words, regions):
    expected, _ = read(decoder, words, regions)
    saved = {name: tensor.clone() for name, tensor in decoder.state_dict().items()}
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
    decoder.load_state_dict(saved)
    torch.testing.assert_close(read(decoder, words, regions)[0], expected, rtol=0, atol=0)


def test_each_caption_starts_from_its_images_state():
    state = (torch.arange(4.0).view(2, 2),)
    (copies,) = per_caption(state, 3)
    assert copies.tolist() == [[0, 1]] * 3 + [[2, 3]] * 3


def test_a_step_keeps_the_beams_apart():
    torch.manual_seed(0)
    recurrent = Recurrent(4, 8)
    words = torch.randn(2, 3, 4)
    state = (torch.randn(2, 3, 1, 8), torch.randn(2, 3, 1, 8))
    together, _ = read_step(recurrent, words, state)
    alone, _ = read_step(recurrent, words[:, 1:2], tuple(part[:, 1:2] for part in state))
    torch.testing.assert_close(together[:, 1:2], alone)
