"""The benchmark of inference: both sides say the same, and every promise is measured."""

import json

import pytest

BENCHMARK = "benchmark_inference"


@pytest.fixture(scope="module")
def inputs(benchmark, tmp_path_factory):
    return benchmark.make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.mark.parametrize("name", ["classification", "sentiment", "captioning", "vqa"])
def test_both_sides_say_the_same(benchmark, inputs, name):
    (model,) = [each for each in inputs if each.startswith(name)]
    given = inputs[model][:3]
    benchmark.check_same(model, given, benchmark.ours(model), benchmark.plain(model))
    with pytest.raises(SystemExit, match="ours says"):
        benchmark.check_same(model, given, benchmark.ours(model), lambda given: ["no"] * 3)


@pytest.mark.usefixtures("untuned")
def test_the_ratios_of_all_models_are_printed(benchmark, inputs, machine, monkeypatch, capsys):
    few = {name: given[:2] for name, given in inputs.items() if "digits" in name}
    monkeypatch.setattr(benchmark, "make_inputs", lambda folder: few)
    monkeypatch.setattr(benchmark, "cold_seconds", lambda name, given: 2.5)
    monkeypatch.setattr(benchmark, "warm", lambda given, machine, seconds: rates(given))
    for options in (["--json"], []):
        monkeypatch.setattr("sys.argv", ["benchmark", "--quick", *options])
        benchmark.main()
        printed = capsys.readouterr().out
        if options:
            assert json.loads(printed)["ratios"] == {"classification": 1.25}
        else:
            assert "2.5 s" in printed
            assert "1.25" in printed


def rates(given):
    return {name: {batch: {"ours": 8.0, "plain": 10.0} for batch in (1, 8, 64)} for name in given}


def test_a_rate_is_measured_of_each_batch(benchmark, inputs, machine):
    (name,) = [each for each in inputs if "digits" in each]
    found = benchmark.warm({name: inputs[name]}, machine, seconds=0)
    assert list(found[name]) == [1, 8, 64]
    assert all(rate > 0 for rates in found[name].values() for rate in rates.values())


@pytest.mark.slow
def test_graphs_give_the_same_numbers(benchmark, inputs, machine, tmp_path):
    found = benchmark.graphs(inputs, tmp_path, machine, seconds=0)
    assert len(found) == 9
    assert all(rates["largest difference"] < 1e-4 for rates in found.values())


@pytest.mark.slow
def test_a_fresh_process_is_timed(benchmark, inputs):
    (name,) = [each for each in inputs if "digits" in each]
    assert 0.1 < benchmark.cold_seconds(name, inputs[name][0]) < 60
