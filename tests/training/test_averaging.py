import copy

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from multimodal.training.averaging import MovingAverage


def test_the_average_is_the_papers_and_forgets_its_beginning():
    callback = MovingAverage(0.9)
    average, expected = [torch.zeros(3), torch.tensor(0)], torch.zeros(3)
    for step in range(1, 100):
        current = torch.full((3,), float(step))
        callback.average(average, [current, torch.tensor(step)], step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * current
    torch.testing.assert_close(average[0], expected)
    assert int(average[1]) == 99


class Climber(LightningModule):
    """A weight that is 1, 2, 3 ... after the steps."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.validated, self.tested = [], []

    def training_step(self, batch, batch_idx):
        return -self.weight.sum()

    def validation_step(self, batch, batch_idx):
        self.validated.append(self.weight.item())
        during = self.trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
        self.saved = copy.deepcopy(during)

    def test_step(self, batch, batch_idx):
        self.tested.append(self.weight.item())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


class _SaveAfterAnEpoch(Callback):
    def __init__(self, path):
        self.path = path

    def on_train_epoch_end(self, trainer, pl_module):
        trainer.save_checkpoint(self.path)


def _trainer(folder, epochs, callbacks=()):
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        num_sanity_val_steps=0,
        callbacks=[MovingAverage(0.5), *callbacks],
        default_root_dir=folder,
    )


def test_what_is_validated_and_saved_is_the_average(tmp_path):
    task, batches = Climber(), DataLoader(range(4))
    _trainer(tmp_path, epochs=1).fit(task, batches, DataLoader(range(1)))
    # The weight is 1, 2, 3, 4 after the steps; the average starts at 1 and lags behind.
    (validated,) = task.validated
    assert 1 < validated < 4
    assert task.saved["state_dict"]["weight"].item() == validated
    assert task.saved["current_model_state"]["weight"].item() == 4


def test_the_trainer_that_trained_tests_a_checkpoints_average(tmp_path):
    path, task, batches = tmp_path / "four.ckpt", Climber(), DataLoader(range(4))
    trainer = _trainer(tmp_path, epochs=1, callbacks=[_SaveAfterAnEpoch(path)])
    trainer.fit(task, batches)
    saved = torch.load(path, weights_only=True)["state_dict"]["weight"].item()
    trainer.test(task, DataLoader(range(1)), ckpt_path=path, verbose=False)
    assert task.tested == [saved]
    assert saved < 4


def test_a_resumed_run_goes_on_with_the_weights_and_their_average(tmp_path):
    path, batches = tmp_path / "four.ckpt", DataLoader(range(4))
    whole, half, resumed = Climber(), Climber(), Climber()
    _trainer(tmp_path, epochs=2).fit(whole, batches)
    _trainer(tmp_path, epochs=1, callbacks=[_SaveAfterAnEpoch(path)]).fit(half, batches)
    _trainer(tmp_path, epochs=2).fit(resumed, batches, ckpt_path=path)
    assert resumed.weight.item() == whole.weight.item()  # the average, after training
    assert 6 < resumed.weight.item() < 8


@pytest.mark.parametrize("decay", [0.0, 1.0, -3.0])
def test_a_decay_out_of_range_is_refused(decay):
    with pytest.raises(ValueError, match="more than 0 and less than 1"):
        MovingAverage(decay)
