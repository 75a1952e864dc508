"""The benchmark of inference: both sides predict the same, and every promise is measured."""

import pytest


@pytest.fixture(scope="module")
def inputs(sides, tmp_path_factory):
    return sides.make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.mark.parametrize("name", ["classification", "sentiment", "captioning", "vqa"])
def test_both_sides_predict_the_same(sides, inputs, name):
    (model,) = [each for each in inputs if each.startswith(name)]
    given = inputs[model][:3]
    sides.check_same(model, given, sides.ours(model), sides.plain(model))
    with pytest.raises(SystemExit, match="ours predicts"):
        sides.check_same(model, given, sides.ours(model), lambda given: ["no"] * 3)


@pytest.mark.parametrize("quick", [True, False])
def test_the_ratio_of_each_model_is_that_of_single_inputs(
    sides, inputs, machine, monkeypatch, quick
):
    few = {name: given[:2] for name, given in inputs.items() if "digits" in name}
    rates = {1: {"ours": 8.0, "plain": 10.0}, 8: {"ours": 8.0, "plain": 8.0}}
    monkeypatch.setattr(sides, "make_inputs", lambda folder: few)
    monkeypatch.setattr(sides, "first_seconds", lambda name, given: 2.5)
    monkeypatch.setattr(sides, "compare", lambda name, given, machine, seconds: rates)
    monkeypatch.setattr(sides, "graphs", lambda *given, seconds: {"encoder": {"torch": 1.0}})
    results = sides.measure(machine, quick=quick)
    assert results.ratios == {"classification": 1.25}
    first, *others = results.figures.values()
    assert first == {"classification-digits": 2.5}
    assert others[:2] == list(rates.values())
    assert ("encoder" in results.figures) == (not quick)


def test_a_rate_is_measured_of_each_batch(sides, inputs, machine):
    (name,) = [each for each in inputs if "digits" in each]
    by_batch = sides.compare(name, inputs[name], machine, seconds=0)
    assert list(by_batch) == [1, 8, 64]
    assert all(rate > 0 for rates in by_batch.values() for rate in rates.values())


@pytest.mark.slow
def test_graphs_give_the_same_numbers(sides, inputs, machine, tmp_path):
    *rates, differences = sides.graphs(inputs, tmp_path, machine, seconds=0).values()
    assert len(rates) == len(differences) == 9
    assert all(difference < 1e-4 for difference in differences.values())


@pytest.mark.slow
def test_a_fresh_process_is_timed(sides, inputs):
    (name,) = [each for each in inputs if "digits" in each]
    assert 0.1 < sides.first_seconds(name, inputs[name][0]) < 60
