from typing import NamedTuple

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from multimodal.training.skipped import SkippedImages


class Batch(NamedTuple):
    indices: Tensor
    skipped: tuple[str, ...]


def run(callback, *batches):
    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False)
    for batch in batches:
        callback.on_train_batch_end(trainer, LightningModule(), None, batch, 0)
    callback.on_train_epoch_end(trainer, LightningModule())


def test_an_epoch_says_how_many_images_were_left_out_and_names_some(caplog):
    lines = tuple(f"{i}.jpg: truncated" for i in range(7))
    run(SkippedImages(), Batch(torch.arange(200), lines))
    assert "7 images could not be read and were left out" in caplog.text
    assert "4.jpg: truncated" in caplog.text
    assert "5.jpg" not in caplog.text
    assert "and 2 more" in caplog.text


def test_an_image_met_twice_counts_once(caplog):
    batch = Batch(torch.arange(100), ("1.jpg: truncated",))
    run(SkippedImages(), batch, batch)
    assert "1 images could not be read" in caplog.text


def test_nothing_is_said_where_everything_was_read(caplog):
    run(SkippedImages(), Batch(torch.arange(4), ()))
    assert "could not be read" not in caplog.text


def test_each_epoch_counts_anew(caplog):
    callback = SkippedImages()
    run(callback, Batch(torch.arange(100), ("1.jpg: truncated",)))
    caplog.clear()
    run(callback, Batch(torch.arange(100), ()))
    assert "could not be read" not in caplog.text


def test_too_many_unreadable_images_stop_the_run():
    with pytest.raises(ValueError, match="More than a twentieth of all: mend the data set"):
        run(SkippedImages(), Batch(torch.arange(10), ("1.jpg: truncated",)))
