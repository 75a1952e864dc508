"""multimodal data check: check a configuration's data."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from multimodal.cli.data import run
from multimodal.cli.main import main
from multimodal.data.checking import examine


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table(tmp_path):
    """Captioned pictures: one is missing, one is damaged, one of test is a copy of train's."""
    (tmp_path / "set" / "images").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in ("1", "2", "3", "4"):
        pixels = generator.integers(0, 255, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "set" / "images" / f"{name}.png")
    copy = (tmp_path / "set" / "images" / "1.png").read_bytes()
    (tmp_path / "set" / "images" / "5.png").write_bytes(copy)
    (tmp_path / "set" / "images" / "4.png").write_bytes(b"not a picture")
    rows = ["1,a red dog,train", "2,a red cat,train", "gone,a dog,train", "3,a cat,val"]
    rows += ["4,a gnu,val", "5,a red zebra,test"]
    lines = ["image,caption,split", *(row.replace(",", ".png,", 1) for row in rows)]
    (tmp_path / "set" / "captions.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "set"


def check(*arguments):
    return run(["check", *map(str, arguments)])


def arguments(table):
    return ("--config", "captioning_csv", "--data.root", table, "--data.text.min_count", "1",
            "--data.holdout", "0")  # fmt: skip


def test_texts_are_counted_measured_and_covered(capsys):
    assert check("--config", "smoke_sentiment", "--json") == 0
    findings = json.loads(capsys.readouterr().out)
    train, test = findings["splits"]["train"], findings["splits"]["test"]
    assert findings["ok"] is True
    assert train["examples"] == train["texts"] == sum(train["labels"].values())
    assert set(train["labels"]) == {"positive", "negative"}
    assert train["known_words"] == train["words"]
    assert test["known_words"] == test["words"], "all words of the built-in reviews are known"
    assert train["lengths"]["shortest"] <= train["lengths"]["median"]
    assert not list(Path().rglob("*.ckpt"))


def test_wrong_pictures_are_named(table, capsys):
    assert check(*arguments(table), "--json") == 1
    findings = json.loads(capsys.readouterr().out)
    assert findings["ok"] is False
    assert findings["missing"] == ["gone.png"]
    (broken,) = findings["broken"]
    assert "4.png is not a picture" in broken
    assert [findings["splits"][split]["examples"] for split in ("train", "val", "test")] == [
        2,
        2,
        1,
    ]
    ((ours, theirs),) = findings["splits"]["test"]["in_train"]
    assert (Path(ours).name, Path(theirs).name) == ("1.png", "5.png")
    assert findings["splits"]["val"]["unknown"] == [["gnu", 1]]


def test_the_report_names_the_same(table, capsys):
    assert check(*arguments(table)) == 1
    text = capsys.readouterr().out
    assert "| train |        2 |" in text
    assert "missing pictures: 1\ngone.png" in text
    assert "broken pictures: 1\n" in text
    assert "1 of test are in train, too:" in text
    assert "words of test that the vocabulary lacks, most frequent first: zebra (1)" in text
    assert text.endswith("something is wrong: see above\n")


def test_pictures_may_stay_closed(table, capsys):
    assert check(*arguments(table), "--no-pictures", "--json") == 1
    findings = json.loads(capsys.readouterr().out)
    assert findings["broken"] == []
    assert findings["missing"] == ["gone.png"]
    assert "pictures" not in findings["splits"]["train"]


@pytest.mark.parametrize("config", ["smoke_classification", "smoke_vqa", "classification_digits"])
def test_labels_are_counted(config, capsys):
    assert main(["data", "check", "--config", config]) in (0, 1)
    text = capsys.readouterr().out
    assert "| label" in text
    assert "| train |" in text


def test_a_split_without_an_example_is_wrong(table, capsys):
    lines = (table / "captions.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.endswith("test")]
    (table / "captions.csv").write_text("\n".join(kept), encoding="utf-8")
    assert check(*arguments(table), "--json") == 1
    findings = json.loads(capsys.readouterr().out)
    (problem,) = findings["problems"]
    assert problem.startswith("test: ")
    assert "has no image in the split test" in problem
    assert findings["splits"]["train"]["examples"] == 2
    assert check(*arguments(table)) == 1
    assert "has no image in the split test" in capsys.readouterr().out


def test_the_texts_of_a_language_model_are_checked_as_it_reads_them(capsys):
    assert check("--config", "smoke_language_model", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["splits"]["train"]["texts"] == 30
    assert found["splits"]["test"]["known_words"] == found["splits"]["test"]["words"] > 0


def test_data_without_examples_are_refused():
    with pytest.raises(ValueError, match="object has no examples to check"):
        examine(object(), [], open_pictures=False)


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit) as left:
        check("--help")
    assert left.value.code == 0
    assert "multimodal data check --config captioning_csv" in capsys.readouterr().out
