import torch

from multimodal.nn.decoders.show_tell import ShowTellDecoder

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
