import torch

from multimodal.nn.decoders import ShowTellDecoder
from multimodal.nn.decoders.show_tell import recurrent_step

EVERY = torch.ones(2, 1, 5, dtype=torch.bool)


def test_the_image_is_read_as_the_word_before_the_first():
    torch.manual_seed(0)
    ours = ShowTellDecoder(6, 4, hidden_dim=8)
    regions, words = torch.randn(2, 7, 6), torch.randn(2, 1, 5, 4)
    image = ours.image(regions.mean(dim=1)).unsqueeze(1)
    whole = torch.cat([image, words[:, 0]], dim=1)
    expected, _ = ours.recurrent.layers(whole)
    outputs, _ = ours(words, EVERY, ours.start(regions), ours.context(regions))
    torch.testing.assert_close(outputs.view(2, 5, -1), expected[:, 1:])


def test_a_step_keeps_the_beams_apart():
    torch.manual_seed(0)
    recurrent = ShowTellDecoder(6, 4, hidden_dim=8).recurrent
    words = torch.randn(2, 3, 4)
    state = (torch.randn(2, 3, 1, 8), torch.randn(2, 3, 1, 8))
    together, _ = recurrent_step(recurrent, words, state)
    alone, _ = recurrent_step(recurrent, words[:, 1:2], tuple(part[:, 1:2] for part in state))
    torch.testing.assert_close(together[:, 1:2], alone)
