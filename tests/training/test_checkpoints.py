import pickle
import resource
import time
from pathlib import Path

import pytest
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from tiny_run import BATCHES, Started, TinyTask, make_task, make_trainer

from multimodal.training import AtomicCheckpointIO, LastCheckpoint
from multimodal.training.checkpoints import checkpoint_folder, newest_checkpoint


class Crash(Callback):
    """Fail at a step, as a power cut would."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if trainer.global_step == self.step:
            raise ConnectionError


# 6 is an epoch's last step: the writing waits for the validation that follows.
@pytest.mark.parametrize(("every", "step", "kept"), [(4, 7, 4), (6, 9, 6), (5, 6, 5)])
def test_after_a_crash_the_last_checkpoint_leads_to_the_same_weights(tmp_path, every, step, kept):
    unbroken = make_task(scheduler="plateau")
    make_trainer(tmp_path).fit(unbroken)
    last = LastCheckpoint(every, str(tmp_path))
    with pytest.raises(ConnectionError):
        make_trainer(tmp_path, last, Crash(step)).fit(make_task(scheduler="plateau"))
    path = tmp_path / "last.ckpt"
    assert torch.load(path, weights_only=True)["global_step"] == kept
    resumed = TinyTask(scheduler="plateau")
    make_trainer(tmp_path).fit(resumed, ckpt_path=path)
    for name, value in unbroken.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert resumed.events[-4:] == unbroken.events[-4:]


def test_the_end_of_a_run_is_saved(tmp_path):
    make_trainer(tmp_path, LastCheckpoint(500, str(tmp_path)), max_steps=4).fit(make_task())
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 4


def test_lightning_finds_the_last_checkpoint_by_its_name(tmp_path):
    make_trainer(tmp_path, LastCheckpoint(2, str(tmp_path)), max_steps=4).fit(make_task())
    resumed = make_task()
    trainer = make_trainer(tmp_path, LastCheckpoint(2, str(tmp_path)), max_steps=5)
    trainer.fit(resumed, ckpt_path="last")
    assert [event[2] for event in resumed.events if event[0] == "train"] == [4]


def test_the_best_checkpoint_is_the_best_validation(tmp_path):
    best = ModelCheckpoint(tmp_path, "best", "val/worse", mode="min")
    make_trainer(tmp_path, best).fit(make_task())
    assert [path.name for path in tmp_path.iterdir()] == ["best.ckpt"]
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["global_step"] == BATCHES


def test_early_stopping_goes_on_counting_after_a_resumption(tmp_path):
    def stop_early():
        return EarlyStopping("val/worse", mode="min", patience=1)

    unbroken = make_task()
    make_trainer(tmp_path, stop_early(), LastCheckpoint(6, str(tmp_path / "a"))).fit(unbroken)
    with pytest.raises(ConnectionError):
        make_trainer(tmp_path, stop_early(), LastCheckpoint(6, str(tmp_path / "b")), Crash(8)).fit(
            make_task()
        )
    resumed = make_task()
    trainer = make_trainer(tmp_path, stop_early(), LastCheckpoint(6, str(tmp_path / "b")))
    trainer.fit(resumed, ckpt_path=tmp_path / "b" / "last.ckpt")
    assert resumed.events[-1] == unbroken.events[-1] == ("epoch", 1)


def test_the_run_writes_with_our_writer_unless_it_chose_another(tmp_path):
    class Own(TorchCheckpointIO):
        pass

    trainer = make_trainer(tmp_path, max_steps=1)
    trainer.fit(make_task())
    assert isinstance(trainer.strategy.checkpoint_io, AtomicCheckpointIO)
    trainer = make_trainer(tmp_path, max_steps=1, plugins=[Own()])
    trainer.fit(make_task())
    assert isinstance(trainer.strategy.checkpoint_io, Own)


def test_a_full_disk_gives_a_sentence_and_the_old_checkpoint_stays(tmp_path):
    path = tmp_path / "last.ckpt"
    writer = AtomicCheckpointIO()
    writer.save_checkpoint({"loops": {}, "weights": torch.ones(10)}, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match=r"(?s)Could not write .*last.ckpt.* unchanged") as full:
            writer.save_checkpoint({"loops": {}, "weights": torch.ones(1_000_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(str(full.value).splitlines()) <= 3
    assert len(writer.load_checkpoint(path)["weights"]) == 10
    assert [found.name for found in tmp_path.iterdir()] == ["last.ckpt"]


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_checkpoint_with_a_program_in_it_is_refused_and_not_run(tmp_path):
    torch.save({"loops": Payload(tmp_path / "ran")}, tmp_path / "evil.ckpt")
    (tmp_path / "pickle.ckpt").write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    for name in ("evil.ckpt", "pickle.ckpt"):
        with pytest.raises(ValueError, match="nothing in it was run"):
            AtomicCheckpointIO().load_checkpoint(tmp_path / name, weights_only=False)
    assert not (tmp_path / "ran").exists()


def test_what_cannot_be_resumed_is_said(tmp_path):
    reader = AtomicCheckpointIO()
    with pytest.raises(FileNotFoundError, match=r"No checkpoint at .*missing\.ckpt"):
        reader.load_checkpoint(tmp_path / "missing.ckpt")
    with pytest.raises(ValueError, match="Download the checkpoint first"):
        reader.load_checkpoint("http://localhost:1/model.ckpt")
    torch.save({"weight": torch.ones(1)}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="holds no state of a training run"):
        reader.load_checkpoint(tmp_path / "weights.pth")


def test_a_run_without_checkpoints_still_has_a_folder_for_them(tmp_path):
    trainer = make_trainer(tmp_path)
    assert checkpoint_folder(trainer) == tmp_path / "checkpoints"
    assert newest_checkpoint(trainer) is None


def kill_while_saving(folder, delay):
    """Start a run that saves 16 MB after each step, and kill it a moment after one has begun."""
    run = Started(str(folder), "--every", "1", "--ballast", "4000000")
    run.wait_for("step 3")
    time.sleep(delay)
    run.process.kill()
    return run.finish()


@pytest.mark.parametrize(
    "kill", [0, *(pytest.param(number, marks=pytest.mark.slow) for number in range(1, 20))]
)
def test_a_checkpoint_always_opens_after_a_kill_while_saving(tmp_path, kill):
    assert kill_while_saving(tmp_path, 0.004 * kill) == -9
    checkpoint = AtomicCheckpointIO().load_checkpoint(tmp_path / "last.ckpt")
    assert checkpoint["global_step"] >= 2
    assert len(checkpoint["state_dict"]["ballast"]) == 4_000_000
