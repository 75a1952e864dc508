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
    output = capsys.readouterr().out
    assert f"torch               {torch.__version__.partition('+')[0]}" in output
    assert output.endswith("no problems\n")
    for part in ("versions", "processor", "devices", "extras", "corpora of nltk"):
        assert f"\n{part}\n" in f"\n{output}"


def test_json_has_the_same_results(capsys):
    assert run(["--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["ok"] is True
    assert results["problems"] == []
    assert results["versions"]["torch"] == metadata.version("torch")
    assert results["processor"]["cores"] >= 1
    assert results["devices"]["names"][0]["device"] == "cpu"
    assert {"tensorboard", "torchtext"} <= set(results["extras"])
    assert not {"all", "dev"} & set(results["extras"])
    assert set(results["corpora"]) == {
        "sentence_polarity", "movie_reviews", "subjectivity", "wordnet"
    }  # fmt: skip


def test_a_missing_requirement_is_a_problem(requires, capsys):
    requires("torch>=2.0", "unheard-of>=1")
    assert run([]) == 1
    output = capsys.readouterr().out
    assert "  unheard-of          missing" in output
    assert "unheard-of is missing. Run `pip install 'unheard-of>=1'`." in output


def test_a_requirement_that_is_too_old_is_a_problem(requires):
    requires("torch>=99")
    results = examine()
    assert not results["ok"]
    assert results["problems"][0].startswith(f"torch {metadata.version('torch')} is not >=99. Run")


def test_a_source_tree_that_was_never_installed_is_a_problem(requires):
    requires()
    assert examine()["problems"] == [
        "multimodal-lstm is not installed. Run `pip install -e .` in its folder."
    ]


def test_a_missing_extra_is_named_with_its_command_and_is_no_problem(requires, capsys):
    requires("torch>=2", 'unheard-of>=1; extra == "tensorboard"')
    assert run([]) == 0
    output = capsys.readouterr().out
    assert "missing unheard-of: pip install -e '.[tensorboard]'" in output


def test_corpora_are_found_where_nltk_looks(monkeypatch, tmp_path, capsys):
    from nltk import data

    (tmp_path / "corpora" / "movie_reviews").mkdir(parents=True)
    (tmp_path / "corpora" / "wordnet.zip").touch()
    monkeypatch.setattr(data, "path", [str(tmp_path)])
    corpora = examine()["corpora"]
    assert corpora["movie_reviews"] == str(tmp_path / "corpora" / "movie_reviews")
    assert corpora["wordnet"] == str(tmp_path / "corpora" / "wordnet.zip")
    assert corpora["subjectivity"] == ""
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
    results = examine()
    assert results["problems"] == [
        "The device cuda:0 does not compute: no kernel image is available"
    ]


def test_a_device_that_computes_wrongly_is_a_problem(monkeypatch):
    monkeypatch.setattr(torch, "ones", lambda *size, device: torch.zeros(*size))
    assert examine()["problems"] == ["The device cpu multiplies matrices wrongly."]


def test_a_torch_that_cannot_be_imported_is_a_problem(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    results = examine()
    assert results["problems"][0].startswith("torch cannot be imported: ")
    assert results["devices"]["names"] == []


def test_an_unknown_option_leaves_with_2(capsys):
    with pytest.raises(SystemExit) as exit_:
        run(["--jsn"])
    assert exit_.value.code == 2
    assert "Did you mean --json?" in capsys.readouterr().err
