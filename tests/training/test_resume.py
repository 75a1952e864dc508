import itertools
import logging
import signal
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback
from tiny_run import BATCHES, EPOCHS, SEED, TinyTask, make_task, make_trainer

from multimodal.training import ExactResume, Interrupted
from multimodal.training.signals import INTERRUPTED

STEPS = BATCHES * EPOCHS


class StopAt(Callback):
    """Send the process SIGTERM during the n-th event of a run: training or validation batches."""

    def __init__(self, event: int) -> None:
        self.event = event
        self.count = 0

    def on_train_batch_start(self, *_) -> None:
        self._count()

    def on_validation_batch_start(self, *_) -> None:
        self._count()

    def _count(self) -> None:
        self.count += 1
        if self.count == self.event:
            signal.raise_signal(signal.SIGTERM)


def run_unbroken(folder: Path, settings: dict, trainer_settings: dict) -> TinyTask:
    task = make_task(**settings)
    make_trainer(folder, **trainer_settings).fit(task)
    return task


def run_broken(
    folder: Path, event: int, settings: dict, trainer_settings: dict
) -> tuple[TinyTask, TinyTask]:
    first = make_task(**settings)
    with pytest.raises(Interrupted):
        make_trainer(folder, StopAt(event), **trainer_settings).fit(first)
    torch.manual_seed(event)  # whatever the generators hold must not matter
    second = TinyTask(**settings)
    path = folder / "checkpoints" / INTERRUPTED
    make_trainer(folder, **trainer_settings).fit(second, ckpt_path=path)
    return first, second


def assert_repeats(folder: Path, event: int, settings: dict, trainer_settings: dict) -> None:
    unbroken = run_unbroken(folder, settings, trainer_settings)
    first, second = run_broken(folder, event, settings, trainer_settings)
    assert_equal(unbroken, second)
    done = [each for each in first.events if each[0] == "train"]
    done += [each for each in second.events if each[0] == "train"]
    assert done == [each for each in unbroken.events if each[0] == "train"]
    validations = [each for each in first.events + second.events if each[0] == "val"]
    assert set(validations) == {each for each in unbroken.events if each[0] == "val"}
    epochs = [each for each in first.events + second.events if each[0] == "epoch"]
    assert epochs == [each for each in unbroken.events if each[0] == "epoch"]


def assert_equal(expected: TinyTask, got: TinyTask) -> None:
    for name, value in expected.state_dict().items():
        assert torch.equal(value, got.state_dict()[name]), name
    assert expected.optimizers().param_groups[0]["lr"] == got.optimizers().param_groups[0]["lr"]


# An epoch has six training batches and then three of validation: events 1 to 6, and 7 to 9.
@pytest.mark.parametrize(("event", "workers"), [(2, 0), (6, 0), (8, 0), (14, 2)])
def test_a_resumed_run_ends_with_the_same_weights_to_the_bit(tmp_path, event, workers):
    assert_repeats(tmp_path, event, {"workers": workers}, {})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("event", "workers"), list(itertools.product(range(1, EPOCHS * (BATCHES + 3) + 1), [0, 2]))
)
def test_a_run_resumed_anywhere_ends_with_the_same_weights_to_the_bit(tmp_path, event, workers):
    assert_repeats(tmp_path, event, {"workers": workers}, {})


HARD = {
    "accumulation": ({}, {"accumulate_grad_batches": 4}),
    "validation in mid-epoch": ({}, {"val_check_interval": 4}),
    "validation in mid-accumulation": ({}, {"val_check_interval": 3, "accumulate_grad_batches": 4}),
    "no validation": ({}, {"limit_val_batches": 0}),
    "validation every other epoch": ({}, {"check_val_every_n_epoch": 2}),
    "fewer batches": ({}, {"limit_train_batches": 4}),
    "steps, not epochs": ({}, {"max_steps": STEPS - 2, "max_epochs": -1}),
    "epoch scheduler": ({"scheduler": "epoch"}, {}),
    "plateau scheduler": ({"scheduler": "plateau"}, {}),
    "bf16": ({}, {"precision": "bf16-mixed"}),
}


@pytest.mark.parametrize(
    ("case", "event"), [("accumulation", 3), ("plateau scheduler", 9), ("plateau scheduler", 11)]
)
def test_a_resumed_run_repeats_with_accumulation_and_schedulers(tmp_path, case, event):
    settings, trainer_settings = HARD[case]
    assert_repeats(tmp_path, event, settings, trainer_settings)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "event"), list(itertools.product(HARD, [2, 3, 4, 6, 8, 11])))
def test_a_run_resumed_anywhere_repeats_under_every_setting(tmp_path, case, event):
    settings, trainer_settings = HARD[case]
    assert_repeats(tmp_path, event, settings, trainer_settings)


def test_without_the_callback_dropout_differs_after_a_resumption(tmp_path):
    settings = {"trusted": False}
    unbroken = run_unbroken(tmp_path, settings, {})
    half = make_task(**settings)
    trainer = make_trainer(tmp_path, max_steps=3)
    trainer.fit(half)
    trainer.save_checkpoint(tmp_path / "half.ckpt", weights_only=False)
    torch.manual_seed(1)
    resumed = TinyTask(**settings)
    make_trainer(tmp_path).fit(resumed, ckpt_path=tmp_path / "half.ckpt")
    assert not torch.equal(unbroken.model[0].weight, resumed.model[0].weight)


def test_another_seed_at_resumption_is_a_warning(tmp_path, caplog):
    task = make_task()
    trainer = make_trainer(tmp_path, max_steps=3)
    trainer.fit(task)
    trainer.save_checkpoint(tmp_path / "half.ckpt", weights_only=False)
    resumed = TinyTask(trusted=False)
    trainer = make_trainer(tmp_path, ExactResume(SEED + 1))
    with caplog.at_level(logging.WARNING):
        trainer.fit(resumed, ckpt_path=tmp_path / "half.ckpt")
    assert "had seed 11, this one has 12" in caplog.text


def test_the_seed_is_the_one_of_seed_everything(monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "42")
    assert ExactResume().seed == 42
