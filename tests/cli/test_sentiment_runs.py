"""A language model and a classifier that starts from it, from the command line."""

import csv
import json
from pathlib import Path

import pytest

from multimodal.cli.main import main
from multimodal.saving.checkpoint import read_checkpoint

QUIET = ["--trainer.enable_progress_bar", "false"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder of both runs."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["fit", "--config", "smoke_language_model", *QUIET]) == 0
        teacher = next(Path("runs").rglob("best.ckpt"))
        start = ["--model.language_model", str(teacher)]
        assert main(["fit", "--config", "smoke_sentiment", *QUIET, *start]) == 0
    return folder / "runs"


def best(runs, name):
    return runs / name / "version_0" / "checkpoints" / "best.ckpt"


def test_the_classifier_takes_the_language_models_words_and_layers(runs):
    teacher = read_checkpoint(best(runs, "smoke_language_model"), task="language_model")
    pupil = read_checkpoint(best(runs, "smoke_sentiment"), task="sentiment")
    known = len(teacher.vocabulary)
    assert pupil.vocabulary[:known] == teacher.vocabulary
    assert len(set(pupil.vocabulary)) == len(pupil.vocabulary)
    assert pupil.settings["reader"]["directions"] == "apart"


def test_the_saved_configuration_does_not_hold_the_vocabulary(runs):
    text = (runs / "smoke_sentiment" / "version_0" / "config.yaml").read_text()
    assert "class_path: multimodal.sentiment.task.SentimentTask" in text
    assert "<bos>" not in text


def test_a_checkpoint_is_tested_with_its_own_words_labels_and_lengths(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = ["--ckpt_path", str(best(runs, "smoke_sentiment"))]
    other = ["--data.text.max_words", "3", "--model.settings.reader.hidden_dim", "99"]
    assert main(["test", "--config", "smoke_sentiment", *QUIET, *other, *path]) == 0
    (report,) = Path("runs").rglob("report.md")
    assert "| linear, words and word pairs |" in report.read_text()
    with next(Path("runs").rglob("mistakes.tsv")).open(newline="") as file:
        assert next(csv.reader(file, delimiter="\t"))[:3] == ["text_id", "label", "predicted"]


def test_a_language_model_is_tested(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = ["--ckpt_path", str(best(runs, "smoke_language_model"))]
    assert main(["test", "--config", "smoke_language_model", *QUIET, *path]) == 0
    assert "test/perplexity" in capsys.readouterr().out


def test_predictions_of_texts_are_written(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = ["--ckpt_path", str(best(runs, "smoke_sentiment"))]
    assert main(["predict", "--config", "smoke_sentiment", *QUIET, *path]) == 0
    entries = json.loads(next(Path("runs").rglob("results.json")).read_text())
    assert len(entries) == 12
    assert set(entries[0]) == {"text_id", "label", "probability"}


def test_a_checkpoint_of_another_task_is_refused_as_a_language_model(runs, capsys):
    start = ["--model.language_model", str(best(runs, "smoke_sentiment"))]
    assert main(["fit", "--config", "smoke_sentiment", *QUIET, *start]) == 1
    assert "expected one of 'language_model'" in capsys.readouterr().err
