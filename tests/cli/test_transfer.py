"""transfer: every strategy is trained, and one table tells what each costs and reaches."""

from pathlib import Path

import pytest
import torch

from multimodal.cli.main import main
from multimodal.cli.transfer import Rung, ladder_table, run
from multimodal.nn.encoders import EncoderSettings, build_encoder

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
    scenes:
      train: 24
      val: 12
    image_size: 48
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
    torch.manual_seed(0)
    encoder = build_encoder(EncoderSettings(channels=[8, 16], strides=[4, 2]))
    torch.save(encoder.state_dict(), "encoder.pth")
    Path("mine.yaml").write_text(CONFIG)


@pytest.mark.slow
def test_the_whole_ladder_is_climbed(capsys):
    assert run(["--config", "mine.yaml", "--stages", "1"]) == 0
    said = capsys.readouterr().out
    (written,) = Path("runs").rglob("transfer.md")
    table = written.read_text()
    assert table in said
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


def test_chosen_strategies_only(capsys):
    assert run(["--config", "mine.yaml", "--strategies", "full"]) == 0
    assert "head" not in capsys.readouterr().out


def test_a_strategy_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit):
        run(["--strategies", "head,everything"])
    assert "--strategies must be of scratch, linear, head" in capsys.readouterr().err


def test_a_task_without_strategies_is_refused(capsys):
    assert main(["transfer", "--config", "smoke_vqa", "--strategies", "head"]) == 1
    assert "has no setting `transfer`: the ladder is for classification" in capsys.readouterr().err


def test_a_misspelt_option_is_told_as_by_fit(capsys):
    assert main(["transfer", "--config", "mine.yaml", "--data.batch_sise", "2"]) == 1
    assert "Did you mean 'batch_size'" in capsys.readouterr().err


def test_a_rung_without_an_accuracy_says_so():
    assert "nan" in ladder_table([Rung("full", 3, 1.0, float("nan"))])
