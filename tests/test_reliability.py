"""Training that can be trusted, on the smoke configuration as a user runs it.

Most runs are started in a forked process, because a new interpreter would spend seconds on imports;
one goes through the installed command.
"""

import io
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from multimodal.captioning.dataset import CaptionDataset
from multimodal.captioning.task import CaptioningTask
from multimodal.cli.main import main
from multimodal.data.features import FeatureCache
from multimodal.saving.checkpoint import read_checkpoint

COMMAND = str(Path(sys.executable).parent / "multimodal")
FIT = ["fit", "--config", "smoke_captioning", "--trainer.enable_progress_bar", "false"]
STEPS = 18
PATIENCE = 300  # seconds, on a machine that does much else


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def fit(*options: str) -> tuple[int, Path]:
    """Run from a clean folder; return the exit code and the checkpoints' folder."""
    shutil.rmtree("runs", ignore_errors=True)
    return main([*FIT, *options]), checkpoints()


def checkpoints() -> Path:
    found = list(Path("runs").rglob("checkpoints"))
    return found[0] if found else Path("none")


def weights(path: Path) -> dict[str, torch.Tensor]:
    checkpoint = torch.load(path, weights_only=True)
    return {**checkpoint["state_dict"], **checkpoint.get("current_model_state", {})}


def steps_in(path: Path) -> int:
    """Open a checkpoint in the way of a resumed run and of a predictor."""
    assert read_checkpoint(path, task="captioning").vocabulary
    return torch.load(path, weights_only=True)["global_step"]


def assert_same(ours: Path, theirs: Path) -> None:
    found, expected = weights(ours), weights(theirs)
    assert found.keys() == expected.keys()
    different = [name for name in expected if not torch.equal(found[name], expected[name])]
    assert not different


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run with a checkpoint after every step, moved out of the way."""
    folder = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        code, found = fit(
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
    return folder / found


def assert_resumes(path: Path, unbroken: Path, workers: int = 0) -> None:
    """Go on from a checkpoint, and end with the unbroken run's weights to the bit."""
    kept = shutil.copy(path, "resumed.ckpt")
    code, found = fit("--ckpt_path", str(kept), "--data.workers", str(workers))
    assert code == 0
    assert_same(found / "last.ckpt", unbroken / "last.ckpt")


@pytest.mark.parametrize("step", [4, 12])
def test_a_resumed_run_ends_with_the_same_weights_to_the_bit(unbroken, step):
    assert_resumes(unbroken / f"step={step}.ckpt", unbroken)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("step", range(2, STEPS - 1))
def test_resuming_at_any_step_repeats_the_run(unbroken, step, workers):
    assert_resumes(unbroken / f"step={step}.ckpt", unbroken, workers)


@pytest.fixture
def trained(monkeypatch):
    """The indices of each batch that a training step was given."""
    real, batches = CaptioningTask.training_step, []

    def noted(self, batch, batch_idx):
        batches.append(batch.indices.tolist())
        return real(self, batch, batch_idx)

    monkeypatch.setattr(CaptioningTask, "training_step", noted)
    return batches


def assert_stopped_at(batch: list[int], *, steps: int, epoch: int, because: str, error: str):
    """The message says what happened when, and names each image of the batch, in few lines."""
    message = error[error.index("multimodal: ") :]
    assert f"Training stopped after {steps} steps, in epoch {epoch}: " in message
    assert because in message
    listed = ", ".join(f"{index} (image {index})" for index in batch)
    assert f"Examples in the batch: {listed}." in message
    assert "Traceback" not in error
    assert len(message.strip().splitlines()) <= 3


def assert_kept(found: Path, step: int, unbroken: Path, error: str) -> None:
    """The last good checkpoint is named, opens, and is that of the step before the mishap."""
    assert f"The last good checkpoint is {found / 'last.ckpt'}" in error
    assert steps_in(found / "last.ckpt") == step
    assert_same(found / "last.ckpt", unbroken / f"step={step}.ckpt")


def test_a_learning_rate_of_1e30_stops_after_its_step_and_names_the_batch(trained, capsys):
    code, found = fit("--model.learning_rate", "1e30")
    assert code == 1
    error = capsys.readouterr().err
    assert len(trained) == 1
    because = "Is the learning rate too high?"
    assert_stopped_at(trained[0], steps=1, epoch=0, because=because, error=error)
    assert "No checkpoint was written yet." in error
    assert not list(found.glob("*.ckpt"))


def test_nan_in_an_image_stops_before_its_step(trained, unbroken, monkeypatch, capsys):
    real = CaptionDataset.__getitems__

    def poisoned(self, requests):
        batch = real(self, requests)
        if requests[0][0] != 1 or not (batch.indices == 5).any():
            return batch
        images = batch.images.float() / 255
        images[batch.indices == 5] = float("nan")
        return batch._replace(images=images)

    monkeypatch.setattr(CaptionDataset, "__getitems__", poisoned)
    code, found = fit()
    assert code == 1
    error, steps = capsys.readouterr().err, len(trained) - 1
    assert 6 <= steps < 12
    row = trained[-1].index(5)
    because = f"`batch.images` is not finite in row {row}."
    assert_stopped_at(trained[-1], steps=steps, epoch=1, because=because, error=error)
    assert steps_in(found / "best.ckpt") == 6
    if steps > 6:
        assert_kept(found, steps, unbroken, error)


def test_nan_in_the_loss_stops_before_its_step(trained, unbroken, monkeypatch, capsys):
    real = CaptioningTask.model_step

    def poisoned(self, batch):
        loss, plain = real(self, batch)
        return (loss * float("nan") if self.global_step == 3 else loss), plain

    monkeypatch.setattr(CaptioningTask, "model_step", poisoned)
    code, found = fit()
    assert code == 1
    error = capsys.readouterr().err
    assert len(trained) == 4
    because = "the loss is nan."
    assert_stopped_at(trained[-1], steps=3, epoch=0, because=because, error=error)
    assert_kept(found, 3, unbroken, error)


class Started:
    """The command in a forked process, its output in a file."""

    def __init__(self, *options: str) -> None:
        self.process = multiprocessing.get_context("fork").Process(
            target=self._run, args=([*FIT, *options],)
        )
        self.process.start()

    def _run(self, arguments: list[str]) -> None:
        output = Path("output.txt").open("w", buffering=1)  # noqa: SIM115 - until the process ends
        os.dup2(output.fileno(), 2)
        sys.stdout = sys.stderr = output
        sys.exit(main(arguments))

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def finish(self) -> tuple[int | None, str]:
        """Wait for the end; return the exit code and what was said."""
        self.process.join(PATIENCE)
        return self.process.exitcode, Path("output.txt").read_text()


def wait_for(step: int) -> None:
    """Wait until a checkpoint of this step is there."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        path = checkpoints() / "last.ckpt"
        if path.is_file() and torch.load(path, weights_only=True)["global_step"] >= step:
            return
        time.sleep(0.01)
    raise TimeoutError(f"No step {step}.")


def assert_interrupted(said: str, name: str) -> Path:
    """What was saved is named, opens, and is no older than the last step that was finished."""
    path = checkpoints() / "interrupted.ckpt"
    step = int(re.search(rf"Stopped by {name} after step (\d+)\.", said)[1])
    assert f"--ckpt_path {path}" in said
    assert steps_in(path) == step
    assert step - 1 <= steps_in(checkpoints() / "last.ckpt") <= step
    assert "Traceback" not in said
    return path


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (signal.SIGINT, 3),
        *(
            pytest.param(number, step, marks=pytest.mark.slow)
            for number in (signal.SIGINT, signal.SIGTERM)
            for step in (1, 5, 6, 8, 11, 12, 15)
        ),
    ],
)
def test_a_signal_leaves_what_a_run_goes_on_from_to_the_bit(unbroken, monkeypatch, number, step):
    real = CaptioningTask.training_step

    def slow(self, batch, batch_idx):
        time.sleep(0.1)
        return real(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(CaptioningTask, "training_step", slow)
        run = Started()
    wait_for(step)
    run.send(number)
    code, said = run.finish()
    assert code == 128 + number, said
    assert_resumes(assert_interrupted(said, number.name), unbroken)


def test_the_installed_command_ends_with_143_after_a_sigterm():
    endless = ["--trainer.max_epochs", "100000"]
    with subprocess.Popen([COMMAND, *FIT, *endless], stderr=subprocess.PIPE, text=True) as run:
        wait_for(1)
        run.terminate()
        _, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 143, said
    assert_interrupted(said, "SIGTERM")


def test_a_kill_while_saving_leaves_the_checkpoint_before(unbroken, monkeypatch):
    real = torch.save

    def cut_short(state, path):
        if state["global_step"] < 5:
            return real(state, path)
        whole = io.BytesIO()
        real(state, whole)
        Path(path).write_bytes(whole.getvalue()[: whole.tell() // 2])
        return os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", cut_short)
        run = Started()
    code, _ = run.finish()
    assert code == -signal.SIGKILL
    assert steps_in(checkpoints() / "last.ckpt") == 4
    assert_resumes(checkpoints() / "last.ckpt", unbroken)


def test_a_full_disk_gives_a_sentence_and_what_was_there_stays(unbroken, monkeypatch):
    real = CaptioningTask.training_step

    def filling(self, batch, batch_idx):
        if self.global_step == 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        return real(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(CaptioningTask, "training_step", filling)
        run = Started()
    code, said = run.finish()
    assert code == 1, said
    message = said[said.index("multimodal: ") :]
    assert "Could not write" in message
    assert "last.ckpt" in message
    assert "Traceback" not in said
    assert len(message.strip().splitlines()) <= 3
    assert steps_in(checkpoints() / "last.ckpt") == 4
    assert_resumes(checkpoints() / "last.ckpt", unbroken)


@pytest.mark.slow
def test_after_twenty_kills_checkpoints_and_features_still_open(monkeypatch):
    photos = Path("photos")
    photos.mkdir()
    rows = ["image,caption,split"]
    for number in range(60):
        Image.new("RGB", (48, 48), (4 * number, 90, 30)).save(photos / f"{number}.png")
        rows.append(f"{number}.png,picture number {number},{'val' if number > 50 else 'train'}")
    (photos / "captions.csv").write_text("\n".join(rows) + "\n")
    options = [
        *("--data.format", "table", "--data.root", str(photos), "--data.cache", "cache"),
        *("--model.settings.encoder.trainable_stages", "0", "--trainer.max_epochs", "100000"),
    ]
    monkeypatch.setattr("multimodal.data.feature_extraction._CHUNK_BYTES", 1000)
    moments = random.Random(0)
    for _ in range(20):
        shutil.rmtree("runs", ignore_errors=True)
        run = Started(*options)
        time.sleep(moments.uniform(0.2, 3.0))
        run.send(signal.SIGKILL)
        assert run.finish()[0] == -signal.SIGKILL
        for path in Path("runs").rglob("*.ckpt"):
            if not path.name.startswith("."):
                assert steps_in(path) > 0
    assert main([*FIT, *options, "--trainer.max_epochs", "1"]) == 0
    for index in Path("cache").rglob("index.json"):
        FeatureCache(index.parent).verify()
    assert len(list(Path("cache").rglob("index.json"))) == 2
