"""find_rate: a trial that leaves a suggestion, a table and a picture, and no checkpoint."""

import csv
import sys
from pathlib import Path

import pytest

from multimodal.cli.main import main
from multimodal.cli.rates import run

QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"]
OWN = """
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch.utils.data import DataLoader, TensorDataset
from multimodal.training.guard import NonFiniteGuard


class Line(LightningModule):
    def __init__(self, slope: float = 1.0) -> None:
        super().__init__()
        self.net = torch.nn.Linear(1, 1)
        self.slope = slope

    def training_step(self, batch, number):
        return (self.net(batch[0]) - self.slope * batch[0]).square().mean()

    def configure_callbacks(self):
        return [NonFiniteGuard()]

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.5)


class Points(LightningDataModule):
    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.linspace(-1, 1, 16)[:, None]), 4)

    def val_dataloader(self):
        raise AssertionError("nothing is validated")
"""
MINE = ["--model", "mine.Line", "--data", "mine.Points", *QUIET]


@pytest.fixture(autouse=True)
def _mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)


def test_a_trial_suggests_a_rate_and_leaves_a_table_and_a_picture(capsys):
    assert run([*MINE, "--steps", "60", "--smallest", "0.0001", "--largest", "100"]) == 0
    said = capsys.readouterr().out
    assert "--model.learning_rate" in said
    (table,) = Path("runs").rglob("rates.csv")
    rows = list(csv.DictReader(table.open()))
    assert float(rows[0]["learning_rate"]) == pytest.approx(1e-4)
    assert 20 < len(rows) <= 60
    assert table.with_name("rates.png").is_file()
    assert not list(Path("runs").rglob("*.ckpt"))


def test_a_run_that_ends_in_infinity_is_a_trial_too(capsys):
    options = ["--steps", "30", "--smallest", "0.001", "--largest", "1e30"]
    assert main(["find_rate", *MINE, *options]) == 0
    assert "The loss falls fastest at" in capsys.readouterr().out


def test_a_loss_that_never_falls_is_told(capsys):
    options = ["--smallest", "1e-12", "--largest", "1e-11", "--model.slope", "0"]
    assert main(["find_rate", *MINE, "--steps", "10", *options]) in (0, 1)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--steps", "3", "--steps must be a whole number of 10 or more, got '3'."),
        ("--largest", "much", "--largest must be a number, got 'much'."),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(option, value, sentence, capsys):
    with pytest.raises(SystemExit):
        run([option, value])
    assert sentence in capsys.readouterr().err


def test_rates_that_do_not_rise_are_refused(capsys):
    assert main(["find_rate", *MINE, "--smallest", "1", "--largest", "0.1"]) == 1
    assert "The rates must rise" in capsys.readouterr().err
