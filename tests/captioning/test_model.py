import pytest
import torch
import torch.nn.functional as F

from multimodal.captioning.model import Captioner, CaptionerSettings
from multimodal.decoding import beam_search, greedy
from multimodal.nn.decoders import DECODERS
from multimodal.nn.encoders import EncoderSettings

VOCAB = 11


def build(decoder="attention", **changes):
    torch.manual_seed(0)
    settings = CaptionerSettings(
        encoder=EncoderSettings(channels=[8, 12], strides=[4, 2]),
        decoder=decoder,
        embedding_dim=16,
        hidden_dim=20,
        attention_dim=24,
        **{"dropout": 0.0, "region_dim": 18, **changes},
    )
    return Captioner(settings, VOCAB)


@pytest.fixture
def images():
    torch.manual_seed(1)
    return torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)


@pytest.fixture
def tokens():
    rows = [[[1, 5, 6, 7, 2], [1, 5, 2, 0, 0]], [[1, 8, 9, 2, 0], [0, 0, 0, 0, 0]]]
    return torch.tensor(rows)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("tied", [True, False])
def test_only_real_tokens_are_projected(decoder, tied, images, tokens):
    model = build(decoder, tie_embeddings=tied)
    mask = tokens[..., 1:] != 0
    logits, weights = model(model.encoder(images), tokens[..., :-1], mask)
    assert logits.shape == (4 + 2 + 3, VOCAB)
    assert (weights is not None) == model.decoder.attends
    assert weights is None or weights.shape == (2, 2, 4, 16)


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_parameter_gets_a_gradient(decoder, images, tokens):
    model = build(decoder)
    mask = tokens[..., 1:] != 0
    logits, _ = model(model.encoder(images), tokens[..., :-1], mask)
    F.cross_entropy(logits, tokens[..., 1:][mask]).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None]
    assert silent == []


@pytest.mark.parametrize("decoder", DECODERS)
def test_steps_give_the_logits_of_teacher_forcing(decoder, images, tokens):
    model = build(decoder).eval()
    features = model.encoder(images)
    mask = torch.ones_like(tokens[..., 1:], dtype=torch.bool)
    expected, _ = model(features, tokens[..., :-1], mask)
    expected = expected.unflatten(0, mask.shape)
    state, context = model.begin(features)
    state = tuple(part.unsqueeze(1).expand(-1, 2, *part.shape[1:]) for part in state)
    for time in range(4):
        logits, state, _ = model.step(tokens[..., time], state, context)
        torch.testing.assert_close(logits, expected[:, :, time])


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_batch_is_captioned_as_its_images_alone(decoder, images):
    model = build(decoder).eval()
    features = model.encoder(images)
    together = beam_search(model.step, *model.begin(features), beam_size=3, max_length=6)
    for row in range(2):
        alone = beam_search(
            model.step, *model.begin(features[row : row + 1]), beam_size=3, max_length=6
        )
        length = int(alone.lengths[0, 0])
        assert together.tokens[row, 0, :length].tolist() == alone.tokens[0, 0, :length].tolist()
        torch.testing.assert_close(together.scores[row], alone.scores[0])


def test_padding_does_not_change_the_logits(images, tokens):
    model = build().eval()
    features = model.encoder(images)
    wider = F.pad(tokens, (0, 3))
    logits = [model(features, some[..., :-1], some[..., 1:] != 0)[0] for some in (tokens, wider)]
    torch.testing.assert_close(*logits)


def test_half_precision_features_of_a_cache_are_accepted(images):
    model = build().eval()
    features = model.encoder(images)
    expected, _ = model.begin(features)
    state, _ = model.begin(features.half())
    torch.testing.assert_close(state[0], expected[0], atol=1e-2, rtol=1e-2)


def test_an_unknown_decoder_in_a_saved_model_is_refused():
    settings = CaptionerSettings()
    object.__setattr__(settings, "decoder", "transformer")
    with pytest.raises(ValueError, match="`decoder` must be one of attention, show_tell"):
        Captioner(settings, VOCAB)


@pytest.mark.parametrize("decoder", DECODERS)
def test_eight_images_are_learnt_by_heart(decoder):
    model = build(decoder)
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    tokens = torch.full((8, 1, 5), 1)
    tokens[:, :, 1:4] = torch.randint(4, VOCAB, (8, 1, 3))
    tokens[:, :, 4] = 2
    mask = torch.ones(8, 1, 4, dtype=torch.bool)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
    for _ in range(150):
        logits, _ = model(model.encoder(images), tokens[..., :-1], mask)
        loss = F.cross_entropy(logits, tokens[..., 1:][mask])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    found = greedy(model.step, *model.begin(model.encoder(images)), max_length=6).tokens[:, 0, :4]
    assert (found == tokens[:, 0, 1:]).all(dim=1).float().mean() > 0.95
