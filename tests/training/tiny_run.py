"""A run small enough to break at every step: dropout, random augmentation, validation, schedulers.

``Started`` lets it train in a process of its own, for tests that send signals to it; as a script it
is what Lightning starts once more for each further process.
"""

import argparse
import logging
import multiprocessing
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from multimodal.data.buckets import BucketSampler, Request, seed_for
from multimodal.data.loaders import ResumableLoader
from multimodal.training import LastCheckpoint, exit_code, trusted_callbacks

EXAMPLES, BATCH, EPOCHS = 23, 4, 3
BATCHES = 6  # in an epoch, the last one incomplete
SEED = 11


class TinyBatch(NamedTuple):
    indices: Tensor
    images: Tensor


class TinyData:
    """Images of four numbers, with noise that is a function of (seed, epoch, index)."""

    def __init__(self, nan_at: int = -1) -> None:
        self.nan_at = nan_at

    def __len__(self) -> int:
        return EXAMPLES

    def __getitems__(self, requests: list[Request]) -> TinyBatch:
        images = torch.stack([self.image(epoch, index) for epoch, index in requests])
        return TinyBatch(torch.tensor([index for _, index in requests]), images)

    def image(self, epoch: int, index: int) -> Tensor:
        noise = torch.Generator().manual_seed(seed_for(SEED, epoch, index))
        image = torch.full((4,), index / EXAMPLES) + torch.randn(4, generator=noise)
        return image * float("nan") if index == self.nan_at else image


class TinyTask(LightningModule):
    def __init__(
        self,
        *,
        workers: int = 0,
        scheduler: str = "step",
        lr: float = 0.01,
        bad_loss_at: int = -1,
        nan_at: int = -1,
        pause: float = 0.0,
        trusted: bool = True,
    ) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.BatchNorm1d(8),
                                   nn.Linear(8, 1))  # fmt: skip
        self.workers = workers
        self.scheduler = scheduler
        self.lr = lr
        self.bad_loss_at = bad_loss_at
        self.nan_at = nan_at
        self.pause = pause
        self.trusted = trusted
        self.events: list[tuple[Any, ...]] = []

    def training_step(self, batch: TinyBatch, batch_idx: int) -> Tensor:
        self.events.append(("train", self.current_epoch, batch_idx, tuple(batch.indices.tolist())))
        time.sleep(self.pause)
        loss = self.model(batch.images).square().mean()
        if self.global_step == self.bad_loss_at:
            loss = loss / torch.zeros(())
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: TinyBatch, batch_idx: int) -> None:
        self.events.append(("val", self.current_epoch, batch_idx, tuple(batch.indices.tolist())))
        self.log("val/loss", self.model(batch.images).square().mean())
        # Worse each time, so that a plateau scheduler without patience acts at every epoch's end.
        self.log("val/worse", float(self.global_step))

    def on_train_epoch_end(self) -> None:
        self.events.append(("epoch", self.current_epoch))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr)
        if self.scheduler == "plateau":
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": plateau, "monitor": "val/worse"},
            }
        decay = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.9)
        return [optimizer], [{"scheduler": decay, "interval": self.scheduler}]

    def configure_callbacks(self) -> list[Callback]:
        return trusted_callbacks(SEED) if self.trusted else []

    def train_dataloader(self) -> ResumableLoader[TinyBatch]:
        lengths = [index % 5 for index in range(EXAMPLES)]
        sampler = BucketSampler(lengths, seed=SEED, pool=2, **self.share(BATCH))
        return ResumableLoader(TinyData(self.nan_at), sampler, workers=self.workers)

    def val_dataloader(self) -> ResumableLoader[TinyBatch]:
        sampler = BucketSampler(EXAMPLES, seed=SEED, shuffle=False, **self.share(2 * BATCH))
        return ResumableLoader(TinyData(), sampler)

    def share(self, batch: int) -> dict[str, int]:
        """Cut a batch into one part for each process."""
        rank, processes = self.trainer.global_rank, self.trainer.world_size
        return {"batch_size": batch // processes, "rank": rank, "world_size": processes}


def make_task(**settings: Any) -> TinyTask:
    torch.manual_seed(0)
    return TinyTask(**settings)


def make_trainer(folder: Path, *callbacks: Callback, **settings: Any) -> Trainer:
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    defaults: dict[str, Any] = {"max_epochs": EPOCHS, "num_sanity_val_steps": 0}
    return Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=bool(callbacks),
        callbacks=list(callbacks),
        **(defaults | settings),
    )


class SayStep(Callback):
    def on_train_batch_start(self, *_: Any) -> None:
        sys.stdout.write("begun\n")

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        sys.stdout.write(f"step {trainer.global_step}\n")


class Started:
    """A run in a forked process, which leads a process group of its own."""

    def __init__(self, *argv: str) -> None:
        read, write = os.pipe()
        # Forked, because a new interpreter would spend seconds on imports.
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=_main_in_group, args=(write, argv))
        self.process.start()
        os.close(write)
        self.output = os.fdopen(read)
        self.said = ""

    def wait_for(self, text: str) -> None:
        while text not in self.said and (line := self.output.readline()):
            self.said += line

    def finish(self) -> int | None:
        """Wait for the end and return the exit code."""
        self.said += self.output.read()
        self.output.close()
        self.process.join(60)
        return self.process.exitcode

    def last_step(self) -> int:
        return int(self.said.rpartition("step ")[2].split()[0])


def _main_in_group(write: int, argv: tuple[str, ...]) -> None:
    os.setsid()
    os.dup2(write, 2)
    sys.stdout = sys.stderr = os.fdopen(write, "w", buffering=1)
    sys.exit(main(list(argv)))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--ballast", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--steps", type=int, default=-1)
    parser.add_argument("--resume", type=Path)
    arguments = parser.parse_args(argv)
    task = make_task(workers=arguments.workers, pause=arguments.pause)
    # Numbers that make a checkpoint large, so that writing it takes a while.
    task.register_buffer("ballast", torch.zeros(arguments.ballast))
    last = LastCheckpoint(every_n_steps=arguments.every, dirpath=str(arguments.folder))
    settings: dict[str, Any] = {"max_epochs": 1000, "max_steps": arguments.steps}
    if arguments.processes > 1:
        settings |= {"strategy": "ddp", "devices": arguments.processes}
    trainer = make_trainer(arguments.folder, last, SayStep(), **settings)
    try:
        trainer.fit(task, ckpt_path=arguments.resume)
    except BaseException as error:
        sys.stderr.write(f"{error}\n")
        return exit_code(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
