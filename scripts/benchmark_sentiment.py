"""Time our sentiment classifier against a tutorial's: training, judging, very many words.

The tutorial (scripts/sentiment_sides.py) is two layers of bidirectional LSTM over packed sequences,
batches in random order, torch's default settings, single precision; a loop of `nn.LSTMCell` over
the same batches runs beside it. Ours is the same network with the same weights, run as the command
line runs it: texts of similar length together, the CPU tuned, bfloat16 where the hardware computes
in it. The logits are compared first: they are the same to 1e-5. Same sizes, same run: the
alternatives take turns, each counts with its fastest round, and every ratio is one of real words a
second; that of `word_vectors` is of the LSTM's time to that of learning a table of 100,000 words.

Run `python scripts/benchmark_sentiment.py` for everything, with `--quick` for the ratios alone in
about a minute, with `--json` for one line of JSON, with `--device cuda` on a GPU.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import sentiment_sides as sides
import torch
from machine import Machine, Way, read_options
from sentiment_sides import Sizes

from multimodal.training.optimisers.row_adam import RowAdamW

TARGETS = {
    "training": 5.0,
    "training_bf16": 8.0,  # only where the hardware computes in it
    "sentences": 2.5,
    "inference": 1.0,
    "word_vectors": 1.0,
}
REVIEWS = Sizes()
SENTENCES = Sizes(batch=64, mean=20, longest=50, spread=0.5)
MANY_WORDS = 100_000
LENGTHS, VOCABULARIES = (25, 100, 400), (10_000, 30_000, 100_000)
LARGEST_DIFFERENCE = {"cpu": 1e-5, "cuda": 1e-2}  # a GPU may round the factors of products

Rates = dict[str, float]


def training_ways(sizes: Sizes, machine: Machine, *, loop: bool) -> dict[str, Way]:
    """Build the training epochs over texts of the same kind.

    Args:
        sizes: How large everything is.
        machine: Where to run.
        loop: Whether the loop over words is there, too.
    """
    tutorial = sides.make_tutorial(sizes)
    ours = [sides.make_ours(tutorial, sizes) for _ in range(2)]
    drawn = sides.make_batches(sizes, machine.device, bucketed=False)
    sorted_ = sides.make_batches(sizes, machine.device, bucketed=True)
    words, our_words = sides.count_words(drawn), sides.count_words(sorted_)
    ways = {}
    if loop:
        cells = sides.LoopTutorial(sides.make_tutorial(sizes)).to(machine.device)
        ways["loop"] = Way(sides.train_tutorial(cells, drawn), words, tuned=False)
    ways["tutorial"] = Way(
        sides.train_tutorial(tutorial.to(machine.device), drawn), words, tuned=False
    )
    for model, bf16 in zip(ours, (False, True) if machine.bf16 else (False,), strict=False):
        step = sides.train_ours(model.to(machine.device), sorted_, bf16=bf16)
        ways["ours_bf16" if bf16 else "ours_fp32"] = Way(step, our_words)
    return ways


def judging_ways(sizes: Sizes, machine: Machine, *, loop: bool) -> dict[str, Way]:
    """Build the judging of texts of the same kind; arguments as for `training_ways`."""
    tutorial = sides.make_tutorial(sizes).eval().to(machine.device)
    model = sides.make_ours(tutorial, sizes).eval().to(machine.device)
    drawn = sides.make_batches(sizes, machine.device, bucketed=False)
    sorted_ = sides.make_batches(sizes, machine.device, bucketed=True)
    words, our_words = sides.count_words(drawn), sides.count_words(sorted_)
    ways = {}
    if loop:
        cells = sides.LoopTutorial(tutorial).eval().to(machine.device)
        ways["loop"] = Way(sides.judge_tutorial(cells, drawn), words, tuned=False)
    ways["tutorial"] = Way(sides.judge_tutorial(tutorial, drawn), words, tuned=False)
    for bf16 in (False, True) if machine.bf16 else (False,):
        judge = sides.judge_ours(model, sorted_, bf16=bf16)
        ways["ours_bf16" if bf16 else "ours_fp32"] = Way(judge, our_words)
    return ways


def word_ways(sizes: Sizes, machine: Machine, *, dense: bool) -> dict[str, Way]:
    """Build the shares of one training step: the LSTM's, and those of tables of word vectors.

    Args:
        sizes: How large everything is.
        machine: Where to run.
        dense: Whether tables are there, too, of which every row moves at every step.
    """
    batch = sides.make_batches(sizes, machine.device, bucketed=True)[0]
    learn = partial(sides.learn_words, sizes, batch)
    ways = {
        "lstm": Way(sides.read_words(sizes, batch), 1),
        "rows": Way(learn(RowAdamW, sparse=True), 1),
    }
    if dense:
        fused = partial(torch.optim.AdamW, fused=True)
        ways["dense, torch's default Adam"] = Way(learn(torch.optim.Adam, sparse=False), 1)
        ways["dense, fused AdamW"] = Way(learn(fused, sparse=False), 1)
    return ways


def check_equal(sizes: Sizes, machine: Machine) -> float:
    """Check that all sides give the same logits, and return their largest difference.

    Args:
        sizes: How large everything is.
        machine: Where to run.

    Raises:
        SystemExit: If the sides differ.
    """
    torch.set_float32_matmul_precision("highest")
    tutorial = sides.make_tutorial(sizes).eval().to(machine.device)
    ours = sides.make_ours(tutorial, sizes).eval().to(machine.device)
    cells = sides.LoopTutorial(tutorial).eval().to(machine.device)
    batches = sides.make_batches(sizes, machine.device, bucketed=False)
    expected = torch.cat(sides.judge_tutorial(tutorial, batches)())
    found = torch.cat(sides.judge_ours(ours, batches, bf16=False)())
    looped = torch.cat(sides.judge_tutorial(cells, batches[:1])())
    difference = max(
        float((found - expected).abs().max()),
        float((looped - expected[: len(looped)]).abs().max()),
    )
    if not difference <= LARGEST_DIFFERENCE[machine.device.type]:
        raise SystemExit(f"Our logits are {difference:.2g} from those of the packed network.")
    return difference


def compare(
    reviews: Sizes, sentences: Sizes, machine: Machine, *, full: bool, seconds: float
) -> dict[str, Any]:
    """Time everything that is promised.

    Args:
        reviews: The size of long texts.
        sentences: The size of short ones.
        machine: Where to run.
        full: Whether what nothing is promised of is timed, too: the loop, dense tables.
        seconds: About how long.

    Returns:
        ``ratios``, None for bfloat16 where there is none, and the ``figures`` behind them: words a
        second, or for ``word_vectors`` steps a second.
    """
    difference = check_equal(sentences, machine)
    words = replace(sentences, vocab=MANY_WORDS if sentences.vocab > 1000 else sentences.vocab)
    ways = {
        "training": training_ways(reviews, machine, loop=full),
        "sentences": training_ways(sentences, machine, loop=full),
        "inference": judging_ways(reviews, machine, loop=full),
        "word_vectors": word_ways(words, machine, dense=full),
    }
    shares = {"training": 0.5, "sentences": 0.2, "inference": 0.2, "word_vectors": 0.1}
    rates = {
        name: machine.rates(each, seconds=seconds * shares[name]) for name, each in ways.items()
    }
    bf16 = rates["training"].get("ours_bf16")
    return {
        "ratios": {
            "training": _ratio(rates["training"]),
            "training_bf16": bf16 / rates["training"]["tutorial"] if bf16 else None,
            "sentences": _ratio(rates["sentences"]),
            "inference": _ratio(rates["inference"]),
            "word_vectors": rates["word_vectors"]["rows"] / rates["word_vectors"]["lstm"],
        },
        "figures": {**rates, "largest_difference": difference},
    }


def sweep(machine: Machine, *, seconds: float) -> dict[str, Rates]:
    """Time training against the texts' length, and tables against the number of their words."""
    lengths = {
        f"mean length {mean}": replace(REVIEWS, mean=mean, longest=2 * mean, batches=1)
        for mean in LENGTHS
    }
    tables = {f"{words:,} words": replace(SENTENCES, vocab=words) for words in VOCABULARIES}
    share = seconds / (len(lengths) + len(tables))
    found = {
        name: machine.rates(training_ways(sizes, machine, loop=True), seconds=share)
        for name, sizes in lengths.items()
    }
    return found | {
        name: machine.rates(word_ways(sizes, machine, dense=True), seconds=share)
        for name, sizes in tables.items()
    }


def show(results: dict[str, Any], machine: Machine) -> None:
    """Print the results for people."""
    figures = dict(results["figures"])
    print(f"{machine.device.type}, {torch.get_num_threads()} threads, ", end="")
    print("bf16 and fp32" if machine.bf16 else "fp32: no bf16 here")
    print(f"\n{'ratio':<28}{'measured':>10}{'promised':>10}")
    for name, ratio in results["ratios"].items():
        measured = "none here" if ratio is None else f"{ratio:.1f}"
        print(f"{name:<28}{measured:>10}{TARGETS[name]:>10.1f}")
    difference = figures.pop("largest_difference")
    for name, rates in (figures | figures.pop("sweep", {})).items():
        unit = "milliseconds a step" if "lstm" in rates else "words a second"
        print(f"\n{name}, {unit}")
        show_rates(rates)
    print(f"\nlogits differ by {difference:.0e} at most")


def show_rates(rates: Mapping[str, float]) -> None:
    """Print words a second with their ratio to the tutorial's, or the time of a step's parts."""
    for name, rate in rates.items():
        if "lstm" in rates:
            print(f"    {name:<30}{1000 / rate:>10.2f}")
        else:
            print(f"    {name:<30}{rate:>10,.0f}{rate / rates['tutorial']:>8.1f} x")


def main() -> None:
    """Read the options, measure, print."""
    options = read_options(__doc__)
    machine = Machine.tuned(options.device, options.threads)
    full = not options.quick
    reviews = REVIEWS if full else replace(REVIEWS, batch=8)  # the packed side takes half a minute
    results = compare(reviews, SENTENCES, machine, full=full, seconds=90 if full else 15)
    if full:
        results["figures"]["sweep"] = sweep(machine, seconds=120)
    print(json.dumps(results)) if options.json else show(results, machine)


def _ratio(rates: Rates) -> float:
    return rates["ours_fp32"] / rates["tutorial"]


if __name__ == "__main__":
    main()
