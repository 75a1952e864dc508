import pytest
import torch
from sides import timing
from sides.timing import Way, training_step


@pytest.mark.parametrize(
    ("takes", "seconds", "rounds"),
    [(0.0, 0.0, 2), (30.0, 0.0, 1), (30.0, 50.0, 2), (9.0, 0.0, 2), (1.0, 4.0, 4)],
)
def test_two_rounds_are_run_unless_one_is_long(machine, monkeypatch, takes, seconds, rounds):
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    runs = []

    def run():
        runs.append(1)
        now[0] += takes or 1e-9

    rates = machine.rates({"it": Way(run, 60.0)}, seconds=seconds)
    assert len(runs) == rounds
    assert rates["it"] == pytest.approx(60 / (takes or 1e-9))


def test_the_fastest_round_counts(machine, monkeypatch):
    now, lasts = [0.0], iter([5.0, 2.0, 4.0])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def run():
        now[0] += next(lasts)

    assert machine.rates({"it": Way(run, 8.0)}, seconds=8.0) == {"it": 4.0}


def test_cpu_seconds_are_those_of_the_process(machine, monkeypatch):
    lasts = iter([0.0, 9.0, 13.0, 15.0])
    monkeypatch.setattr(timing.time, "process_time", lambda: next(lasts))
    assert machine.rates({"it": Way(lambda: None, 4.0)}, seconds=0, cpu_seconds=True) == {"it": 2.0}


def test_logits_that_differ_by_more_than_is_allowed_stop_the_benchmark(machine):
    machine.check_logits(1e-4, "the tutorial", cpu=1e-3, cuda=0.1)
    for difference in (0.05, float("nan")):
        with pytest.raises(SystemExit, match=f"Our logits are {difference} from those of the tut"):
            machine.check_logits(difference, "the tutorial", cpu=1e-3, cuda=0.1)


def test_a_product_counts_its_operations(machine):
    way = machine.product(2, 3, 4)
    assert way.count == 2 * 2 * 3 * 4
    assert way.run().shape == (2, 4)


def test_a_training_step_begins_without_old_gradients():
    weight = torch.nn.Parameter(torch.tensor(3.0))
    step = training_step(torch.optim.SGD([weight], lr=1.0), lambda: 0.5 * weight)
    step()
    step()
    assert weight.item() == 2.0
