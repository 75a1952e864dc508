import os
import shutil

import pytest
import tiny_classifier
import torch

from multimodal.saving.runs import RunFacts, read_run

CONFIG = """\
# lightning.pytorch==2.6.6
seed_everything: 7
data:
  class_path: multimodal.classification.data.ClassificationData
  init_args:
    format: scenes
"""
ROWS = """\
epoch,step,train/loss,val/accuracy,val/loss
0,4,1.5,,
0,4,,0.25,1.25
1,9,,0.5,nan
2,14,,0.75,0.5
"""


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint in the folder of its run, written after ten steps."""
    folder = tmp_path / "runs" / "mine" / "version_0"
    (folder / "checkpoints").mkdir(parents=True)
    path = tiny_classifier.save(folder / "checkpoints" / "best.ckpt")
    content = torch.load(path, weights_only=True)
    torch.save(content | {"epoch": 1, "global_step": 10}, path)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "metrics.csv").write_text(ROWS)
    (folder / "splits.json").write_text('{"train": 32, "val": 4, "other": 1}')
    return path


def add_test(runs, version, *, of="runs/mine/version_0/checkpoints/best.ckpt", accuracy=0.5, age=0):
    folder = runs / f"version_{version}"
    folder.mkdir()
    (folder / "config.yaml").write_text(f"ckpt_path: {of}\n")
    (folder / "metrics.csv").write_text(f"epoch,step,test/accuracy\n0,0,{accuracy}\n")
    (folder / "report.md").write_text(f"report {version}")
    (folder / "splits.json").write_text(f'{{"test": {20 + version}}}')
    when = (folder / "metrics.csv").stat().st_mtime + 100 * version - age
    os.utime(folder / "metrics.csv", (when, when))
    return folder


def test_the_runs_folder_gives_configuration_progress_and_validation(checkpoint):
    facts = read_run(checkpoint)
    assert facts.progress == {"epoch": 1, "global_step": 10}
    assert facts.val == {"accuracy": 0.5}  # of the step at which it was written; no NaN
    assert (facts.seed, facts.sizes) == (7, {"train": 32, "val": 4})
    assert (facts.test, facts.report) == ({}, "")


def test_the_newest_test_of_this_checkpoint_counts(checkpoint, tmp_path):
    runs = tmp_path / "runs" / "mine"
    add_test(runs, 1, accuracy=0.1)
    add_test(runs, 2, accuracy=0.2)
    add_test(runs, 3, accuracy=0.3, of="runs/mine/version_0/checkpoints/last.ckpt")
    add_test(runs, 4, accuracy=0.4, age=10_000)  # before the checkpoint was written anew
    facts = read_run(checkpoint)
    assert (facts.test, facts.report) == ({"accuracy": 0.2}, "report 2")
    named = read_run(checkpoint, runs / "version_3")
    assert (named.test, named.report) == ({"accuracy": 0.3}, "report 3")
    assert (facts.sizes, named.sizes["test"]) == ({"train": 32, "val": 4, "test": 22}, 23)


def test_a_test_without_results_is_named(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere has no results of a test in metrics\.cs"):
        read_run(checkpoint, tmp_path / "nowhere")


def test_a_moved_checkpoint_only_has_its_own_progress(checkpoint, tmp_path):
    moved = shutil.copy(checkpoint, tmp_path / "moved.ckpt")
    assert read_run(moved) == RunFacts(progress={"epoch": 1, "global_step": 10})


@pytest.mark.parametrize("config", ["- a list", "a: [", "\x00", "data: 3\nseed_everything: true"])
def test_a_configuration_of_any_kind_is_no_mistake(checkpoint, config):
    (checkpoint.parents[1] / "config.yaml").write_text(config)
    (checkpoint.parents[1] / "metrics.csv").write_bytes(b"\xff\xfe\x00")
    (checkpoint.parents[1] / "splits.json").write_text(config)
    facts = read_run(checkpoint)
    assert (facts.seed, facts.sizes, facts.val) == (None, {}, {})
