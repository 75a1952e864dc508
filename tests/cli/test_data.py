"""multimodal data preview: a sheet of training pictures."""

from pathlib import Path

import pytest
from PIL import Image

from multimodal.cli.data import run
from multimodal.cli.main import main

FEW = ["--pictures", "2", "--epochs", "2"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("config", ["smoke_classification", "smoke_captioning", "smoke_vqa"])
def test_a_sheet_is_drawn_and_nothing_is_trained(config, capsys):
    assert run(["preview", "--config", config, *FEW, "--output", "sheet.png"]) == 0
    assert "Wrote sheet.png." in capsys.readouterr().out
    with Image.open("sheet.png") as sheet:
        assert sheet.width > sheet.height / 3
    assert not list(Path().rglob("*.ckpt"))


def test_texts_have_no_pictures(capsys):
    assert main(["data", "preview", "--config", "smoke_sentiment"]) == 1
    assert "SentimentData has no pictures to look at" in capsys.readouterr().err


def test_a_wrong_call_exits_with_2(capsys):
    assert run([]) == 2
    assert run(["--help"]) == 0
    assert "multimodal data preview --config" in capsys.readouterr().out
    assert run(["show"]) == 2
    assert "data can preview or check, got 'show'" in capsys.readouterr().err


def test_pictures_are_drawn_where_training_reads_cached_features(capsys):
    cached = ["--data.cache", "features", "--model.settings.encoder.weights", "nowhere.pth"]
    assert main(["data", "preview", "--config", "smoke_captioning", *FEW, *cached]) == 0
    assert Path("preview.png").exists()
    assert not Path("features").exists()
