import sys
from pathlib import Path
from types import ModuleType

import pytest
import tiny_captioner
from jsonargparse import Namespace

from multimodal.cli.tasks import TASKS, row_of
from multimodal.models.vqa import AnswererSettings
from multimodal.saving import SavedModel, read_checkpoint
from multimodal.tasks.captioning import CaptioningTask


def test_every_task_has_a_row():
    folder = Path(__file__).parents[2] / "multimodal" / "tasks"
    files = {path.stem for path in folder.glob("[!_]*.py")}
    assert {row.task.__module__.rpartition(".")[2] for row in TASKS} == files
    assert {row.name for row in TASKS} == files


def test_a_class_that_extends_a_task_has_its_row(monkeypatch):
    module = ModuleType("mine")
    module.Extended = type("Extended", (CaptioningTask,), {})
    monkeypatch.setitem(sys.modules, "mine", module)
    assert row_of("mine.Extended") is row_of("multimodal.tasks.captioning.CaptioningTask")


@pytest.mark.parametrize("path", ["nowhere.Module", "math.pi", "lightning.pytorch.LightningModule"])
def test_what_is_no_task_has_no_row(path):
    assert row_of(path) is None


def test_an_evaluation_adopts_network_words_and_transform(tmp_path):
    saved = read_checkpoint(tiny_captioner.save(tmp_path / "best.ckpt"))
    config = Namespace(
        model=Namespace(init_args=Namespace(settings=None)),
        data=Namespace(init_args=Namespace(tokens=None, transform=None, seed=3)),
    )
    row_of("multimodal.tasks.captioning.CaptioningTask").adopt(config, saved)
    assert config.model.init_args.settings.hidden_dim == saved.settings["hidden_dim"]
    assert config.model.init_args.settings.encoder.weights == "none"
    assert config.data.init_args.tokens == saved.vocabulary
    assert config.data.init_args.transform == saved.transform
    assert config.data.init_args.seed == 3


def test_data_of_ones_own_get_only_what_they_have_arguments_for(tmp_path):
    saved = read_checkpoint(tiny_captioner.save(tmp_path / "best.ckpt"))
    config = Namespace(model=Namespace(init_args=Namespace()), data=Namespace(class_path="mine"))
    row_of("multimodal.tasks.captioning.CaptioningTask").adopt(config, saved)
    assert config.data == Namespace(class_path="mine")


def test_an_answerer_is_evaluated_with_its_own_answers():
    settings = AnswererSettings().to_dict()
    saved = SavedModel("vqa", settings, ["<pad>"], {}, {}, {"answers": ["yes", "no"]})
    config = Namespace(
        model=Namespace(init_args=Namespace(settings=None)),
        data=Namespace(init_args=Namespace(tokens=None, known_answers=None)),
    )
    row_of("multimodal.tasks.vqa.VQATask").adopt(config, saved)
    assert config.data.init_args.known_answers == ["yes", "no"]
    assert config.model.init_args.settings.as_dict() == settings
