"""cross_validate: every fold is trained and tested once, and the table tells mean and deviation."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.cli.folds import fold_table, run
from multimodal.cli.main import main

QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"]
OWN = """
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch.utils.data import DataLoader, TensorDataset


class Mean(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, number):
        return (self.mean - batch[0]).square().mean()

    def test_step(self, batch, number):
        self.log("test/mean", self.mean)
        self.log("test/error", (self.mean - batch[0]).square().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.5)


class Numbers(LightningDataModule):
    def __init__(self, folds: int = 0, fold: int = 0) -> None:
        super().__init__()
        numbers = torch.arange(6.0)
        self.tested = numbers[fold::folds]
        self.others = torch.tensor([n for n in numbers.tolist() if n % folds != fold])

    def train_dataloader(self):
        return DataLoader(TensorDataset(self.others), 6)

    def test_dataloader(self):
        return DataLoader(TensorDataset(self.tested), 6)


class Undivided(LightningDataModule):
    pass
"""


@pytest.fixture(autouse=True)
def _mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)


def test_each_fold_is_tested_by_a_model_of_the_others(capsys):
    own = ["--model", "mine.Mean", "--data", "mine.Numbers", *QUIET]
    assert run(["--folds", "3", *own, "--trainer.max_epochs", "1"]) == 0
    # One step of half the gradient's length finds the mean of the others: 3, 2.5 and 2.
    said = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines()]
    table = {row[0]: dict(zip(("mean", "error"), row[1:], strict=True)) for row in rows if row}
    assert [table[fold]["mean"] for fold in "123"] == ["3.0000", "2.5000", "2.0000"]
    assert [table[fold]["error"] for fold in "123"] == ["4.5000", "2.2500", "4.5000"]
    assert table["mean"] == {"mean": "2.5000", "error": "3.7500"}
    assert table["deviation"] == {"mean": "0.5000", "error": "1.2990"}
    (written,) = Path("runs").rglob("folds.md")
    assert written.read_text() in said
    assert len(list(Path("runs").rglob("*.ckpt"))) == 3


def test_data_that_know_no_folds_are_refused(capsys):
    own = ["--model", "mine.Mean", "--data", "mine.Undivided", *QUIET]
    assert main(["cross_validate", *own]) == 1
    assert "cannot be dealt to folds: they have no settings `folds`" in capsys.readouterr().err


def test_another_mistake_in_an_option_is_told_as_by_fit(capsys):
    own = ["--model", "mine.Mean", "--data", "mine.Numbers", "--trainer.max_epochz", "1"]
    assert main(["cross_validate", *own]) == 1
    assert "Did you mean 'max_epochs'" in capsys.readouterr().err


def test_one_fold_is_refused(capsys):
    with pytest.raises(SystemExit):
        run(["--folds", "1"])
    assert "--folds must be a whole number of 2 or more, got '1'." in capsys.readouterr().err


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_the_mean_lies_among_the_folds(values):
    *_, average, _ = fold_table([{"accuracy": value} for value in values]).splitlines()
    found = float(average.split("|")[2])
    assert min(values) - 1e-4 <= found <= max(values) + 1e-4


def test_metrics_that_a_fold_lacks_are_left_out():
    table = fold_table([{"loss": 1.0, "wups": 2.0}, {"loss": 3.0}])
    assert "loss" in table
    assert "wups" not in table
