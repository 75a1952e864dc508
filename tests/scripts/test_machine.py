import machine as machines
import pytest
from machine import Way


@pytest.mark.parametrize(
    ("takes", "seconds", "rounds"),
    [(0.0, 0.0, 2), (30.0, 0.0, 1), (30.0, 50.0, 2), (9.0, 0.0, 2), (1.0, 4.0, 4)],
)
def test_two_rounds_are_run_unless_one_is_long(machine, monkeypatch, takes, seconds, rounds):
    now = [0.0]
    monkeypatch.setattr(machines.time, "perf_counter", lambda: now[0])
    runs = []

    def run():
        runs.append(1)
        now[0] += takes or 1e-9

    rates = machine.rates({"it": Way(run, 60.0)}, seconds=seconds)
    assert len(runs) == rounds
    assert rates["it"] == pytest.approx(60 / (takes or 1e-9))


def test_the_fastest_round_counts(machine, monkeypatch):
    now, lasts = [0.0], iter([5.0, 2.0, 4.0])
    monkeypatch.setattr(machines.time, "perf_counter", lambda: now[0])

    def run():
        now[0] += next(lasts)

    assert machine.rates({"it": Way(run, 8.0)}, seconds=8.0) == {"it": 4.0}
