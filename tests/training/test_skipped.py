import multiprocessing
from typing import NamedTuple
from unittest.mock import Mock

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn, TrainerState
from torch import Tensor
from torch.distributed import init_process_group

from multimodal.training.skipped import SkippedImages


class Batch(NamedTuple):
    indices: Tensor
    skipped: tuple[str, ...]


def run(callback, *batches):
    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False)
    for batch in batches:
        callback.on_train_batch_end(trainer, LightningModule(), None, batch, 0)
    callback.on_train_epoch_end(trainer, LightningModule())


def test_an_epoch_reports_how_many_images_were_left_out_and_names_some(caplog):
    lines = tuple(f"{i}.jpg: truncated" for i in range(7))
    run(SkippedImages(), Batch(torch.arange(200), lines))
    assert "7 images could not be read and were left out" in caplog.text
    assert "4.jpg: truncated" in caplog.text
    assert "5.jpg" not in caplog.text
    assert "and 2 more" in caplog.text


def test_an_image_skipped_twice_counts_once(caplog):
    batch = Batch(torch.arange(100), ("1.jpg: truncated",))
    run(SkippedImages(), batch, batch)
    assert "1 images could not be read" in caplog.text


def test_nothing_is_reported_if_all_images_were_read(caplog):
    run(SkippedImages(), Batch(torch.arange(4), ()))
    assert "could not be read" not in caplog.text


def test_each_epoch_starts_a_new_count(caplog):
    callback = SkippedImages()
    run(callback, Batch(torch.arange(100), ("1.jpg: truncated",)))
    caplog.clear()
    run(callback, Batch(torch.arange(100), ()))
    assert "could not be read" not in caplog.text


def test_too_many_unreadable_images_stop_the_run():
    message = "1 of 11 images .* more than a twentieth: mend the data set. The first: 1.jpg: trunc"
    with pytest.raises(ValueError, match=message):
        run(SkippedImages(), Batch(torch.arange(10), ("1.jpg: truncated",)))


@pytest.mark.parametrize(("alone", "reported"), [(True, True), (False, False)])
def test_a_validation_outside_a_training_reports(caplog, alone, reported):
    callback, trainer = SkippedImages(), Mock(Trainer, global_rank=0, is_global_zero=True)
    trainer.state = TrainerState(fn=TrainerFn.VALIDATING if alone else TrainerFn.FITTING)
    batch = Batch(torch.arange(100), ("1.jpg: truncated",))
    callback.on_validation_batch_end(trainer, LightningModule(), None, batch, 0)
    callback.on_validation_end(trainer, LightningModule())
    assert ("1.jpg: truncated" in caplog.text) == reported


def share(rank, file, answers):
    """One of two processes, of which only the second meets an image that cannot be read."""
    init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    trainer = Mock(Trainer, global_rank=rank, is_global_zero=rank == 0)
    callback = SkippedImages()
    skipped = ("1.jpg: truncated",) if rank else ()
    batch = Batch(torch.arange(5), skipped)
    callback.on_train_batch_end(trainer, LightningModule(), None, batch, 0)
    try:
        callback.on_train_epoch_end(trainer, LightningModule())
    except ValueError as error:
        answers.put(str(error))


def test_all_processes_stop_if_one_skips_too_many(tmp_path):
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [
        context.Process(target=share, args=(rank, tmp_path / "meeting", answers)) for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    messages = [answers.get(timeout=1) for _ in processes]
    assert messages[0] == messages[1]
    assert messages[0].startswith("1 of 11 images could not be read")
