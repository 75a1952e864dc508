"""Experiments: a configuration is trained several times, and a table or plot has the results."""

import csv
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multimodal.cli.experiments import StrategyResult, fold_table, run, strategy_table
from multimodal.cli.main import main
from multimodal.nn.encoders import EncoderSettings, build_encoder

QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"]
OWN = """
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch.utils.data import DataLoader, TensorDataset
from multimodal.training.guard import NonFiniteGuard


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
LINE = ["--model", "mine.Line", "--data", "mine.Points", *QUIET]
CONFIG = """
model:
  class_path: multimodal.classification.task.ClassificationTask
  init_args:
    settings:
      encoder:
        weights: encoder.pth
        channels: [8, 16]
        strides: [4, 2]
data:
  class_path: multimodal.classification.data.ClassificationData
  init_args:
    format: scenes
    options:
      train: 24
      val: 12
    transform:
      size: 48
    batch_size: 8
trainer:
  max_epochs: 2
  enable_progress_bar: false
  enable_model_summary: false
  callbacks:
    - class_path: lightning.pytorch.callbacks.ModelCheckpoint
      init_args:
        monitor: val/accuracy
        mode: max
        auto_insert_metric_name: false
"""


@pytest.fixture(autouse=True)
def _mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)


@pytest.fixture
def _pretrained():
    torch.manual_seed(0)
    encoder = build_encoder(EncoderSettings(channels=[8, 16], strides=[4, 2]))
    torch.save(encoder.state_dict(), "encoder.pth")
    Path("mine.yaml").write_text(CONFIG)


def test_each_fold_is_tested_by_a_model_of_the_others(capsys):
    own = ["--model", "mine.Mean", "--data", "mine.Numbers", *QUIET]
    assert run(["cross_validate", "--folds", "3", *own, "--trainer.max_epochs", "1"]) == 0
    # One step of half the gradient's length finds the mean of the others: 3, 2.5 and 2.
    printed = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines()]
    table = {row[0]: dict(zip(("mean", "error"), row[1:], strict=True)) for row in rows if row}
    assert [table[fold]["mean"] for fold in "123"] == ["3.0000", "2.5000", "2.0000"]
    assert [table[fold]["error"] for fold in "123"] == ["4.5000", "2.2500", "4.5000"]
    assert table["mean"] == {"mean": "2.5000", "error": "3.7500"}
    assert table["deviation"] == {"mean": "0.5000", "error": "1.2990"}
    (written,) = Path("runs").rglob("folds.md")
    assert written.read_text() in printed
    assert len(list(Path("runs").rglob("*.ckpt"))) == 3


def test_data_without_folds_are_refused(capsys):
    own = ["--model", "mine.Mean", "--data", "mine.Undivided", *QUIET]
    assert main(["cross_validate", *own]) == 1
    assert "cannot be divided into folds: they have no settings `folds`" in capsys.readouterr().err


def test_another_mistake_in_an_option_gets_the_message_of_fit(capsys):
    own = ["--model", "mine.Mean", "--data", "mine.Numbers", "--trainer.max_epochz", "1"]
    assert main(["cross_validate", *own]) == 1
    assert "Did you mean 'max_epochs'" in capsys.readouterr().err


def test_one_fold_is_refused(capsys):
    with pytest.raises(SystemExit):
        run(["cross_validate", "--folds", "1"])
    assert "--folds must be a whole number of 2 or more, got '1'." in capsys.readouterr().err


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_the_mean_lies_among_the_folds(values):
    *_, average, _ = fold_table([{"accuracy": value} for value in values]).splitlines()
    value = float(average.split("|")[2])
    assert min(values) - 1e-4 <= value <= max(values) + 1e-4


def test_metrics_that_a_fold_lacks_are_left_out():
    table = fold_table([{"loss": 1.0, "wups": 2.0}, {"loss": 3.0}])
    assert "loss" in table
    assert "wups" not in table


def test_a_trial_suggests_a_rate_and_leaves_a_table_and_a_picture(capsys):
    assert (
        run(["find_rate", *LINE, "--steps", "60", "--smallest", "0.0001", "--largest", "100"]) == 0
    )
    printed = capsys.readouterr().out
    assert "--model.learning_rate" in printed
    (table,) = Path("runs").rglob("rates.csv")
    rows = list(csv.DictReader(table.open()))
    assert float(rows[0]["learning_rate"]) == pytest.approx(1e-4)
    assert 20 < len(rows) <= 60
    assert table.with_name("rates.png").is_file()
    assert not list(Path("runs").rglob("*.ckpt"))


def test_a_run_that_ends_in_infinity_is_a_trial_too(capsys):
    options = ["--steps", "30", "--smallest", "0.001", "--largest", "1e30"]
    assert main(["find_rate", *LINE, *options]) == 0
    assert "The loss falls fastest at" in capsys.readouterr().out


def test_a_loss_that_never_falls_is_a_sentence(capsys):
    options = ["--smallest", "1e-12", "--largest", "1e-11", "--model.slope", "0"]
    assert main(["find_rate", *LINE, "--steps", "10", *options]) in (0, 1)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--steps", "3", "--steps must be a whole number of 10 or more, got '3'."),
        ("--largest", "much", "--largest must be a number, got 'much'."),
    ],
)
def test_a_wrong_option_is_a_sentence(option, value, sentence, capsys):
    with pytest.raises(SystemExit):
        run(["find_rate", option, value])
    assert sentence in capsys.readouterr().err


def test_rates_that_do_not_rise_are_refused(capsys):
    assert main(["find_rate", *LINE, "--smallest", "1", "--largest", "0.1"]) == 1
    assert "The rates must rise" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("_pretrained")
def test_every_strategy_is_trained(capsys):
    assert run(["transfer", "--config", "mine.yaml", "--stages", "1"]) == 0
    printed = capsys.readouterr().out
    (written,) = Path("runs").rglob("transfer.md")
    table = written.read_text()
    assert table in printed
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    trained = {row[0]: int(row[1].replace(",", "")) for row in rows}
    assert list(trained) == [
        "scratch",
        "linear: logistic regression",
        "linear: support vectors",
        "head",
        "last_stages",
        "gradual",
        "full",
    ]
    assert trained["head"] == trained["linear: logistic regression"] < trained["last_stages"]
    assert trained["last_stages"] == trained["gradual"] < trained["full"] == trained["scratch"]
    assert all(0 <= float(row[3].removesuffix(" %")) <= 100 for row in rows)


@pytest.mark.usefixtures("_pretrained")
def test_chosen_strategies_only(capsys):
    assert run(["transfer", "--config", "mine.yaml", "--strategies", "full"]) == 0
    assert "head" not in capsys.readouterr().out


def test_an_unknown_strategy_is_refused(capsys):
    with pytest.raises(SystemExit):
        run(["transfer", "--strategies", "head,everything"])
    assert "--strategies must be of scratch, linear, head" in capsys.readouterr().err


def test_a_task_without_strategies_is_refused(capsys):
    assert main(["transfer", "--config", "smoke_vqa", "--strategies", "head"]) == 1
    assert "has no setting `transfer`, which classification has" in capsys.readouterr().err


@pytest.mark.usefixtures("_pretrained")
def test_a_misspelt_option_gets_the_message_of_fit(capsys):
    assert main(["transfer", "--config", "mine.yaml", "--data.batch_sise", "2"]) == 1
    assert "Did you mean 'batch_size'" in capsys.readouterr().err


def test_a_strategy_without_an_accuracy_is_not_a_number():
    assert "nan" in strategy_table([StrategyResult("full", 3, 1.0, float("nan"))])
