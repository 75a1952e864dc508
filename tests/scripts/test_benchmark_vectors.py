import json
import runpy
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark_vectors.py"
SECONDS = {"torchtext": 12.0, "ours": 1.5, "torchtext again": 2.0, "ours again": 0.5}


@pytest.fixture
def script():
    """The names of the script."""
    return runpy.run_path(str(SCRIPT))["main"].__globals__


@pytest.fixture
def measured(script, monkeypatch):
    """The script, with a measurement that takes no time."""
    monkeypatch.setitem(script, "measure", lambda *, words, rounds: SECONDS)
    return script


def test_json_holds_the_ratio_of_the_promise_and_all_seconds(measured, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmark_vectors.py", "--quick", "--json"])
    measured["main"]()
    (line,) = capsys.readouterr().out.splitlines()
    ratios = {"loading": 8.0, "loading_again": 4.0}
    assert json.loads(line) == {"ratios": ratios, "seconds": SECONDS}


def test_the_table_has_a_line_for_each_start(measured, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmark_vectors.py"])
    measured["main"]()
    first, _, empty, again, last = capsys.readouterr().out.splitlines()
    assert first == "400,000 words of 100 numbers, 20,000 of them wanted; CPU seconds"
    assert empty.split() == ["empty", "cache", "12.00", "1.50", "8.0"]
    assert again.split() == ["from", "the", "cache", "2.00", "0.50", "4.0"]
    assert last.endswith("promised: 5 times as fast from an empty cache")


def test_both_readers_are_timed_from_an_empty_cache_and_again(script, capsys):
    best = script["measure"](words=100, rounds=2)
    assert set(best) == set(SECONDS)
    assert all(seconds > 0 for seconds in best.values())
    assert not "".join(capsys.readouterr())


def test_readers_that_differ_are_told(script, monkeypatch):
    monkeypatch.setitem(script, "load_theirs", lambda path, words, cache: torch.zeros(5, 100))
    with pytest.raises(SystemExit, match="The two readers gave different matrices"):
        script["measure"](words=100, rounds=1)


def test_a_missing_torchtext_is_told_with_the_command_to_run(script, monkeypatch):
    def missing(*args, **options):
        raise ModuleNotFoundError("No module named 'torchtext'")

    monkeypatch.setattr(sys, "argv", ["benchmark_vectors.py"])
    monkeypatch.setitem(script, "measure", missing)
    with pytest.raises(SystemExit, match=r"No module named 'torchtext'\. Run `pip install -e"):
        script["main"]()
