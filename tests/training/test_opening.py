import pytest
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from multimodal.nn.encoders import SmallCNN
from multimodal.training.opening import OpenEncoder, OpenGradually


class Task(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        encoder = SmallCNN(channels=[8, 8, 8], strides=[4, 2, 1], trainable_stages=0)
        self.model = nn.ModuleDict({"encoder": encoder})


def trained(task):
    return sum(parameter.requires_grad for parameter in task.parameters())


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


def test_the_stages_open_at_their_epoch_and_stay_open():
    task, opening = Task(), OpenEncoder(epoch=2, stages=1)
    opening.on_train_epoch_start(trainer_at(1), task)
    assert trained(task) == 0
    opening.on_train_epoch_start(trainer_at(2), task)
    assert 0 < trained(task) < len(list(task.parameters()))


def test_a_run_resumed_after_that_epoch_opens_them_at_once():
    task = Task()
    OpenEncoder(epoch=1, stages=-1).on_train_start(trainer_at(3), task)
    assert trained(task) == len(list(task.parameters()))


def test_never_is_never():
    task = Task()
    OpenEncoder(epoch=-1, stages=-1).on_train_start(trainer_at(3), task)
    assert trained(task) == 0


def test_several_processes_are_refused():
    with pytest.raises(ValueError, match=r"works in one process only.* --trainer.devices 1"):
        OpenEncoder(0, 1).on_train_start(trainer_at(0, processes=2), Task())


def opened(task):
    return [any(p.requires_grad for p in block.parameters()) for block in task.model.encoder.blocks]


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
    task = Task().train()
    OpenGradually(2).on_train_epoch_start(trainer_at(epoch), task)
    assert opened(task) == expected
    # Frozen batch normalisation keeps its statistics.
    assert [block.training for block in task.model.encoder.blocks] == expected


def test_several_stages_can_open_at_once():
    task = Task()
    OpenGradually(1, 2).on_train_epoch_start(trainer_at(1), task)
    assert opened(task) == [False, True, True]


def test_a_run_that_is_resumed_opens_at_once_what_was_open():
    task = Task()
    OpenGradually().on_train_start(trainer_at(2), task)
    assert opened(task) == [False, True, True]


def test_gradual_opening_in_several_processes_is_refused():
    with pytest.raises(ValueError, match=r"in one process only.* --trainer.devices 1"):
        OpenGradually().on_train_start(trainer_at(0, processes=2), Task())


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0)])
def test_numbers_of_epochs_and_stages_are_positive(numbers):
    with pytest.raises(ValueError, match=r"both must be 1 or more, got"):
        OpenGradually(*numbers)
