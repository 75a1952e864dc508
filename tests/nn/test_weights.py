import pytest
import torch
from torch import nn

from multimodal.nn.weights import load_named, weights_below


def test_weights_are_found_below_any_prefix():
    own = nn.Linear(2, 3).state_dict()
    for prefix in ("", "encoder.", "model.encoder.part."):
        found = {f"{prefix}{name}": tensor for name, tensor in own.items()}
        found["decoder.bias_of_another"] = torch.zeros(1)
        below = weights_below(found, own)
        assert {name: below[name] for name in own} == own
        assert prefix == "" or set(below) == set(own)


def test_everything_is_returned_when_nothing_matches():
    found = {"a": torch.zeros(1), "b": torch.zeros(1)}
    assert weights_below(found, ["weight"]) == found


def test_half_precision_becomes_the_precision_of_the_module():
    module = nn.Linear(1, 1)
    weights = {"weight": torch.full((1, 1), 0.5).half(), "bias": torch.ones(1).half()}
    load_named(module, weights, "weights.pth")
    assert module.weight.dtype == torch.float32
    assert module(torch.ones(1, 1)).item() == 1.5


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"weight": torch.zeros(3, 2)}, r"a\.pth holds .*: it lacks 1 of 2 weights, first bias\."),
        (
            {"weight": torch.zeros(3, 2), "bias": torch.zeros(3), "gain": torch.zeros(3)},
            r"it has unknown 1 of 2 weights, first gain\. Does the network's name fit the file\?",
        ),
        (
            {"weight": torch.zeros(4, 2), "bias": torch.zeros(3)},
            r"weight has shape \(4, 2\), expected \(3, 2\)",
        ),
    ],
)
def test_weights_of_another_network_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        load_named(nn.Linear(2, 3), weights, "a.pth")
