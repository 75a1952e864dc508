"""fit, validate, test and predict on the smoke configuration, and what is wrong with a call."""

import csv
import json
from pathlib import Path

import pytest
import torch

from multimodal.cli.main import main

CONFIG = ["--config", "smoke_captioning"]
QUIET = ["--trainer.enable_progress_bar", "false"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder in which the smoke configuration was trained."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["fit", *CONFIG, *QUIET]) == 0
    return folder / "runs" / "smoke_captioning" / "version_0"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_run_leaves_checkpoints_configuration_and_a_table(run):
    assert {"best.ckpt", "last.ckpt"} <= {path.name for path in (run / "checkpoints").iterdir()}
    assert "seed_everything: 0" in (run / "config.yaml").read_text()
    with (run / "metrics.csv").open() as file:
        columns = set(next(csv.reader(file)))
    assert {"train/loss", "val/loss", "val/cider", "val/truth/captions"} <= columns


def test_its_checkpoint_opens_as_plain_data(run):
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert "hyper_parameters" not in checkpoint
    assert checkpoint["multimodal"]["task"] == "captioning"


def test_the_test_reports_scores_and_draws_a_sheet(run, capsys):
    path = str(run / "checkpoints" / "best.ckpt")
    assert main(["test", *CONFIG, *QUIET, "--ckpt_path", path]) == 0
    assert "test/cider" in capsys.readouterr().out
    assert list(Path("runs").rglob("captions.png"))


def test_a_checkpoint_is_evaluated_with_its_own_network_and_words(run, capsys):
    path = str(run / "checkpoints" / "best.ckpt")
    other = ["--model.settings.hidden_dim", "99", "--data.min_count", "50"]
    assert main(["validate", *CONFIG, *QUIET, *other, "--ckpt_path", path]) == 0
    assert "val/cider" in capsys.readouterr().out


def test_prediction_writes_a_results_file(run):
    path = str(run / "checkpoints" / "best.ckpt")
    assert main(["predict", *CONFIG, *QUIET, "--ckpt_path", path]) == 0
    (results,) = Path("runs").rglob("results.json")
    entries = json.loads(results.read_text())
    assert [entry["image_id"] for entry in entries] == list(range(12))


def test_a_run_resumes_from_its_last_checkpoint(run):
    path = str(run / "checkpoints" / "last.ckpt")
    longer = ["--trainer.max_epochs", "4"]
    assert main(["fit", *CONFIG, *QUIET, *longer, "--ckpt_path", path]) == 0
    (last,) = Path("runs").rglob("last.ckpt")
    assert torch.load(last, weights_only=True)["global_step"] == 24


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model.settings.hiden_dim", "3"], "Did you mean 'hidden_dim'"),
        (["--data.on_bad_imge", "skip"], "Did you mean 'on_bad_image'"),
        (["--trainer.max_epochs", "many"], "max_epochs"),
        (["--model.settings.decoder", "transformer"], "show_attend_tell"),
    ],
)
def test_a_wrong_option_is_explained_in_three_lines(arguments, sentence, capsys):
    assert main(["fit", *CONFIG, *arguments]) != 0
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    message = error[error.index("multimodal:") :]
    assert len(message.strip().splitlines()) <= 3


def test_a_misspelt_key_in_a_file_gets_the_closest_one(capsys):
    text = (Path(__file__).parents[2] / "multimodal/configs/smoke_captioning.yaml").read_text()
    Path("mine.yaml").write_text(text.replace("batch_size: 4 ", "batch_sise: 4 "))
    assert main(["fit", "--config", "mine.yaml"]) != 0
    assert "'batch_sise'. Did you mean 'batch_size'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"not a checkpoint", "is not a checkpoint"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_checkpoint_is_refused(content, sentence, capsys):
    Path("model.ckpt").write_bytes(content)
    assert main(["test", *CONFIG, "--ckpt_path", "model.ckpt"]) == 1
    assert sentence in capsys.readouterr().err


def test_a_checkpoint_that_names_classes_to_import_is_refused(run, capsys):
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    checkpoint["hyper_parameters"] = {"_class_path": "antigravity.Module"}
    torch.save(checkpoint, "evil.ckpt")
    for verb in ("fit", "validate", "test", "predict"):
        assert main([verb, *CONFIG, *QUIET, "--ckpt_path", "evil.ckpt"]) == 1
        assert "can name any installed code" in capsys.readouterr().err


def test_an_unreadable_photo_stops_or_is_left_out(capsys, caplog):
    from PIL import Image

    folder = Path("mine")
    folder.mkdir()
    rows = ["image,caption,split"]
    for number in range(60):
        split = "train" if number < 56 else "val"
        Image.new("RGB", (48, 48), (4 * number, 90, 30)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,a picture of number {number},{split}")
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")
    whole = (folder / "7.png").read_bytes()
    (folder / "7.png").write_bytes(whole[: len(whole) // 2])
    own = ["--data.format", "table", "--data.root", "mine", "--trainer.max_epochs", "1"]
    assert main(["fit", *CONFIG, *QUIET, *own]) == 1
    assert "7.png" in capsys.readouterr().err
    assert main(["fit", *CONFIG, *QUIET, *own, "--data.on_bad_image", "skip"]) == 0
    assert "1 images could not be read and were left out" in caplog.text


def test_cached_features_are_those_of_the_evaluated_checkpoint(capsys):
    from PIL import Image

    folder = Path("mine")
    folder.mkdir()
    rows = ["image,caption,split"]
    for number in range(12):
        split = "train" if number < 8 else "val"
        Image.new("RGB", (48, 48), (20 * number, 90, 30)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,a picture of number {number},{split}")
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")
    own = ["--data.format", "table", "--data.root", "mine"]
    frozen = ["--model.settings.encoder.trainable_stages", "0", "--seed_everything", "3"]
    assert main(["fit", *CONFIG, *QUIET, *own, *frozen, "--trainer.max_epochs", "1"]) == 0
    (path,) = Path("runs").rglob("best.ckpt")
    losses = []
    for cache in ("", "cache"):
        capsys.readouterr()
        options = ["--data.cache", cache, "--seed_everything", "8", "--ckpt_path", str(path)]
        assert main(["validate", *CONFIG, *QUIET, *own, *options]) == 0
        (line,) = (line for line in capsys.readouterr().out.splitlines() if "val/loss" in line)
        losses.append(float(line.split("\u2502")[2]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
