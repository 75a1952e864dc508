import pytest
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from multimodal.nn.encoders import SmallCNN
from multimodal.training.opening import OpenEncoder


class Task(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        encoder = SmallCNN(channels=[8, 8], strides=[4, 2], trainable_stages=0)
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
