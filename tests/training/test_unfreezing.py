import pytest
from lightning.pytorch import LightningModule, Trainer

from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.sentiment.model import SentimentClassifier, SentimentSettings
from multimodal.training.unfreezing import GradualUnfreezing


class Task(LightningModule):
    def __init__(self, **changes) -> None:
        super().__init__()
        reader = TextEncoderSettings(num_layers=2, embedding_dim=3, hidden_dim=2)
        self.model = SentimentClassifier(SentimentSettings(reader, **changes), 9, 2)


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


def opened(task):
    """Whether each group, from bottom to top, is open."""
    groups = task.model.parameters_by_depth()
    found = [{parameter.requires_grad for parameter in group} for group in groups]
    assert all(len(each) == 1 for each in found)
    return [each.pop() for each in found]


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        (0, [False, False, False, True]),
        (1, [False, False, False, True]),
        (2, [False, False, True, True]),
        (4, [False, True, True, True]),
        (6, [True, True, True, True]),
        (99, [True, True, True, True]),
    ],
)
def test_one_more_group_opens_from_the_top_every_two_epochs(epoch, expected):
    task = Task()
    GradualUnfreezing(2).on_train_epoch_start(trainer_at(epoch), task)
    assert opened(task) == expected


def test_a_run_that_is_resumed_opens_at_once_what_was_open():
    task = Task()
    GradualUnfreezing(1).on_train_start(trainer_at(2), task)
    assert opened(task) == [False, True, True, True]


def test_zero_trains_everything_from_the_start():
    task = Task()
    GradualUnfreezing(0).on_train_start(trainer_at(0, processes=2), task)
    assert all(opened(task))


def test_frozen_word_vectors_are_never_opened():
    task = Task(freeze_embedding=True)
    GradualUnfreezing(1).on_train_epoch_start(trainer_at(99), task)
    assert not task.model.embedding.weight.requires_grad
    assert all(opened(task))


def test_several_processes_are_refused():
    with pytest.raises(ValueError, match=r"works in one process only.* --trainer.devices 1"):
        GradualUnfreezing(1).on_train_start(trainer_at(0, processes=2), Task())


def test_a_negative_number_of_epochs_is_refused():
    with pytest.raises(ValueError, match="`unfreeze_epochs` must be 0 or more, got -1"):
        GradualUnfreezing(-1)
