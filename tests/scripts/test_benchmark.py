import importlib
import json

import benchmark
import pytest
from sides.timing import Results

RESULTS = Results(
    {"training": 9.25, "training_bf16": None},
    {"training, words a second": {"loop": 1.0, "tutorial": 2000.0, "ours_fp32": 9000.0}},
)


@pytest.fixture
def row(untuned, monkeypatch):
    """The row of sentiment with a measurement that takes no time; returns what it is given."""
    calls = []

    def measure(machine, *, quick):
        calls.append((machine.device.type, quick))
        return RESULTS

    monkeypatch.setattr("sides.sentiment.measure", measure)
    return calls


def test_without_a_name_the_rows_are_listed(capsys):
    assert benchmark.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(benchmark.ROWS)


@pytest.mark.parametrize("name", list(benchmark.ROWS))
def test_every_row_has_a_file_that_measures_it(name):
    side = importlib.import_module(f"sides.{name}")
    assert callable(side.measure)
    assert side.PROMISES


@pytest.mark.parametrize("options", [["--quick"], []])
def test_json_is_one_line_with_the_ratios_and_the_figures(row, capsys, options):
    assert benchmark.main(["sentiment", "--json", "--threads", "1", *options]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"ratios": RESULTS.ratios, "figures": RESULTS.figures}
    assert row == [("cpu", bool(options))]


def test_a_table_has_each_ratio_with_its_promise_and_each_figure(row, capsys):
    assert benchmark.main(["sentiment"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["training", "9.25", "5.0"] in lines
    assert ["training_bf16", "none", "here", "8.0"] in lines
    assert ["ours_fp32", "9,000", "4.5", "x"] in lines
    assert ["loop", "1.00", "0.0", "x"] in lines


@pytest.mark.parametrize(("bf16", "modes"), [(True, "bf16 and fp32"), (False, "no bf16 here")])
def test_the_table_names_the_arithmetic(machine, bf16, modes, capsys):
    benchmark.print_results(RESULTS, {}, machine._replace(bf16=bf16))
    assert modes in capsys.readouterr().out.splitlines()[0]


def test_matrix_products_are_printed_in_gflops_and_as_a_share(capsys):
    benchmark.print_figures({"matmul": 2.5e11, "fraction_of_matmul_rate": 0.74, "ours_fp32": 3.0})
    product, share, ours = (line.split() for line in capsys.readouterr().out.splitlines())
    assert product[1:] == ["250", "GFLOP/s"]
    assert share[1:] == ["74%"]
    assert ours == ["ours_fp32", "3.00"]


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0.00"), (3e-6, "3e-06"), (0.85, "0.85"), (12_345.6, "12,346")]
)
def test_numbers_have_about_three_digits(number, text):
    assert benchmark.format_number(number) == text


def test_a_row_without_a_gpu_refuses_one(capsys):
    with pytest.raises(SystemExit):
        benchmark.main(["scenes", "--device", "cuda"])
    assert "scenes runs on the CPU alone; leave out --device" in capsys.readouterr().err
