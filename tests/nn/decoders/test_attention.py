import torch

from multimodal.nn.decoders.attention import AttentionDecoder, initial_state

EVERY = torch.ones(2, 1, 5, dtype=torch.bool)


def test_the_fused_pass_equals_luongs_equations_in_a_loop():
    torch.manual_seed(0)
    ours = AttentionDecoder(6, 4, hidden_dim=8, attention_dim=10)
    words, regions = torch.randn(2, 1, 5, 4), torch.randn(2, 7, 6)
    state = tuple(part.transpose(0, 1).contiguous() for part in ours.start(regions))
    keys, values = ours.attention.key(regions), ours.attention.value(regions)
    expected = []
    for time in range(5):
        hidden, state = ours.recurrent.layers(words[:, 0, time : time + 1], state)
        scores = (keys @ ours.attention.query(hidden[:, 0]).unsqueeze(-1)).squeeze(-1) / 10**0.5
        attended = (scores.softmax(dim=-1).unsqueeze(-1) * values).sum(dim=1)
        both = torch.cat([hidden[:, 0], attended], dim=-1)
        expected.append(torch.tanh(ours.combine(both)))  # equation 5
    outputs, _ = ours(words, EVERY, ours.start(regions), ours.context(regions))
    torch.testing.assert_close(outputs.view(2, 5, -1), torch.stack(expected, dim=1))


def test_the_first_state_comes_from_the_mean_region():
    torch.manual_seed(0)
    ours = AttentionDecoder(6, 4, hidden_dim=8, attention_dim=10, num_layers=2)
    regions = torch.randn(2, 7, 6)
    hidden, cell = initial_state(ours.initial, ours.recurrent, regions)
    assert hidden.shape == cell.shape == (2, 2, 8)
    same_mean = regions.mean(dim=1, keepdim=True).expand(-1, 3, -1)
    torch.testing.assert_close(ours.start(same_mean)[0], hidden)
