import shutil
from pathlib import Path

import pytest
import tiny_classifier

from multimodal.saving import names, read_model, shipped_models, write_folder
from multimodal.saving.checkpoint import read_checkpoint


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A package in which one model ships."""
    folder = tmp_path / "package" / "pretrained"
    saved = read_checkpoint(tiny_classifier.save(tmp_path / "best.ckpt"))
    write_folder(saved, folder / "digits-small")
    (folder / ".digits-large.writing-1234").mkdir()
    shutil.copy(folder / "digits-small/config.json", folder / ".digits-large.writing-1234")
    monkeypatch.setattr(names, "PRETRAINED", folder)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize("kind", [str, Path])
def test_a_shipped_model_is_opened_by_its_name(shipped, kind):
    assert shipped_models() == ["digits-small"]
    assert read_model(kind("digits-small")).extra["labels"] == tiny_classifier.LABELS
    assert read_model(kind("digits-small"), task="classification").task == "classification"


def test_a_folder_takes_precedence_over_a_shipped_model(shipped, tmp_path):
    other = read_checkpoint(tiny_classifier.save(tmp_path / "best.ckpt", target="number"))
    write_folder(other, tmp_path / "digits-small")
    assert read_model("digits-small").extra["target"] == "number"


def test_a_checkpoint_is_read_as_one(shipped):
    assert read_model("best.ckpt").task == read_model(Path("best.ckpt")).task == "classification"


def test_an_unknown_name_gets_the_nearest_and_all_of_them(shipped):
    with pytest.raises(
        FileNotFoundError,
        match=r"No model 'digit-smal': neither .* multimodal \(digits-small\)\. Did you mean "
        "'digits-small'?",
    ):
        read_model("digit-smal")
    with pytest.raises(FileNotFoundError, match=r"ship with multimodal \(digits-small\)\.$"):
        read_model("unheard")


def test_a_copy_of_the_package_without_models_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(names, "PRETRAINED", tmp_path / "nothing")
    assert shipped_models() == []
    with pytest.raises(FileNotFoundError, match=r"\(none in this copy\)\.$"):
        read_model("captioning-scenes")


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No checkpoint at .*gone\.ckpt\."):
        read_model(tmp_path / "gone.ckpt")
    with pytest.raises(FileNotFoundError, match="No checkpoint at "):
        read_model("long/" + 5000 * "x")
    with pytest.raises(FileNotFoundError, match=r"No model at 'a\\x00b.ckpt'\. Is its name spelt"):
        read_model("a\0b.ckpt")


def test_a_folder_without_a_model_is_refused_with_a_checkpoint_in_it(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    with pytest.raises(
        ValueError, match=r"is a folder\. Give the \.ckpt file in it, such as .*last\.ckpt, or a"
    ):
        read_model(tmp_path)


@pytest.mark.parametrize("part", ["model.safetensors", "config.json"])
def test_a_part_of_a_model_is_no_model(shipped, part):
    with pytest.raises(ValueError, match=r"is a part of a model\. Give the folder in which it"):
        read_model(shipped / "digits-small" / part)


@pytest.mark.parametrize("source", [None, 3, b"best.ckpt", ["best.ckpt"]])
def test_a_source_that_is_no_path_is_refused(source):
    with pytest.raises(TypeError, match=r"given as a path or a name|Expected type: str"):
        read_model(source)
