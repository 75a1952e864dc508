"""Training that can be trusted, on the smoke configuration as a user runs it."""

import shutil
from pathlib import Path

import pytest
import torch

from multimodal.cli.main import main
from multimodal.data.captions import CaptionDataset
from multimodal.tasks.captioning import CaptioningTask

FIT = ["fit", "--config", "smoke_captioning", "--trainer.enable_progress_bar", "false"]
STEPS = 18


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def fit(*options: str) -> tuple[int, Path]:
    """Run from a clean folder; return the exit code and the checkpoints' folder."""
    shutil.rmtree("runs", ignore_errors=True)
    code = main([*FIT, *options])
    found = list(Path("runs").rglob("checkpoints"))
    return code, found[0] if found else Path("none")


def weights(path: Path) -> dict[str, torch.Tensor]:
    checkpoint = torch.load(path, weights_only=True)
    return {**checkpoint["state_dict"], **checkpoint.get("current_model_state", {})}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run with a checkpoint after every step, moved out of the way."""
    folder = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        code, checkpoints = fit(
            "--trainer.callbacks+",
            "lightning.pytorch.callbacks.ModelCheckpoint",
            "--trainer.callbacks.filename",
            "{step}",
            "--trainer.callbacks.every_n_train_steps",
            "1",
            "--trainer.callbacks.save_top_k",
            "-1",
            "--trainer.callbacks.save_on_train_epoch_end",
            "false",
        )
    assert code == 0
    return folder / checkpoints


def resumed_equals(unbroken: Path, step: int, workers: int) -> bool:
    code, checkpoints = fit(
        "--ckpt_path", str(unbroken / f"step={step}.ckpt"), "--data.workers", str(workers)
    )
    assert code == 0
    ours, theirs = weights(checkpoints / "last.ckpt"), weights(unbroken / "last.ckpt")
    assert ours.keys() == theirs.keys()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("step", [4, 12])
def test_a_resumed_run_ends_with_the_same_weights_to_the_bit(unbroken, step):
    assert resumed_equals(unbroken, step, workers=0)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("step", range(2, STEPS - 1))
def test_resuming_at_any_step_repeats_the_run(unbroken, step, workers):
    assert resumed_equals(unbroken, step, workers)


def test_a_learning_rate_of_1e30_stops_the_run_and_names_the_batch(capsys):
    code, checkpoints = fit("--model.learning_rate", "1e30")
    error = capsys.readouterr().err
    assert code == 1
    assert "step" in error
    assert "Traceback" not in error
    assert not (checkpoints / "best.ckpt").exists()


def test_nan_in_an_image_stops_within_one_step_and_keeps_the_last_checkpoint(monkeypatch, capsys):
    real = CaptionDataset.__getitems__

    def poisoned(self, requests):
        batch = real(self, requests)
        images = batch.images.float() / 255
        if requests[0][0] == 1 and (batch.indices == 5).any():
            images[batch.indices == 5] = float("nan")
        return batch._replace(images=images)

    monkeypatch.setattr(CaptionDataset, "__getitems__", poisoned)
    code, checkpoints = fit()
    assert code == 1
    error = capsys.readouterr().err
    assert "5" in error
    kept = torch.load(checkpoints / "best.ckpt", weights_only=True)
    assert kept["epoch"] == 0
    assert all(torch.isfinite(value).all() for value in kept["state_dict"].values())


def test_nan_in_the_loss_stops_within_one_step(monkeypatch, capsys):
    real = CaptioningTask.model_step

    def poisoned(self, batch):
        loss, plain = real(self, batch)
        return (loss * float("nan") if self.global_step == 3 else loss), plain

    monkeypatch.setattr(CaptioningTask, "model_step", poisoned)
    code, _ = fit()
    assert code == 1
    assert "loss" in capsys.readouterr().err
