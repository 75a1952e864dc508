import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from multimodal.nn.encoders import SmallCNN
from multimodal.training.unfreezing import (
    Unfreezing,
    check_start,
    from_epoch,
    gradual,
    open_encoder,
    unfreeze_groups,
)


class Somewhere(Trainer):
    """A trainer in the middle of a run."""

    epoch = 0
    processes = 1
    current_epoch = property(lambda self: self.epoch)
    world_size = property(lambda self: self.processes)


def trainer_at(epoch, processes=1):
    trainer = Somewhere(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.epoch, trainer.processes = epoch, processes
    return trainer


def make_encoder(stages=0):
    return SmallCNN(channels=[8, 8, 8], strides=[4, 2, 1], trainable_stages=stages).train()


def open_blocks(encoder):
    """Whether each block is trained; frozen batch normalisation keeps its statistics."""
    trained = [any(p.requires_grad for p in block.parameters()) for block in encoder.blocks]
    assert [block.training for block in encoder.blocks] == trained
    return trained


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        (0, [False, False, True]),
        (1, [False, False, True]),
        (2, [False, True, True]),
        (9, [False, True, True]),
    ],
)
def test_stages_open_at_their_epoch_and_before_it_the_encoder_stays_as_it_was(epoch, expected):
    encoder = make_encoder(stages=1)
    callback = Unfreezing(encoder.unfreeze, from_epoch(2, 2), "unfreeze_epoch")
    callback.on_train_epoch_start(trainer_at(epoch), LightningModule())
    assert open_blocks(encoder) == expected


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        (0, [False, False, False]),
        (1, [False, False, False]),
        (2, [False, False, True]),
        (4, [False, True, True]),
        (99, [True, True, True]),
    ],
)
def test_one_more_stage_opens_from_the_top_every_two_epochs(epoch, expected):
    encoder = make_encoder()
    callback = Unfreezing(encoder.unfreeze, gradual(2, total=3), "transfer")
    callback.on_train_epoch_start(trainer_at(epoch), LightningModule())
    assert open_blocks(encoder) == expected


def test_several_stages_can_open_at_once():
    schedule = gradual(1, layers=2, total=3)
    assert [schedule(epoch) for epoch in range(4)] == [0, 2, 3, 3]


def test_a_resumed_run_opens_its_stages_at_once():
    encoder = make_encoder()
    callback = Unfreezing(encoder.unfreeze, gradual(1, total=3), "transfer")
    callback.on_train_start(trainer_at(2), LightningModule())
    assert open_blocks(encoder) == [False, True, True]


@pytest.mark.parametrize(("number", "expected"), [(0, [False] * 3), (2, [False, True, True])])
def test_the_top_groups_of_parameters_are_trained(number, expected):
    groups = [[nn.Parameter(torch.zeros(1)) for _ in range(2)] for _ in range(3)]
    unfreeze_groups(groups, number)
    assert [[each.requires_grad for each in group] for group in groups] == [
        [value] * 2 for value in expected
    ]


def test_several_processes_are_refused():
    callback = Unfreezing(make_encoder().unfreeze, from_epoch(0, 1), "unfreeze_epoch")
    with pytest.raises(ValueError, match=r"`unfreeze_epoch` .* one process only.*--trainer"):
        callback.on_train_start(trainer_at(0, processes=2), LightningModule())


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0)])
def test_numbers_of_epochs_and_layers_are_positive(numbers):
    epochs, layers = numbers
    with pytest.raises(ValueError, match=r"both must be 1 or more, got"):
        gradual(epochs, layers=layers, total=3)


def opened_by(strategy, stages=2):
    encoder = make_encoder(stages=1)
    open_encoder(encoder, strategy, stages)
    return open_blocks(encoder)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("none", [False, False, True]),
        ("linear", [False, False, False]),
        ("head", [False, False, False]),
        ("gradual", [False, False, False]),
        ("last_stages", [False, True, True]),
        ("full", [True, True, True]),
    ],
)
def test_a_strategy_opens_the_stages_that_it_trains(strategy, expected):
    assert opened_by(strategy) == expected


@pytest.mark.parametrize("stages", [0, 4])
def test_more_stages_than_the_encoder_has_are_refused(stages):
    with pytest.raises(ValueError, match=rf"`stages` must be from 1 to 3, .* got {stages}"):
        opened_by("last_stages", stages)


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match=r"`transfer` must be one of none, linear, .*, got 'all'"):
        opened_by("all")


@pytest.mark.parametrize("strategy", ["linear", "head", "last_stages", "gradual"])
def test_a_frozen_encoder_must_have_pretrained_weights(strategy):
    with pytest.raises(ValueError, match=rf"`transfer` {strategy} builds on what an encoder has"):
        check_start(strategy, "none")
    check_start(strategy, "pretrained")


@pytest.mark.parametrize("strategy", ["none", "full"])
def test_a_network_that_trains_all_layers_may_start_from_random_weights(strategy):
    check_start(strategy, "none")
