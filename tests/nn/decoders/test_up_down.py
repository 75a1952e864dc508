import torch

from multimodal.nn.decoders.up_down import UpDownDecoder

EVERY = torch.ones(2, 1, 5, dtype=torch.bool)


def test_outputs_equal_the_papers_equations_in_a_loop():
    torch.manual_seed(0)
    ours = UpDownDecoder(6, 4, hidden_dim=8, attention_dim=5)
    words, regions = torch.randn(2, 1, 5, 4), torch.randn(2, 7, 6)
    top_hidden, top_cell, hidden, cell = (torch.zeros(2, 8),) * 4
    expected = []
    for time in range(5):
        inputs = torch.cat([hidden, regions.mean(dim=1), words[:, 0, time]], dim=-1)  # equation 3
        top_hidden, top_cell = ours.top_down(inputs, (top_hidden, top_cell))
        mixed = torch.tanh(
            ours.attention.key(regions) + ours.attention.query(top_hidden).unsqueeze(1)
        )
        weights = ours.attention.score(mixed).squeeze(-1).softmax(dim=-1)  # equations 4 and 5
        attended = (weights.unsqueeze(-1) * regions).sum(dim=1)  # equation 6
        inputs = torch.cat([attended, top_hidden], dim=-1)  # equation 7
        hidden, cell = ours.language(inputs, (hidden, cell))
        expected.append(hidden)
    outputs, _ = ours(words, EVERY, ours.start(regions), ours.context(regions))
    torch.testing.assert_close(outputs.view(2, 5, -1), torch.stack(expected, dim=1))
