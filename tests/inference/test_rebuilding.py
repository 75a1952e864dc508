import time

import pytest
import torch
from torch import nn

from multimodal.inference.rebuilding import (
    read_labels,
    read_number,
    read_transform,
    read_vocabulary,
    rebuild,
    refusing,
)
from multimodal.saving.checkpoint import SavedModel

SPECIALS = ["<pad>", "<bos>", "<eos>", "<unk>"]


def saved(**changes):
    weights = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
    parts = {"settings": {}, "vocabulary": [], "transform": {}, "extra": {}, "state_dict": weights}
    return SavedModel(task="sentiment", **{**parts, **changes})


def test_a_network_gets_its_weights():
    network = rebuild(lambda: nn.Linear(2, 1), saved(), "it")
    assert network(torch.ones(2)).item() == 2


def test_half_weights_become_whole_ones():
    half = {"weight": torch.full((1, 2), 0.5).half(), "bias": torch.zeros(1)}
    network = rebuild(lambda: nn.Linear(2, 1), saved(state_dict=half), "it")
    assert network.weight.dtype == torch.float32


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_dim": 10**9},
        {"encoder": {"channels": [8, -5000]}},
        {"channels": [1] * 1000},
        {"num_layers": 65},
        {"dropout": 1e30},
        {"cell": "some.Cell"},
        {"encoder": {"name": "../small"}},
    ],
)
def test_values_that_no_network_has_are_refused_before_anything_is_built(settings):
    with pytest.raises(ValueError, match=r"it has settings that this version .* does not know"):
        rebuild(pytest.fail, saved(settings=settings), "it")


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Linear(10**6, 10**6),
        lambda: nn.LSTM(4096, 4096, num_layers=64),
        lambda: nn.Sequential(*(nn.Linear(1, 1) for _ in range(10**6))),
        lambda: torch.eye(10**5),
        lambda: torch.zeros((10**5, 10**5)),
        lambda: torch.full((10**5, 10**5), 1.0),
    ],
)
def test_a_network_much_larger_than_its_weights_is_never_made(build):
    start = time.process_time()
    with pytest.raises(ValueError, match="a network much larger than the weights"):
        rebuild(build, saved(), "it")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"weight": torch.ones(1, 2)}, "it lacks 1 of 2 weights, first bias"),
        ({"weight": torch.ones(1, 3), "bias": torch.zeros(1)}, r"has shape \(1, 3\), expected \(1"),
        ({"weight": torch.ones(1, 2), "bias": torch.zeros(1).long()}, r"bias is of torch\.int64"),
        (
            {"weight": torch.tensor([[1, torch.inf]]), "bias": torch.zeros(1)},
            r"it holds weights that are no numbers \(NaN or infinite\), first weight",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(weights, message):
    with pytest.raises(ValueError, match=message):
        rebuild(lambda: nn.Linear(2, 1), saved(state_dict=weights), "it")


@pytest.mark.parametrize("error", [KeyError("a"), TypeError(), AssertionError("b\nc"), MemoryError])
def test_every_error_becomes_one_line(error):
    with pytest.raises(ValueError, match="it has settings that this") as raised, refusing("it"):
        raise error
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "transform", [{"size": 10**6}, {"size": 64.5}, {"size": "64"}, {"size": 0}, {"colour": "red"}]
)
def test_a_transform_that_cannot_be_is_refused(transform):
    with pytest.raises(ValueError, match="it has settings that this version"):
        read_transform(saved(transform=transform), "it")
    assert read_transform(saved(transform={"size": 64}), "it").settings.size == 64


def test_words_that_are_no_vocabulary_are_refused():
    with pytest.raises(ValueError, match="The words of it cannot be used"):
        read_vocabulary(saved(vocabulary=["a", "b"]), "it")
    assert len(read_vocabulary(saved(vocabulary=SPECIALS), "it")) == 4


@pytest.mark.parametrize("labels", [None, "ab", ["a", 3]])
def test_labels_that_are_no_names_are_refused(labels):
    with pytest.raises(ValueError, match="it has no list of labels"):
        read_labels(saved(extra={"labels": labels}), "it")


def test_a_number_is_a_number():
    assert read_number(saved(extra={"scale": 2}), "scale", 1.0) == 2.0
    assert read_number(saved(), "scale", 1.0) == 1.0
    for wrong in ("2", True, [2.0], None):
        with pytest.raises(TypeError, match="`scale` is a"):
            read_number(saved(extra={"scale": wrong}), "scale", 1.0)
