"""Time our captioner against a tutorial's: training, beam search, CIDEr-D.

The tutorial's decoder (scripts/tutorial_decoder.py) is Show, Attend and Tell straight from the
paper's equations, run as a tutorial runs it: batches of 32 captions, one image each, torch's
default settings, single precision. Ours runs as the command line runs it: 32 images with five
captions each, the CPU tuned, bfloat16 where the hardware computes in it. Same sizes, same run: the
alternatives take turns, each counts with its fastest round, and every ratio is one of captions (or
images) a second. glibc's settings hold for the process and so help both.

Run `python scripts/benchmark_captioning.py` for everything, with `--quick` for the ratios alone in
less than a minute, with `--json` for one line of JSON, with `--device cuda` on a GPU.
"""

import json
import random
import resource
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import captioning_sides as sides
import torch
from captioning_sides import Sizes
from direct_cider import direct_cider_d
from machine import Machine, Way, read_options

from multimodal.metrics.cider import CiderD

TARGETS = {
    "train_step": 9.0,
    "train_step_fp32": 5.0,
    "train_step_sat": 2.2,
    "beam": 14.0,
    "beam_fp32": 5.5,
    "cider": 8.0,
}  # without bfloat16 what is promised of the default mode is what is promised of single precision
LENGTHS, BATCHES, LARGE = (10, 20, 40, 80), (8, 32, 128), (512, 2048)  # large: for a GPU


def training_ways(sizes: Sizes, machine: Machine) -> dict[str, Way]:
    """Build the training steps; all four see captions of the same lengths."""
    device = machine.device
    single, many = replace(sizes, captions=1), sizes.images * sizes.captions
    tutorial = sides.make_tutorial(sizes)
    twin = sides.make_twin(tutorial, sizes)
    alone, batch = sides.make_batch(single, device), sides.make_batch(sizes, device)

    def ours(captioner: torch.nn.Module, *, bf16: bool = False) -> Way:
        return Way(sides.train_ours(captioner.to(device), batch, bf16=bf16), many)

    ways = {
        "tutorial": Way(
            sides.train_tutorial(tutorial.to(device), alone), sizes.images, tuned=False
        ),
        "ours_fp32": ours(sides.make_captioner(sizes)),
        "ours_sat": ours(twin),
    }
    if machine.bf16:
        ways["ours_bf16"] = ours(sides.make_captioner(sizes), bf16=True)
    return ways


def beam_ways(sizes: Sizes, machine: Machine) -> dict[str, Way]:
    """Build the beam searches over the same images."""
    tutorial = sides.make_tutorial(sizes).eval().to(machine.device)
    captioner = sides.make_captioner(sizes).eval().to(machine.device)
    sides.let_captions_end(tutorial, captioner)
    twin = sides.make_twin(tutorial, sizes).eval().to(machine.device)
    features = sides.make_batch(sizes, machine.device).features

    def ours(model: torch.nn.Module, *, bf16: bool = False) -> Way:
        return Way(sides.search_ours(model, features, bf16=bf16), sizes.images)

    ways = {
        "tutorial": Way(sides.search_tutorial(tutorial, features), sizes.images, tuned=False),
        "ours_fp32": ours(captioner),
        "ours_sat": ours(twin),
    }
    if machine.bf16:
        ways["ours_bf16"] = ours(captioner, bf16=True)
    return ways


def cider_ways(images: int = 50, references: int = 5) -> dict[str, Way]:
    """Build CIDEr-D of random captions that share words with their references."""
    draw = random.Random(0)
    words = [f"word{number}" for number in range(200)]
    likely = [1 / (rank + 1) for rank in range(len(words))]

    def sentence() -> list[str]:
        return draw.choices(words, likely, k=draw.randint(8, 20))

    truths = [[sentence() for _ in range(references)] for _ in range(images)]
    candidates = [
        [word if draw.random() < 0.7 else draw.choice(words) for word in draw.choice(of_image)]
        for of_image in truths
    ]
    scorer = CiderD(truths)
    return {
        "tutorial": Way(lambda: direct_cider_d(candidates, truths), images),
        "ours": Way(lambda: scorer.score(candidates), images),
    }


def matmul_ways(sizes: Sizes, machine: Machine) -> dict[str, Way]:
    """Build matrix products as large as the vocabulary's, in floating point operations."""
    rows, inner, columns = sizes.images * sizes.captions * 8, sizes.width, sizes.vocab
    if machine.device.type == "cuda":
        rows = inner = columns = 8192  # a smaller one would time its launch

    def product(dtype: torch.dtype) -> Way:
        left = torch.randn(rows, inner, device=machine.device).to(dtype)
        right = torch.randn(inner, columns, device=machine.device).to(dtype)
        return Way(lambda: left @ right, 2.0 * rows * inner * columns)

    ways = {"matmul_fp32": product(torch.float32)}
    return ways | ({"matmul_bf16": product(torch.bfloat16)} if machine.bf16 else {})


def train(sizes: Sizes, machine: Machine, *, seconds: float) -> dict[str, float]:
    """Time the training steps and the matrix products.

    Returns:
        Captions a second by name, operations a second of the products, and as
        ``fraction_of_matmul_rate`` what our default step gets out of them.
    """
    ways = training_ways(sizes, machine) | matmul_ways(sizes, machine)
    rates = machine.rates(ways, seconds=seconds)
    words = int(sides.make_batch(sizes, torch.device("cpu")).mask.sum())
    a_caption = sides.training_flops(sizes, words) / (sizes.images * sizes.captions)
    product = "matmul_bf16" if machine.bf16 else "matmul_fp32"
    return rates | {"fraction_of_matmul_rate": rates[machine.best] * a_caption / rates[product]}


def check_equal(beam: Mapping[str, Way], cider: Mapping[str, Way], *, exact: bool) -> float:
    """Check that both sides find the same captions and scores, and return the captions' length.

    Args:
        beam: The beam searches.
        cider: Both CIDEr-D.
        exact: Whether a caption may differ: on a GPU the order of sums depends on the batch.

    Raises:
        SystemExit: If the sides differ.
    """
    torch.set_float32_matmul_precision("highest")
    theirs, ours = beam["tutorial"].run(), beam["ours_sat"].run()
    rows = zip(ours.tokens[:, 0].tolist(), ours.lengths[:, 0].tolist(), strict=True)
    if exact and theirs != [row[:length] for row, length in rows]:
        raise SystemExit("show_attend_tell writes other captions than the tutorial's loop.")
    (mean, each), (our_mean, our_each) = cider["tutorial"].run(), cider["ours"].run()
    differences = [abs(a - b) for a, b in zip([mean, *each], [our_mean, *our_each], strict=True)]
    if max(differences) > 1e-9:
        raise SystemExit(f"CIDEr-D is {max(differences)} from the direct one.")
    return sum(map(len, theirs)) / len(theirs)


def compare(sizes: Sizes, machine: Machine, *, seconds: float) -> dict[str, Any]:
    """Time everything that is promised.

    Args:
        sizes: How large everything is.
        machine: Where to run.
        seconds: About how long.

    Returns:
        ``ratios`` and the ``figures`` behind them: captions or images a second.
    """
    training = train(sizes, machine, seconds=seconds * 0.55)
    beam_side, cider_side = beam_ways(sizes, machine), cider_ways()
    length = check_equal(beam_side, cider_side, exact=machine.device.type == "cpu")
    beam = machine.rates(beam_side, seconds=seconds * 0.4)
    cider = machine.rates(cider_side, seconds=seconds * 0.05)
    best = machine.best
    return {
        "ratios": {
            "train_step": training[best] / training["tutorial"],
            "train_step_fp32": training["ours_fp32"] / training["tutorial"],
            "train_step_sat": training["ours_sat"] / training["tutorial"],
            "beam": beam[best] / beam["tutorial"],
            "beam_fp32": beam["ours_fp32"] / beam["tutorial"],
            "cider": cider["ours"] / cider["tutorial"],
        },
        "figures": {
            "training": training,
            "beam": beam,
            "cider": cider,
            "words_a_searched_caption": length,
        },
    }


def sweep(machine: Machine, *, seconds: float) -> dict[str, dict[str, float]]:
    """Time the training step against the captions' length and the batch."""
    batches = BATCHES + (LARGE if machine.device.type == "cuda" else ())
    sizes = {f"mean length {length}": Sizes(mean_length=length) for length in LENGTHS}
    sizes |= {f"batch of {images}": Sizes(images=images) for images in batches}
    return {
        name: train(size, machine, seconds=seconds / len(sizes)) for name, size in sizes.items()
    }


def peak_memory(way: str, sizes: Sizes, machine: Machine) -> float:
    """Measure what two training steps need beyond the model, in MiB.

    On the CPU the peak of a process never falls, so this is to be called in a process of its own.
    """
    step = training_ways(sizes, machine)[way].run
    if machine.device.type == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
    else:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    step()
    step()
    if machine.device.type == "cuda":
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 2**20


def peak_memories(machine: Machine) -> dict[str, float]:
    """Measure the peak of each training step in a process of its own, in MiB."""
    found = {}
    for way in ("tutorial", "ours_fp32", "ours_sat", *(["ours_bf16"] if machine.bf16 else [])):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            found[way] = alone.submit(peak_memory, way, Sizes(), machine).result()
    return found


def show(results: dict[str, Any], machine: Machine) -> None:
    """Print the results for people."""
    ratios, figures = results["ratios"], results["figures"]
    print(f"{machine.device.type}, {torch.get_num_threads()} threads, ", end="")
    print("bf16 and fp32" if machine.bf16 else "fp32: no bf16 here")
    print(f"\n{'ratio, ours : tutorial':<28}{'measured':>10}{'promised':>10}")
    for name, ratio in ratios.items():
        single = f"{name}_fp32" in TARGETS and not machine.bf16
        target = TARGETS[f"{name}_fp32" if single else name]
        print(f"{name:<28}{ratio:>10.1f}{target:>10.1f}")
    sections = {
        "training step, captions a second": figures["training"],
        f"beam {sides.BEAM}, images a second": figures["beam"],
        "CIDEr-D, captions a second": figures["cider"],
    }
    for name, rates in figures.get("sweep", {}).items():
        sections[f"training step, {name}, captions a second"] = rates
    for title, rates in sections.items():
        print(f"\n{title}")
        show_rates(rates)
    print(f"\nsearched captions have {figures['words_a_searched_caption']:.1f} words on average")
    for way, mebibytes in figures.get("peak_memory_mib", {}).items():
        print(f"peak memory of a training step, {way}: {mebibytes:,.0f} MiB")


def show_rates(rates: dict[str, float]) -> None:
    """Print rates, those of captions or images with their ratio to the tutorial's."""
    for name, rate in rates.items():
        if name.startswith("matmul"):
            print(f"    {name:<24}{rate / 1e9:>12,.0f} GFLOP/s")
        elif name.startswith("fraction"):
            print(f"    {'of the matmul rate':<24}{rate:>12.0%}")
        else:
            print(f"    {name:<24}{rate:>12,.1f}{rate / rates['tutorial']:>10.1f} x")


def main() -> None:
    """Read the options, measure, print."""
    options = read_options(__doc__)
    machine = Machine.tuned(options.device, options.threads)
    results = compare(Sizes(), machine, seconds=18 if options.quick else 120)
    if not options.quick:
        results["figures"]["sweep"] = sweep(machine, seconds=120)
        results["figures"]["peak_memory_mib"] = peak_memories(machine)
    if options.json:
        print(json.dumps(results))
    else:
        show(results, machine)


if __name__ == "__main__":
    main()
