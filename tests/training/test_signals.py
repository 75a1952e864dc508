import os
import signal
import subprocess
import sys
import time

import pytest
import tiny_run
import torch
from lightning.pytorch import Callback
from lightning.pytorch.utilities.exceptions import SIGTERMException
from tiny_run import Started, make_task, make_trainer

from multimodal.training import Interrupted, LastCheckpoint, exit_code
from multimodal.training.signals import INTERRUPTED


def start(folder, *arguments):
    run = Started(str(folder), "--every", "1000000", "--pause", "0.02", *arguments)
    run.wait_for("step 3")
    return run


def assert_stopped(run, folder, code):
    assert run.finish() == code, run.printed
    saved = torch.load(folder / INTERRUPTED, weights_only=True)["global_step"]
    name = signal.Signals(code - 128).name
    assert f"Stopped by {name} after step {saved}." in run.printed
    assert f"--ckpt_path {folder / INTERRUPTED}" in run.printed
    # Every step that was finished before the end is in it.
    assert run.printed.count("step ") - run.printed.count("after step") == saved


def test_sigterm_leaves_a_checkpoint_of_the_last_step_and_exits_with_143(tmp_path):
    run = start(tmp_path)
    os.kill(run.process.pid, signal.SIGTERM)
    assert_stopped(run, tmp_path, 143)


def test_ctrl_c_leaves_a_checkpoint_of_the_last_step_and_exits_with_130(tmp_path):
    run = start(tmp_path)
    os.kill(run.process.pid, signal.SIGINT)
    assert_stopped(run, tmp_path, 130)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_does_not_take_the_workers_down_first(tmp_path, number):
    run = start(tmp_path, "--workers", "2")
    os.killpg(run.process.pid, number)
    assert_stopped(run, tmp_path, 128 + number)


def test_a_doubled_signal_as_timeout_sends_it_does_not_cut_the_saving_short(tmp_path):
    run = start(tmp_path)
    os.kill(run.process.pid, signal.SIGINT)
    run.wait_for("SIGINT")
    os.kill(run.process.pid, signal.SIGINT)
    assert_stopped(run, tmp_path, 130)


@pytest.mark.slow
def test_a_second_ctrl_c_stops_at_once(tmp_path):
    run = Started(str(tmp_path), "--pause", "20")
    run.wait_for("begun")
    os.kill(run.process.pid, signal.SIGINT)
    run.wait_for("SIGINT")
    time.sleep(1.2)
    begun = time.monotonic()
    os.kill(run.process.pid, signal.SIGINT)
    assert run.finish() == 130
    assert time.monotonic() - begun < 15
    assert "Stopped at once" in run.printed


@pytest.mark.slow
def test_two_processes_stop_at_the_same_step_and_go_on_to_the_bit(tmp_path):
    def command(folder, *arguments):
        options = ["--processes", "2", "--every", "1000000", *arguments]
        return [sys.executable, tiny_run.__file__, folder, *options]

    unbroken = tmp_path / "unbroken"
    subprocess.run(command(unbroken, "--steps", "20"), check=True)
    run = subprocess.Popen(
        command(tmp_path, "--pause", "0.1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while b"step 3" not in run.stdout.readline() and run.poll() is None:
        pass
    run.terminate()  # the first process only, as a queue system may
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 143, errors
    path = tmp_path / INTERRUPTED
    subprocess.run(command(tmp_path, "--steps", "20", "--resume", path), check=True)
    expected = torch.load(unbroken / "last.ckpt", weights_only=True)["state_dict"]
    got = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(value, got[name]) for name, value in expected.items())


class SignalAt(Callback):
    def __init__(self, hook):
        setattr(self, hook, lambda *_: signal.raise_signal(signal.SIGTERM))


@pytest.mark.parametrize("hook", ["on_sanity_check_start", "on_test_batch_start"])
def test_outside_training_a_signal_stops_at_once(tmp_path, hook):
    trainer = make_trainer(tmp_path, SignalAt(hook), num_sanity_val_steps=2)
    task = make_task()
    task.test_step = task.validation_step
    run = trainer.fit if "sanity" in hook else trainer.validate
    if "test" in hook:
        trainer.callbacks.append(SignalAt("on_validation_batch_start"))
    with pytest.raises(Interrupted, match=r"^Stopped by SIGTERM\.$") as stopped:
        run(task)
    assert stopped.value.code == 143
    assert not list(tmp_path.rglob(INTERRUPTED))


def test_a_signal_during_the_last_validation_still_gives_its_exit_code(tmp_path):
    trainer = make_trainer(tmp_path, SignalAt("on_train_epoch_end"), max_epochs=1)
    with pytest.raises(Interrupted) as stopped:
        trainer.fit(make_task())
    assert exit_code(stopped.value) == 143


def test_the_handlers_from_before_are_back_after_training(tmp_path):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    make_trainer(tmp_path, max_steps=1).fit(make_task())
    with pytest.raises(Interrupted):
        make_trainer(tmp_path, SignalAt("on_train_batch_start")).fit(make_task())
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_run_never_resumes_from_an_interruption_by_itself(tmp_path):
    last = LastCheckpoint(1, str(tmp_path))
    with pytest.raises(Interrupted):
        make_trainer(tmp_path, last, SignalAt("on_train_batch_start")).fit(make_task())
    assert (tmp_path / INTERRUPTED).is_file()
    again = make_task()
    make_trainer(tmp_path, LastCheckpoint(1, str(tmp_path)), max_epochs=1).fit(again)
    assert again.events[0][:3] == ("train", 0, 0)


def end_as_lightning_does_at_ctrl_c():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        sys.exit(1)


def test_exit_codes_tell_an_interruption_from_an_error():
    with pytest.raises(SystemExit) as ctrl_c:
        end_as_lightning_does_at_ctrl_c()
    assert exit_code(ctrl_c.value) == 130
    assert exit_code(SIGTERMException()) == 143
    assert exit_code(SystemExit()) == 0
    assert exit_code(SystemExit("a message")) == 1
    assert exit_code(RuntimeError()) == 1
