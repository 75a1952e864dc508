import torch

from multimodal.nn.decoders.show_attend_tell import ShowAttendTellDecoder, lstm_gates

EVERY = torch.ones(2, 1, 5, dtype=torch.bool)


def test_outputs_equal_the_papers_equations_in_a_loop():
    torch.manual_seed(0)
    ours = ShowAttendTellDecoder(6, 4, hidden_dim=8, attention_dim=5)
    words, regions = torch.randn(2, 1, 5, 4), torch.randn(2, 7, 6)
    hidden, cell = ours.start(regions)
    expected = []
    for time in range(5):
        scores = ours.attention.score(
            torch.tanh(
                ours.attention.key(regions) + ours.attention.query(hidden).unsqueeze(1)
            )  # equation 4
        ).squeeze(-1)
        weights = scores.softmax(dim=-1)  # equation 5
        attended = (weights.unsqueeze(-1) * regions).sum(dim=1)  # equation 13
        attended = torch.sigmoid(ours.gate(hidden)) * attended  # section 4.2.1
        hidden, cell = ours.cell(torch.cat([words[:, 0, time], attended], dim=-1), (hidden, cell))
        expected.append(hidden)
    outputs, _ = ours(words, EVERY, ours.start(regions), ours.context(regions))
    torch.testing.assert_close(outputs.view(2, 5, -1), torch.stack(expected, dim=1))


def test_lstm_gates_equal_torchs_cell():
    torch.manual_seed(0)
    cell = torch.nn.LSTMCell(3, 4)
    inputs, hidden, memory = torch.randn(2, 3), torch.randn(2, 4), torch.randn(2, 4)
    gates = inputs @ cell.weight_ih.T + hidden @ cell.weight_hh.T + cell.bias_ih + cell.bias_hh
    ours = lstm_gates(gates, memory)
    for part, expected in zip(ours, cell(inputs, (hidden, memory)), strict=True):
        torch.testing.assert_close(part, expected)
