import json
from importlib import metadata

import pytest
import torch
from packaging.requirements import Requirement

from multimodal.cli import doctor
from multimodal.cli.doctor import examine, run


@pytest.fixture
def requires(monkeypatch):
    """Pretend that the package asks for something."""

    def pretend(*lines):
        monkeypatch.setattr(doctor, "_requirements", lambda: list(map(Requirement, lines)))

    return pretend


def test_an_installation_that_works_has_no_problems(capsys):
    assert run([]) == 0
    told = capsys.readouterr().out
    assert f"torch               {torch.__version__.partition('+')[0]}" in told
    assert told.endswith("no problems\n")
    for part in ("versions", "processor", "devices", "extras", "corpora of nltk"):
        assert f"\n{part}\n" in f"\n{told}"


def test_json_has_the_same_results(capsys):
    assert run(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert found["problems"] == []
    assert found["versions"]["torch"] == metadata.version("torch")
    assert found["processor"]["cores"] >= 1
    assert found["devices"]["names"][0]["device"] == "cpu"
    assert {"tensorboard", "torchtext"} <= set(found["extras"])
    assert not {"all", "dev"} & set(found["extras"])
    assert set(found["corpora"]) == {
        "sentence_polarity", "movie_reviews", "subjectivity", "wordnet"
    }  # fmt: skip


def test_a_missing_requirement_is_a_problem(requires, capsys):
    requires("torch>=2.0", "unheard-of>=1")
    assert run([]) == 1
    told = capsys.readouterr().out
    assert "  unheard-of          missing" in told
    assert "unheard-of is missing. Run `pip install 'unheard-of>=1'`." in told


def test_a_requirement_that_is_too_old_is_a_problem(requires):
    requires("torch>=99")
    found = examine()
    assert not found["ok"]
    assert found["problems"][0].startswith(f"torch {metadata.version('torch')} is not >=99. Run")


def test_a_source_tree_that_was_never_installed_is_a_problem(requires):
    requires()
    assert examine()["problems"] == [
        "multimodal-lstm is not installed. Run `pip install -e .` in its folder."
    ]


def test_a_missing_extra_is_named_with_its_command_and_is_no_problem(requires, capsys):
    requires("torch>=2", 'unheard-of>=1; extra == "tensorboard"')
    assert run([]) == 0
    told = capsys.readouterr().out
    assert "missing unheard-of: pip install -e '.[tensorboard]'" in told


def test_corpora_are_found_where_nltk_looks(monkeypatch, tmp_path, capsys):
    from nltk import data

    (tmp_path / "corpora" / "movie_reviews").mkdir(parents=True)
    (tmp_path / "corpora" / "wordnet.zip").touch()
    monkeypatch.setattr(data, "path", [str(tmp_path)])
    found = examine()["corpora"]
    assert found["movie_reviews"] == str(tmp_path / "corpora" / "movie_reviews")
    assert found["wordnet"] == str(tmp_path / "corpora" / "wordnet.zip")
    assert found["subjectivity"] == ""
    run([])
    assert "python -m nltk.downloader subjectivity" in capsys.readouterr().out


def test_a_device_that_does_not_compute_is_a_problem(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number=0: "a card")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **options: False)
    ones = torch.ones

    def broken(*size, device):
        if device != "cpu":
            raise RuntimeError("no kernel image is available\nand more")
        return ones(*size)

    monkeypatch.setattr(torch, "ones", broken)
    found = examine()
    assert found["problems"] == ["The device cuda:0 does not compute: no kernel image is available"]


def test_a_device_that_computes_wrongly_is_a_problem(monkeypatch):
    monkeypatch.setattr(torch, "ones", lambda *size, device: torch.zeros(*size))
    assert examine()["problems"] == ["The device cpu multiplies matrices wrongly."]


def test_a_torch_that_cannot_be_imported_is_a_problem(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    found = examine()
    assert found["problems"][0].startswith("torch cannot be imported: ")
    assert found["devices"]["names"] == []


def test_an_unknown_option_leaves_with_2(capsys):
    with pytest.raises(SystemExit) as left:
        run(["--jsn"])
    assert left.value.code == 2
    assert "Did you mean --json?" in capsys.readouterr().err
