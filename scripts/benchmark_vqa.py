"""Time our answerer against a tutorial's: training steps and answering, encoder and all.

The tutorial (scripts/vqa_sides.py) is "deeper LSTM Q + norm I" as a tutorial runs it: batches of 32
rows, an image and a question each, so that an image is encoded once for every question about it,
an LSTM cell goes over the padded words, torch's default settings. Ours is the same mathematics from
the same weights, run as the command line runs it: 32 images with ten questions each, every image
encoded once, the CPU tuned. The encoder, MobileNetV2 at 96 pixels, is live: it runs for every
batch, and is trained. Both compute in single precision; bfloat16, where the hardware computes in
it, and the default fusion, slots, are shown beside. Same sizes, same run: the alternatives take
turns, each counts with its fastest round, and every ratio is one of questions a second.

Run `python scripts/benchmark_vqa.py` for everything, with `--quick` for the ratios alone in less
than a minute, with `--json` for one line of JSON, with `--device cuda` on a GPU.
"""

import json
from dataclasses import replace
from typing import Any

import torch
import vqa_sides as sides
from benchmark_captioning import show_rates
from machine import Machine, Way, read_options
from vqa_sides import Sizes

from multimodal.vqa.model import Answerer

TARGETS = {"training": 5.0, "answering": 5.0}
BATCHES, LENGTHS, QUESTIONS = (8, 32, 128), (5, 9, 18, 36), (1, 2, 5, 10, 20)
LARGEST_DIFFERENCE = {"cpu": 1e-3, "cuda": 0.1}  # a GPU may round the factors of convolutions

Rates = dict[str, float]


def training_ways(sizes: Sizes, machine: Machine, *, slots: bool) -> dict[str, Way]:
    """Build the training steps; all see questions of the same lengths.

    Args:
        sizes: How large everything is.
        machine: Where to run.
        slots: Whether the default fusion is there, too.
    """
    tutorial = sides.make_tutorial(sizes)
    alone = sides.make_batch(replace(sizes, questions=1, repeats=1), machine.device)
    batch, rows = sides.make_batch(sizes, machine.device), sizes.images * sizes.questions
    ways = {}
    for name, answerer, bf16 in _ours(tutorial, sizes, machine, slots=slots):
        ways[name] = Way(sides.train_ours(answerer.to(machine.device), batch, bf16=bf16), rows)
    step = sides.train_tutorial(tutorial.to(machine.device), alone)
    return {"tutorial": Way(step, sizes.images, tuned=False)} | ways


def answering_ways(sizes: Sizes, machine: Machine, *, slots: bool) -> dict[str, Way]:
    """Build the answering of the same questions; arguments as for `training_ways`."""
    tutorial = sides.make_tutorial(sizes)
    alone = sides.make_batch(replace(sizes, questions=1, repeats=1), machine.device)
    batch, rows = sides.make_batch(sizes, machine.device), sizes.images * sizes.questions
    ways = {}
    for name, answerer, bf16 in _ours(tutorial, sizes, machine, slots=slots):
        ways[name] = Way(sides.answer_ours(answerer.to(machine.device), batch, bf16=bf16), rows)
    answer = sides.answer_tutorial(tutorial.to(machine.device), alone)
    return {"tutorial": Way(answer, sizes.images, tuned=False)} | ways


def check_equal(sizes: Sizes, machine: Machine) -> float:
    """Check that both sides give the same logits, and return their largest difference.

    Args:
        sizes: How large everything is.
        machine: Where to run.

    Raises:
        SystemExit: If the sides differ.
    """
    torch.set_float32_matmul_precision("highest")
    tutorial = sides.make_tutorial(sizes)
    twin = sides.make_twin(tutorial, sizes).to(machine.device)
    batch = sides.make_batch(sizes, machine.device)
    difference = sides.difference(tutorial.to(machine.device), twin, batch)
    if not difference <= LARGEST_DIFFERENCE[machine.device.type]:
        raise SystemExit(f"Our logits are {difference:.2g} standard deviations from the loop's.")
    return difference


def measure(sizes: Sizes, machine: Machine, *, slots: bool, seconds: float) -> dict[str, Rates]:
    """Time training steps and answering.

    Args:
        sizes: How large everything is.
        machine: Where to run.
        slots: Whether the default fusion is timed, too.
        seconds: About how long.

    Returns:
        Under ``training`` and ``answering`` questions a second by name.
    """
    ways = training_ways(sizes, machine, slots=slots)
    training = machine.rates(ways, seconds=seconds * 0.6)
    ways = answering_ways(sizes, machine, slots=slots)
    return {"training": training, "answering": machine.rates(ways, seconds=seconds * 0.4)}


def compare(sizes: Sizes, machine: Machine, *, slots: bool, seconds: float) -> dict[str, Any]:
    """Time everything that is promised; arguments as for `measure`.

    Returns:
        ``ratios`` and the ``figures`` behind them: questions a second.
    """
    difference = check_equal(replace(sizes, images=min(sizes.images, 4)), machine)
    figures = measure(sizes, machine, slots=slots, seconds=seconds)
    ratios = {name: rates["multiply"] / rates["tutorial"] for name, rates in figures.items()}
    return {"ratios": ratios, "figures": {**figures, "largest_difference": difference}}


def sweep(machine: Machine, *, seconds: float) -> dict[str, dict[str, Rates]]:
    """Time both against the batch, the questions' length and their number, and other encoders."""
    sizes = {f"batch of {images} images": Sizes(images=images) for images in BATCHES}
    sizes |= {f"mean length {length}": Sizes(mean_length=length) for length in LENGTHS}
    sizes |= {f"{count} questions an image": Sizes(questions=count) for count in QUESTIONS}
    sizes |= {
        "each question of 4 images": Sizes(repeats=4),
        "frozen encoder, still run": Sizes(frozen=True),
        "small CNN at 64 pixels": Sizes("small", 64),
    }
    return {
        name: measure(size, machine, slots=True, seconds=seconds / len(sizes))
        for name, size in sizes.items()
    }


def show(results: dict[str, Any], machine: Machine) -> None:
    """Print the results for people."""
    figures = results["figures"]
    print(f"{machine.device.type}, {torch.get_num_threads()} threads, ", end="")
    print("bf16 and fp32" if machine.bf16 else "fp32: no bf16 here")
    print(f"\n{'ratio, ours : tutorial':<28}{'measured':>10}{'promised':>10}")
    for name, ratio in results["ratios"].items():
        print(f"{name:<28}{ratio:>10.1f}{TARGETS[name]:>10.1f}")
    for name in TARGETS:
        print(f"\n{name}, questions a second")
        show_rates(figures[name])
    print(f"\nlogits differ by {figures['largest_difference']:.0e} standard deviations at most")
    for name in TARGETS if "sweep" in figures else ():
        print(f"\n{name}, questions a second, and our ratio to the tutorial's")
        show_sweep({size: rates[name] for size, rates in figures["sweep"].items()})


def show_sweep(rates_by_size: dict[str, Rates]) -> None:
    """Print a line for each size: every alternative's rate, ours with the ratio."""
    names = next(iter(rates_by_size.values()))
    print(" " * 28 + "".join(f"{name:>{10 if name == 'tutorial' else 20}}" for name in names))
    for size, rates in rates_by_size.items():
        tutorial = rates["tutorial"]
        ours = [rate for name, rate in rates.items() if name != "tutorial"]
        columns = [f"{rate:>11,.0f}{rate / tutorial:>7.1f} x" for rate in ours]
        print(f"{size:<28}{tutorial:>10,.0f}{''.join(columns)}")


def main() -> None:
    """Read the options, measure, print."""
    options = read_options(__doc__)
    machine = Machine.tuned(options.device, options.threads)
    seconds = 18 if options.quick else 60
    results = compare(Sizes(), machine, slots=not options.quick, seconds=seconds)
    if not options.quick:
        results["figures"]["sweep"] = sweep(machine, seconds=150)
    print(json.dumps(results)) if options.json else show(results, machine)


def _ours(
    tutorial: sides.TutorialAnswerer, sizes: Sizes, machine: Machine, *, slots: bool
) -> list[tuple[str, Answerer, bool]]:
    ours = []
    for bf16 in (False, True) if machine.bf16 else (False,):
        ending = "_bf16" if bf16 else ""
        ours.append((f"multiply{ending}", sides.make_twin(tutorial, sizes), bf16))
        if slots:
            ours.append((f"slots{ending}", sides.make_slots(tutorial, sizes), bf16))
    return ours


if __name__ == "__main__":
    main()
