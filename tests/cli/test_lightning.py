"""fit, validate, test and predict on the smoke configuration, and what is wrong with a call."""

import csv
import json
import pickle
import sys
from inspect import signature
from pathlib import Path
from types import ModuleType

import pytest
import tiny_captioner
import torch
from PIL import Image

from multimodal.captioning.task import CaptioningTask
from multimodal.cli.lightning import LINKED, command, row_of
from multimodal.cli.main import main
from multimodal.tasks import TASKS

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
    other = ["--model.settings.hidden_dim", "99", "--data.text.min_count", "50"]
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


def test_what_is_wrong_with_the_data_is_said_without_the_parser(tmp_path, capsys):
    arguments = ["fit", "--config", "captioning_csv", f"--data.root={tmp_path / 'nowhere'}"]
    assert main(arguments) == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if "nowhere" in line]
    assert line.startswith(f"multimodal: No folder {tmp_path / 'nowhere'}. Put captions.csv there")


@pytest.mark.parametrize(
    ("key", "misspelt"),
    [
        ("batch_size", "batch_sise"),
        ("patience", "patiense"),
        ("every_n_steps", "every_n_stepz"),
        ("monitor", "monitr"),
    ],
)
def test_a_misspelt_key_in_a_file_gets_the_closest_one(key, misspelt, capsys):
    text = (Path(__file__).parents[2] / "multimodal/configs/smoke_captioning.yaml").read_text()
    Path("mine.yaml").write_text(text.replace(f" {key}: ", f" {misspelt}: ", 1))
    assert main(["fit", "--config", "mine.yaml"]) != 0
    assert f"{misspelt!r}. Did you mean {key!r}?" in capsys.readouterr().err


class Detonator:
    """Whoever unpickles it leaves a file behind."""

    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


@pytest.mark.parametrize(
    ("verb", "content", "sentence"),
    [
        ("test", b"not a checkpoint", "is not a checkpoint"),
        ("test", b"", "is empty"),
        *((verb, pickle.dumps(Detonator()), "is a pickle") for verb in ("fit", "test", "predict")),
    ],
)
def test_what_is_no_checkpoint_is_refused(verb, content, sentence, capsys):
    Path("model.ckpt").write_bytes(content)
    assert_refused(verb, "model.ckpt", sentence, capsys)


def test_a_pickle_inside_a_checkpoint_is_refused(capsys):
    torch.save({"state_dict": {}, "multimodal": Detonator()}, "model.ckpt")
    assert_refused("test", "model.ckpt", "holds more than tensors and plain data", capsys)


@pytest.mark.parametrize("verb", ["fit", "test", "predict"])
def test_a_checkpoint_of_another_task_is_refused(verb, capsys):
    tiny_captioner.save("other.ckpt", task="sentiment")
    assert_refused(verb, "other.ckpt", "other.ckpt is a checkpoint of the task 'sentiment'", capsys)


@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
def test_a_checkpoint_that_names_classes_to_import_is_refused(verb, run, capsys):
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    checkpoint["hyper_parameters"] = {"_class_path": "antigravity.Module"}
    torch.save(checkpoint, "evil.ckpt")
    assert_refused(verb, "evil.ckpt", "can name any installed code", capsys)


def assert_refused(verb, path, sentence, capsys):
    assert main([verb, *CONFIG, *QUIET, "--ckpt_path", path]) == 1
    error = capsys.readouterr().err
    message = error[error.index("multimodal:") :]
    assert sentence in message
    assert "Traceback" not in error
    assert len(message.strip().splitlines()) <= 3
    assert not Path("exploded").exists()


OWN = """
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch.utils.data import DataLoader, TensorDataset


class Module(LightningModule):
    def __init__(self, width: int = 2) -> None:
        super().__init__()
        self.net = torch.nn.Linear(width, 1)

    def training_step(self, batch, number):
        loss = self.net(batch[0]).square().mean()
        self.log("test/loss", loss)
        return loss

    test_step = training_step

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)


class Data(LightningDataModule):
    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.randn(8, 2)), 4)

    test_dataloader = train_dataloader
"""


def test_a_module_of_ones_own_is_trained_tested_and_resumed(capsys, monkeypatch):
    Path("mine.py").write_text(OWN)
    monkeypatch.syspath_prepend(Path.cwd())
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    own = ["--model", "mine.Module", "--data", "mine.Data", *QUIET]
    assert main(["fit", *own, "--trainer.max_epochs", "1"]) == 0
    (path,) = Path("runs").rglob("*.ckpt")
    assert main(["test", *own, "--ckpt_path", str(path)]) == 0
    assert "test/loss" in capsys.readouterr().out
    assert main(["fit", *own, "--trainer.max_epochs", "2", "--ckpt_path", str(path)]) == 0
    Path("model.ckpt").write_bytes(pickle.dumps(Detonator()))
    assert main(["test", *own, "--ckpt_path", "model.ckpt"]) == 1
    assert "is not a complete checkpoint of plain data" in capsys.readouterr().err
    assert not Path("exploded").exists()


def pictures(folder, *, train, val):
    """A table of small pictures; return the options that read it."""
    folder = Path(folder)
    folder.mkdir()
    rows = ["image,caption,split"]
    for number in range(train + val):
        split = "train" if number < train else "val"
        Image.new("RGB", (48, 48), (4 * number, 90, 30)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,a picture of number {number},{split}")
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")
    return ["--data.format", "table", "--data.root", str(folder)]


@pytest.mark.parametrize("workers", ["0", pytest.param("2", marks=pytest.mark.slow)])
def test_an_unreadable_photo_stops_or_is_left_out(workers, capsys, caplog):
    own = [*pictures("mine", train=56, val=4), "--trainer.max_epochs", "1"]
    own += ["--data.workers", workers]
    whole = Path("mine/7.png").read_bytes()
    Path("mine/7.png").write_bytes(whole[: len(whole) // 2])
    assert main(["fit", *CONFIG, *QUIET, *own]) == 1
    error = capsys.readouterr().err
    assert "multimodal: mine/7.png" in error
    assert "Traceback" not in error
    assert main(["fit", *CONFIG, *QUIET, *own, "--data.on_bad_image", "skip"]) == 0
    assert "1 images could not be read and were left out:\nmine/7.png" in caplog.text


def test_a_missing_photo_stops_or_is_left_out(capsys, caplog):
    own = [*pictures("mine", train=8, val=4), "--trainer.max_epochs", "1"]
    Path("mine/7.png").unlink()
    assert main(["fit", *CONFIG, *QUIET, *own]) == 1
    assert "names 1 images (of 8) that are not there: 7.png." in capsys.readouterr().err
    assert main(["fit", *CONFIG, *QUIET, *own, "--data.on_bad_image", "skip"]) == 0
    assert "names 1 images (of 8) that are not there and were left out: 7.png." in caplog.text


def test_cached_features_are_those_of_a_checkpoint_that_trained_its_encoder(capsys):
    own = pictures("mine", train=8, val=4)
    frozen = ["--model.settings.encoder.trainable_stages", "0", "--model.unfreeze_epoch", "1"]
    cached = ["--data.cache", "cache", *frozen, "--trainer.max_epochs", "2"]
    assert main(["fit", *CONFIG, *QUIET, *own, *cached]) == 0
    (path,) = Path("runs").rglob("last.ckpt")
    losses = []
    for cache in ("", "cache"):
        capsys.readouterr()
        options = ["--data.cache", cache, *frozen, "--seed_everything", "8"]
        assert main(["validate", *CONFIG, *QUIET, *own, *options, "--ckpt_path", str(path)]) == 0
        (line,) = (line for line in capsys.readouterr().out.splitlines() if "val/loss" in line)
        losses.append(float(line.split("\u2502")[2]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    # One of the frozen encoder, made for the training, and one of the trained encoder.
    assert len(list(Path("cache/val").glob("features-*"))) == 2


def test_a_class_that_extends_a_task_has_its_row(monkeypatch):
    module = ModuleType("mine")
    module.Extended = type("Extended", (CaptioningTask,), {})
    monkeypatch.setitem(sys.modules, "mine", module)
    assert row_of("mine.Extended") is TASKS["captioning"]


@pytest.mark.parametrize("path", ["nowhere.Module", "math.pi", "lightning.pytorch.LightningModule"])
def test_what_is_no_task_has_no_row(path):
    assert row_of(path) is None


@pytest.mark.parametrize("row", TASKS.values(), ids=lambda row: row.name)
def test_every_required_argument_of_a_task_is_linked_from_its_data(row):
    linked = set(row.load("data")().linked()) if row.name != "classification" else set(LINKED)
    needed = signature(row.load("module")).parameters.values()
    required = {each.name for each in needed if each.default is each.empty} - {"settings"}
    assert required <= linked <= set(LINKED)


def test_parsing_and_building_sample_no_scene(monkeypatch):
    def refuse(*_):
        raise AssertionError("a scene was sampled")

    monkeypatch.setattr("multimodal.data.readers.scenes.sample_scene", refuse)
    monkeypatch.setattr("multimodal.cli.lightning.Command._run_subcommand", lambda *_: None)
    built = command(["fit", "--config", "smoke_vqa"])
    assert built.model.answers is not None
    assert built.datamodule._examples == {}


def test_a_reader_of_ones_own_is_trained_on(monkeypatch):
    Path("birds.py").write_text(
        "from multimodal.data.readers.scenes import read_scene_captions\n\n\n"
        "def read_birds(root, split, *, number: int = 4):\n"
        "    return read_scene_captions(root, split, train=number, val=number, test=number)\n"
    )
    monkeypatch.syspath_prepend(Path.cwd())
    monkeypatch.delitem(sys.modules, "birds", raising=False)
    own = ["--data.format", "birds.read_birds", "--data.options.number", "5"]
    assert main(["fit", *CONFIG, *QUIET, *own, "--trainer.max_epochs", "1"]) == 0


def test_a_checkpoint_that_names_a_reader_is_evaluated_without_it(run):
    path = run / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    Path("evil.py").write_text("from pathlib import Path\nPath('exploded').touch()\n")
    checkpoint["multimodal"]["extra"]["format"] = "evil.read"
    checkpoint["multimodal"]["transform"]["size"] = 48
    torch.save(checkpoint, "named.ckpt")
    assert main(["test", *CONFIG, *QUIET, "--ckpt_path", "named.ckpt"]) == 0
    assert not Path("exploded").exists()


def test_another_format_starts_without_the_options_of_the_configuration(capsys):
    own = pictures("mine", train=8, val=4)
    assert main(["fit", *CONFIG, *QUIET, *own, "--trainer.max_epochs", "1"]) == 0
    wrong = [*own, "--data.options.train", "3"]
    assert main(["fit", *CONFIG, *QUIET, *wrong]) == 1
    assert "`options` of the format table has no 'train'" in capsys.readouterr().err


def test_the_smoke_classifier_is_trained_tested_resumed_and_predicts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    quiet = ["--config", "smoke_classification", "--trainer.enable_progress_bar", "false"]
    assert main(["fit", *quiet]) == 0
    said = capsys.readouterr().out
    (best,) = Path("runs").rglob("best.ckpt")
    assert f"multimodal classify {best} IMAGE..." in said
    own = ["--ckpt_path", str(best)]
    assert main(["test", *quiet, *own, "--data.transform.size", "64"]) == 0
    assert "test/accuracy" in capsys.readouterr().out
    assert main(["predict", *quiet, *own]) == 0
    (results,) = Path("runs").rglob("results.json")
    assert len(json.loads(results.read_text())) == 6
    last = str(best.with_name("last.ckpt"))
    assert main(["fit", *quiet, "--ckpt_path", last, "--trainer.max_epochs", "3"]) == 0
