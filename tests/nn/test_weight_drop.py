import pytest
import torch
from torch import nn

from multimodal.nn.recurrent import Recurrent
from multimodal.nn.weight_drop import WeightDrop

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


@pytest.mark.parametrize("cell", CELLS)
def test_the_result_is_that_of_layers_with_the_dropped_weights(cell):
    torch.manual_seed(0)
    layers, drop = CELLS[cell](3, 4, num_layers=2, batch_first=True), WeightDrop(0.5)
    inputs = torch.randn(2, 5, 3)
    seed = torch.random.get_rng_state()
    outputs, _ = drop(layers, inputs, None)
    torch.random.set_rng_state(seed)
    reference = CELLS[cell](3, 4, num_layers=2, batch_first=True)
    reference.load_state_dict(layers.state_dict())
    with torch.no_grad():
        for name, weight in reference.named_parameters():
            if name.startswith("weight_hh"):
                torch.random.set_rng_state(seed)
                weight.copy_(drop.dropout(weight))
                seed = torch.random.get_rng_state()
    torch.testing.assert_close(outputs, reference(inputs)[0])
    assert not torch.equal(outputs, layers(inputs)[0])


def test_half_of_the_recurrent_weights_learn_nothing_in_a_step_and_all_else_does():
    torch.manual_seed(0)
    layers = nn.LSTM(3, 16, batch_first=True)
    WeightDrop(0.5)(layers, torch.randn(4, 6, 3), None)[0].square().sum().backward()
    idle = (layers.weight_hh_l0.grad == 0).float().mean().item()
    assert idle == pytest.approx(0.5, abs=0.05)
    assert layers.weight_ih_l0.grad.all()


def test_evaluation_is_the_plain_network_and_a_saved_model_knows_nothing_of_it():
    torch.manual_seed(0)
    layers, drop = nn.LSTM(3, 4), WeightDrop(0.5)
    inputs, names = torch.randn(2, 1, 3), list(layers.state_dict())
    before = {name: weight.clone() for name, weight in layers.state_dict().items()}
    drop(layers, inputs, None)
    assert list(layers.state_dict()) == names
    assert all(torch.equal(layers.state_dict()[name], before[name]) for name in names)
    assert all(isinstance(weight, nn.Parameter) for weight in layers.all_weights[0])
    torch.testing.assert_close(drop.eval()(layers, inputs, None)[0], layers(inputs)[0])
    assert drop.drop(layers.all_weights[0])[1] is layers.weight_hh_l0


@pytest.mark.parametrize("full", [False, True])
def test_reading_without_padding_drops_the_same_weights(full):
    torch.manual_seed(0)
    ours = Recurrent(3, 4, weight_drop=0.5)
    inputs = torch.randn(3, 6, 3)
    lengths = torch.tensor([6, 6, 6] if full else [6, 2, 3])
    state = tuple(torch.zeros(3, 1, 4) for _ in range(2))
    torch.manual_seed(1)
    expected, _ = ours(inputs, state)
    torch.manual_seed(1)
    read = ours.read(inputs, state, lengths)
    mask = torch.arange(6) < lengths.unsqueeze(1)
    torch.testing.assert_close(read[mask], expected[mask])
    assert not torch.equal(ours.eval()(inputs, state)[0], expected)


def test_a_probability_out_of_range_is_refused():
    with pytest.raises(ValueError, match="at least 0 and less than 1, got 1"):
        Recurrent(3, 4, weight_drop=1.0)
