from contextlib import nullcontext
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from lightning.pytorch import Callback
from tiny_run import TinyBatch, make_task, make_trainer

from multimodal.training import LastCheckpoint, NonFiniteError, NonFiniteGuard
from multimodal.training.guard import _all_finite, _first_problem, _Record


def fit(tmp_path, *callbacks, trainer_settings=None, **settings):
    """Train until the guard stops it; return the task, the trainer and the error."""
    task = make_task(**settings)
    trainer = make_trainer(
        tmp_path, LastCheckpoint(1, str(tmp_path)), *callbacks, **(trainer_settings or {})
    )
    with pytest.raises(NonFiniteError) as caught:
        trainer.fit(task)
    return task, trainer, str(caught.value)


def batch_of(task, step):
    return [event[3] for event in task.events if event[0] == "train"][step]


def assert_good(path, steps):
    checkpoint = torch.load(path, weights_only=True)
    assert checkpoint["global_step"] == steps
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())


def test_a_nan_in_an_image_stops_before_its_step_and_is_named(tmp_path):
    task, trainer, message = fit(tmp_path, nan_at=13)
    steps = trainer.global_step
    batch = batch_of(task, steps)
    assert f"`batch.images` is not finite in row {batch.index(13)}." in message
    assert ", ".join(map(str, batch)) in message
    assert f"Training stopped after {steps} steps" in message
    # Training had steps to save before: the last good checkpoint is there, and is named.
    assert steps > 0
    assert f"The last good checkpoint is {tmp_path / 'last.ckpt'}" in message
    assert_good(tmp_path / "last.ckpt", steps)
    assert all(value.isfinite().all() for value in task.model.parameters())


def test_a_bad_loss_stops_before_its_step(tmp_path):
    task, trainer, message = fit(tmp_path, bad_loss_at=4)
    assert trainer.global_step == 4
    assert "after 4 steps, in epoch 0: the loss is inf." in message
    assert ", ".join(map(str, batch_of(task, 4))) in message
    assert_good(tmp_path / "last.ckpt", 4)


def test_a_learning_rate_of_1e30_stops_within_a_step(tmp_path):
    task, trainer, message = fit(tmp_path, lr=1e30)
    assert trainer.global_step == 1
    assert "`model.0.weight` reached 1e+30. Is the learning rate too high?" in message
    assert ", ".join(map(str, batch_of(task, 0))) in message
    assert "No checkpoint was written yet." in message
    assert not (tmp_path / "last.ckpt").exists()


def test_a_learning_rate_that_explodes_leaves_the_checkpoint_before(tmp_path):
    class Explode(Callback):
        def on_train_batch_start(self, trainer, module, batch, batch_idx):
            if trainer.global_step == 3:
                for group in trainer.optimizers[0].param_groups:
                    group["lr"] = 1e30

    _, trainer, message = fit(tmp_path, Explode())
    assert trainer.global_step == 4
    assert "Is the learning rate too high?" in message
    assert_good(tmp_path / "last.ckpt", 3)


@pytest.mark.parametrize("settings", [{"max_steps": 1}, {"limit_train_batches": 1}])
def test_an_explosion_in_the_last_step_is_not_a_finished_run(tmp_path, settings):
    task = make_task(lr=1e30)
    with pytest.raises(NonFiniteError, match="reached 1e"):
        make_trainer(tmp_path, **settings).fit(task)


def test_the_first_bad_batch_of_an_accumulated_step_is_named(tmp_path):
    task, trainer, message = fit(
        tmp_path, bad_loss_at=1, trainer_settings={"accumulate_grad_batches": 2}
    )
    assert trainer.global_step == 1
    both = [*batch_of(task, 2), *batch_of(task, 3)]
    assert f"Examples in the batch: {', '.join(map(str, both))}" in message


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_the_guard_works_in_every_precision(tmp_path, precision):
    settings = {"precision": precision}
    _, trainer, message = fit(tmp_path, bad_loss_at=2, trainer_settings=settings)
    assert trainer.global_step == 2
    assert "the loss is inf" in message


def test_a_bad_gradient_is_named():
    gradients = {"first": torch.ones(2), "second": torch.tensor([1.0, float("-inf")])}
    assert _first_problem([], gradients) == "the gradient of `second` reached inf."


def test_gradients_whose_squares_overflow_only_together_are_reported():
    gradients = {"first": torch.full((2,), 1.2e19), "second": torch.full((2,), 1.2e19)}
    assert "beyond the range of float32" in _first_problem([], gradients)


@pytest.mark.parametrize("scaler", [None, object()])
def test_a_float16_scaler_is_left_to_handle_infinite_gradients(tmp_path, scaler):
    task, trainer, guard = make_task(), make_trainer(tmp_path), NonFiniteGuard()
    for parameter in task.parameters():
        parameter.grad = torch.full_like(parameter, float("inf"))
    trainer.precision_plugin.scaler = scaler
    expected = nullcontext() if scaler else pytest.raises(NonFiniteError, match="gradient of")
    with expected:
        guard.on_before_optimizer_step(trainer, task, torch.optim.SGD(task.parameters()))


def test_float16_stops_at_a_bad_loss_as_other_precisions_do(tmp_path):
    settings = {"precision": "16-mixed"}
    _, trainer, message = fit(tmp_path, bad_loss_at=2, trainer_settings=settings)
    assert trainer.global_step == 2
    assert "after 2 steps, in epoch 0: the loss is inf." in message


def test_a_step_without_losses_and_gradients_is_no_obstacle(tmp_path):
    guard = NonFiniteGuard()
    task, trainer = make_task(), make_trainer(tmp_path)
    guard.on_before_optimizer_step(trainer, task, torch.optim.SGD(task.parameters()))
    task.requires_grad_(False)
    guard.on_train_end(trainer, task)


@pytest.mark.gpu
def test_numbers_on_several_devices_are_checked_together():
    good, bad = torch.ones((), device="cuda"), torch.tensor(float("nan"), device="cuda")
    assert _all_finite([torch.ones(()), good])
    assert not _all_finite([torch.ones(()), good, bad])
    assert not _all_finite([bad.cpu(), good])


def test_a_bad_buffer_is_never_saved(tmp_path):
    task = make_task()
    trainer = make_trainer(tmp_path, max_steps=1)
    trainer.fit(task)
    task.model[2].running_mean[3] = float("nan")
    with pytest.raises(NonFiniteError, match=r"`model\.2\.running_mean` is not finite"):
        trainer.save_checkpoint(tmp_path / "bad.ckpt")
    assert not (tmp_path / "bad.ckpt").exists()


def test_images_are_named_if_the_batch_has_them():
    class Batch(NamedTuple):
        indices: torch.Tensor
        examples: tuple

    examples = (SimpleNamespace(image_id="cat.jpg"), SimpleNamespace(image_id="dog.jpg"))
    seen = _Record(Batch(torch.tensor([4, 9]), examples))
    assert seen.examples() == ["4 (image cat.jpg)", "9 (image dog.jpg)"]


def test_a_batch_without_indices_is_no_obstacle():
    seen = _Record({"pixels": [torch.ones(2, 3), torch.tensor([[1.0], [float("nan")]])]})
    assert seen.examples() == []
    assert _first_problem([seen], {}) == "`batch.pixels.1` is not finite in row 1."


def test_half_precision_features_do_not_overflow_the_check():
    seen = _Record(TinyBatch(torch.tensor([0]), torch.full((1, 4), 60_000.0, dtype=torch.float16)))
    assert all(norm.isfinite() for norm in seen.norms())
