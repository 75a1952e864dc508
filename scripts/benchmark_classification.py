"""Time our training of image classifiers against the usual recipe.

The usual recipe (scripts/classification_sides.py) opens and varies pictures one by one with PIL in
worker processes and trains in single precision, in the contiguous layout, with torch's default
Adam. Ours is the same network with the same weights (the logits are compared first), run as the
command line runs it: batches of bytes varied together, channels last, a fused optimiser, the CPU
tuned, bfloat16 where the hardware computes in it. Same pictures, same run: both sides take turns,
each counts with its fastest round, and every ratio is one of pictures a second.

Run `python scripts/benchmark_classification.py` for everything, with `--quick` for the ratios alone
in under a minute, with `--json` for one line of JSON, with `--device cuda` on a GPU.
"""

import json
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import classification_sides as sides
import torch
from classification_sides import Sizes
from machine import Machine, Way, read_options

TARGETS = {"training_32": 3.0, "training_224": 2.0}
SMALL = Sizes()
LARGE = Sizes(encoder="resnet18", pixels=224, batch=16, images=32)
LARGEST_DIFFERENCE = {"cpu": 1e-3, "cuda": 1e-1}  # a GPU may round the factors of products
SWEEP = {
    **{f"{side} pixels": replace(SMALL, pixels=side) for side in (32, 48, 64)},
    **{f"batches of {batch}": replace(SMALL, batch=batch) for batch in (32, 256)},
    **{f"{workers} workers": replace(SMALL, workers=workers) for workers in (0, 4)},
}

Rates = dict[str, float]


def measure(sizes: Sizes, machine: Machine, *, seconds: float) -> Rates:
    """Time the training of one network on one kind of pictures.

    Args:
        sizes: How large everything is.
        machine: Where to run.
        seconds: About how long.

    Returns:
        Pictures a second by name, and as ``fraction_of_matmul_rate`` what our default mode gets out
        of the machine.

    Raises:
        SystemExit: If the sides' logits differ.
    """
    model = sides.make_model(sizes).to(machine.device)
    recipe = sides.Recipe(model.cpu(), sizes).to(machine.device)
    model.to(machine.device)
    torch.set_float32_matmul_precision("highest")
    difference = sides.difference(recipe, model, sizes)
    if not difference <= LARGEST_DIFFERENCE[machine.device.type]:
        raise SystemExit(f"Our logits are {difference:.2g} from those of the usual recipe.")
    a_picture = sides.flops(model, sizes)
    count = sizes.images // sizes.batch * sizes.batch
    with ExitStack() as stack:
        album = stack.enter_context(sides.make_album(sizes))
        ways = {
            "recipe": Way(
                sides.train_recipe(recipe, album, sizes, machine.device), count, tuned=False
            )
        }
        for bf16 in (False, True) if machine.bf16 else (False,):
            ours = sides.make_like(model, sizes).to(machine.device)
            epoch = sides.train_ours(ours, album, sizes, machine.device, bf16=bf16)
            ways["ours_bf16" if bf16 else "ours_fp32"] = Way(epoch, count)
        ways["matmul"] = _product(machine)
        rates = machine.rates(ways, seconds=seconds)
    return {
        **rates,
        "fraction_of_matmul_rate": rates[machine.best] * a_picture / rates["matmul"],
    }


def compare(small: Sizes, large: Sizes, machine: Machine, *, seconds: float) -> dict[str, Any]:
    """Time everything that is promised.

    Args:
        small: Small pictures and their network.
        large: Large pictures and theirs.
        machine: Where to run.
        seconds: About how long.

    Returns:
        ``ratios`` of our default mode, and the ``figures`` behind them.
    """
    figures = {
        "training_32": measure(small, machine, seconds=seconds / 2),
        "training_224": measure(large, machine, seconds=seconds / 2),
    }
    ratios = {name: rates[machine.best] / rates["recipe"] for name, rates in figures.items()}
    return {"ratios": ratios, "figures": figures}


def sweep(machine: Machine, *, seconds: float) -> dict[str, Rates]:
    """Time training against the pictures' side, the batch and the recipe's workers."""
    share = seconds / len(SWEEP)
    return {name: measure(sizes, machine, seconds=share) for name, sizes in SWEEP.items()}


def show(results: dict[str, Any], machine: Machine) -> None:
    """Print the results for people."""
    print(f"{machine.device.type}, {torch.get_num_threads()} threads, ", end="")
    print("bf16 and fp32" if machine.bf16 else "fp32: no bf16 here")
    print(f"\n{'ratio':<28}{'measured':>10}{'promised':>10}")
    for name, ratio in results["ratios"].items():
        print(f"{name:<28}{ratio:>10.1f}{TARGETS[name]:>10.1f}")
    figures = dict(results["figures"])
    for name, rates in (figures | figures.pop("sweep", {})).items():
        print(f"\n{name}, pictures a second")
        for side in ("recipe", "ours_fp32", "ours_bf16"):
            if side in rates:
                print(f"    {side:<24}{rates[side]:>12,.0f}{rates[side] / rates['recipe']:>8.1f} x")
        print(f"    {'of the matmul rate':<24}{rates['fraction_of_matmul_rate']:>12.0%}")


def main() -> None:
    """Read the options, measure, print."""
    options = read_options(__doc__)
    machine = Machine.tuned(options.device, options.threads)
    results = compare(SMALL, LARGE, machine, seconds=16 if options.quick else 90)
    if not options.quick:
        results["figures"]["sweep"] = sweep(machine, seconds=90)
    print(json.dumps(results)) if options.json else show(results, machine)


def _product(machine: Machine) -> Way:
    """A matrix product, in floating point operations."""
    side = 8192 if machine.device.type == "cuda" else 1024
    dtype = torch.bfloat16 if machine.bf16 else torch.float32
    left, right = (torch.randn(side, side, device=machine.device).to(dtype) for _ in range(2))
    return Way(lambda: left @ right, 2.0 * side**3)


if __name__ == "__main__":
    main()
