import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import tiny_captioner
from jsonargparse import Namespace

from multimodal.captioning.task import CaptioningTask
from multimodal.classification.model import ClassifierSettings
from multimodal.cli.main import main
from multimodal.cli.tasks import TASKS, row_of, take_lists
from multimodal.saving.checkpoint import SavedModel, read_checkpoint
from multimodal.tasks import TASKS as NAMES
from multimodal.vqa.model import AnswererSettings


def test_every_task_has_a_row():
    assert {row.name for row in TASKS} == set(NAMES)


def test_a_class_that_extends_a_task_has_its_row(monkeypatch):
    module = ModuleType("mine")
    module.Extended = type("Extended", (CaptioningTask,), {})
    monkeypatch.setitem(sys.modules, "mine", module)
    assert row_of("mine.Extended") is row_of("multimodal.captioning.task.CaptioningTask")


@pytest.mark.parametrize("path", ["nowhere.Module", "math.pi", "lightning.pytorch.LightningModule"])
def test_what_is_no_task_has_no_row(path):
    assert row_of(path) is None


def test_an_evaluation_adopts_network_words_and_transform(tmp_path):
    saved = read_checkpoint(tiny_captioner.save(tmp_path / "best.ckpt"))
    config = Namespace(
        model=Namespace(init_args=Namespace(settings=None)),
        data=Namespace(init_args=Namespace(tokens=None, transform=None, seed=3)),
    )
    row_of("multimodal.captioning.task.CaptioningTask").adopt(config, saved)
    assert config.model.init_args.settings.hidden_dim == saved.settings["hidden_dim"]
    assert config.model.init_args.settings.encoder.weights == "none"
    assert config.data.init_args.tokens == saved.vocabulary
    assert config.data.init_args.transform == saved.transform
    assert config.data.init_args.seed == 3


def test_data_of_ones_own_get_only_what_they_have_arguments_for(tmp_path):
    saved = read_checkpoint(tiny_captioner.save(tmp_path / "best.ckpt"))
    config = Namespace(model=Namespace(init_args=Namespace()), data=Namespace(class_path="mine"))
    row_of("multimodal.captioning.task.CaptioningTask").adopt(config, saved)
    assert config.data == Namespace(class_path="mine")


def test_an_answerer_is_evaluated_with_its_own_answers():
    settings = AnswererSettings().to_dict()
    saved = SavedModel("vqa", settings, ["<pad>"], {}, {}, {"answers": ["yes", "no"]})
    config = Namespace(
        model=Namespace(init_args=Namespace(settings=None)),
        data=Namespace(init_args=Namespace(tokens=None, known_answers=None)),
    )
    row_of("multimodal.vqa.task.VQATask").adopt(config, saved)
    assert config.data.init_args.known_answers == ["yes", "no"]
    assert config.model.init_args.settings.as_dict() == settings


def test_a_classifier_is_evaluated_with_its_own_labels_mean_and_size():
    settings = ClassifierSettings().to_dict()
    transform = {"size": 48, "resize": "crop", "crop_fraction": 0.9}
    extra = {"labels": ["cat", "dog"], "mean": [0.1]}
    saved = SavedModel("classification", settings, [], transform, {}, extra)
    names = ("known_labels", "known_mean", "image_size", "resize", "crop_fraction", "seed")
    config = Namespace(
        model=Namespace(init_args=Namespace(settings=None)),
        data=Namespace(init_args=Namespace(**dict.fromkeys(names))),
    )
    row_of("multimodal.classification.task.ClassificationTask").adopt(config, saved)
    found = config.data.init_args.as_dict()
    assert found == dict(zip(names, [["cat", "dog"], [0.1], 48, "crop", 0.9, None], strict=True))


def test_the_smoke_classifier_is_trained_tested_resumed_and_predicts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    quiet = ["--config", "smoke_classification", "--trainer.enable_progress_bar", "false"]
    assert main(["fit", *quiet]) == 0
    said = capsys.readouterr().out
    (best,) = Path("runs").rglob("best.ckpt")
    assert f"multimodal classify {best} IMAGE..." in said
    own = ["--ckpt_path", str(best)]
    assert main(["test", *quiet, *own, "--data.image_size", "64"]) == 0
    assert "test/accuracy" in capsys.readouterr().out
    assert main(["predict", *quiet, *own]) == 0
    (results,) = Path("runs").rglob("results.json")
    assert len(json.loads(results.read_text())) == 6
    last = str(best.with_name("last.ckpt"))
    assert main(["fit", *quiet, "--ckpt_path", last, "--trainer.max_epochs", "3"]) == 0


def test_long_lists_are_taken_from_the_configuration_of_our_own_data_only():
    ours = Namespace(
        class_path="multimodal.sentiment.data.SentimentData",
        init_args=Namespace(tokens=["a"], known_labels=None, max_words=9),
    )
    assert take_lists(Namespace(data=ours)) == {"tokens": ["a"]}
    assert ours.init_args == Namespace(tokens=None, known_labels=None, max_words=9)
    theirs = Namespace(class_path="mine.Data", init_args=Namespace(tokens=["a"]))
    assert take_lists(Namespace(data=theirs)) == {}
    assert theirs.init_args.tokens == ["a"]
