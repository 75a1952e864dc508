"""Two processes train and evaluate to what one does."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).parent / "multimodal")
SAME = [
    *("--model.settings.encoder.normalisation", "group"),  # batch statistics differ in halves
    *("--model.settings.dropout", "0.0"),
    *("--trainer.enable_progress_bar", "false"),
    *("--data.options.train", "24"),
    *("--trainer.max_epochs", "2"),
]


def run(folder: Path, *options: str) -> dict[str, float]:
    """Fit the smoke configuration and return the last validation's metrics."""
    folder.mkdir()
    command = [COMMAND, "fit", "--config", "smoke_captioning", *SAME, *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=500)
    (table,) = folder.rglob("metrics.csv")
    with table.open() as file:
        rows = [row for row in csv.DictReader(file) if row["val/cider"]]
    return {name: float(rows[-1][name]) for name in rows[-1] if name.startswith("val/")}


@pytest.mark.slow
def test_two_processes_reach_the_metrics_of_one(tmp_path):
    one = run(tmp_path / "one", "--data.batch_size", "4")
    two = run(
        tmp_path / "two",
        *("--data.batch_size", "2"),
        *("--trainer.devices", "2"),
        *("--trainer.strategy", "ddp"),
        *("--trainer.accelerator", "cpu"),
    )
    assert two == pytest.approx(one, rel=1e-3, abs=1e-4)
