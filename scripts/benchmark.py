"""Time this package against what a tutorial or plain torch would do.

python scripts/benchmark.py captioning --quick

Both sides have the same sizes, run in turns in one process, and count with their fastest round, so
every number that matters is a ratio. `--quick` measures the ratios alone, in under 50 seconds on
two cores; `--json` prints one line: `ratios`, and `figures` with the numbers behind them. Each row
of the table is a file in scripts/sides.
"""

import argparse
import importlib
import json
from collections.abc import Mapping
from typing import NamedTuple

import torch
from sides.timing import Machine, Rates, Results


class Row(NamedTuple):
    """A row of the benchmark, measured by the file of its name in scripts/sides.

    Attributes:
        about: What is timed.
        gpu: Whether it also runs on a GPU.
    """

    about: str
    gpu: bool = False


ROWS = {
    "captioning": Row("training, beam search and CIDEr-D against a tutorial's", gpu=True),
    "vqa": Row("training and answering against a tutorial's, image encoder included", gpu=True),
    "sentiment": Row("training and inference against packed sequences", gpu=True),
    "classification": Row("training on images against transforms one by one", gpu=True),
    "inference": Row("the models that ship against plain torch, and as ONNX graphs"),
    "vectors": Row("reading a large file of word vectors against torchtext"),
    "scenes": Row("drawing, rendering and captioning the built-in scenes on one core"),
}
_BASELINES = ("tutorial", "recipe", "plain", "torch", "lstm")


def main(arguments: list[str] | None = None) -> int:
    """Run a row of the benchmark and print its results; without a name list the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("row", nargs="?", choices=ROWS, help="what is timed (default: list all)")
    parser.add_argument("--quick", action="store_true", help="the ratios alone, under 50 seconds")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU (default: 2)")
    options = parser.parse_args(arguments)
    if options.row is None:
        for name, row in ROWS.items():
            print(f"{name:<16}{row.about}")
        return 0
    if options.device == "cuda" and not ROWS[options.row].gpu:
        parser.error(f"{options.row} runs on the CPU alone; leave out --device.")
    side = importlib.import_module(f"sides.{options.row}")
    machine = Machine.tuned(options.device, options.threads)
    results = side.measure(machine, quick=options.quick)
    if options.json:
        print(json.dumps(results._asdict()))
    else:
        print_results(results, side.PROMISES, machine)
    return 0


def print_results(results: Results, promises: Mapping[str, str], machine: Machine) -> None:
    """Print the ratios beside what is promised of them, and tables of the numbers behind them."""
    print(f"{machine.device.type}, {torch.get_num_threads()} threads, ", end="")
    print("bf16 and fp32" if machine.bf16 else "fp32: no bf16 here")
    print(f"\n{'ratio':<24}{'measured':>12}  promised")
    for name, ratio in results.ratios.items():
        measured = "none here" if ratio is None else format_number(ratio)
        print(f"{name:<24}{measured:>12}  {promises.get(name, '')}")
    for title, figures in results.figures.items():
        print(f"\n{title}")
        print_figures(figures)


def print_figures(figures: Rates) -> None:
    """Print numbers, each with its ratio to the baseline where there is one."""
    baseline = next((figures[name] for name in _BASELINES if name in figures), None)
    for name, figure in figures.items():
        if name == "matmul":
            print(f"    {name:<30}{figure / 1e9:>12,.0f} GFLOP/s")
        elif name == "fraction_of_matmul_rate":
            print(f"    {name:<30}{figure:>12.0%}")
        else:
            ratio = f"{figure / baseline:>10.1f} x" if baseline else ""
            print(f"    {name:<30}{format_number(figure):>12}{ratio}")


def format_number(number: float) -> str:
    """Write a number with about three digits."""
    if 0 < abs(number) < 0.01:
        return f"{number:.0e}"
    return f"{number:,.2f}" if abs(number) < 100 else f"{number:,.0f}"


if __name__ == "__main__":
    raise SystemExit(main())
