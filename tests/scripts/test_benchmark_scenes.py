import json
import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark_scenes.py"


@pytest.fixture
def script(monkeypatch):
    """The script, with a rate that calls each action once and takes no time."""
    found = runpy.run_path(str(SCRIPT))
    names = found["main"].__globals__

    def rate(action, *, count, rounds):
        action(count - 1)
        return 4000.0

    monkeypatch.setitem(names, "rate", rate)
    return names


def test_json_holds_the_ratios_of_the_promises_and_every_rate(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmark_scenes.py", "--quick", "--json"])
    script["main"]()
    (line,) = capsys.readouterr().out.splitlines()
    result = json.loads(line)
    assert result["ratios"] == {
        "scenes_per_second_64": 4000.0,
        "scenes_of_target": 2.0,
        "checks_per_second": 4000.0,
    }
    assert {"scenes_64", "draw_train", "render_256", "describe", "check"} <= set(result["rates"])


def test_the_table_has_a_line_for_each_rate(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmark_scenes.py", "--quick"])
    script["main"]()
    first, *lines, last = capsys.readouterr().out.splitlines()
    assert first.split() == ["one", "core", "a", "second", "us", "each"]
    assert all(line.endswith("4,000     250.0") for line in lines)
    assert len(lines) == len(script["measure"](quick=True))
    assert last == "target 2,000 complete scenes a second: 2.00 of it"


def test_the_rate_is_that_of_the_best_round_after_a_first_one(monkeypatch):
    found = runpy.run_path(str(SCRIPT))
    calls, times = [], iter([0.0, 9.0, 13.0, 20.0, 22.0])
    monkeypatch.setattr(found["time"], "process_time", lambda: next(times))
    assert found["rate"](calls.append, count=4, rounds=2) == 2.0
    assert calls == 3 * [0, 1, 2, 3]
