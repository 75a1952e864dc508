"""Time our reader of word vectors against torchtext's: a large text file, filtered to a vocabulary.

Both start with an empty cache and leave a full one: torchtext turns every line into numbers, stores
them all and looks the words up; ours hashes the file, turns the vocabulary's lines into numbers and
stores those. Then both do it again from their caches. The matrices must be equal. Ours and theirs
take turns, each counts with its best round, in CPU seconds of this process.

Run `python scripts/benchmark_vectors.py` for 400,000 words of 100 numbers filtered to 20,000, with
`--quick` for a smaller file in seconds, with `--json` for one line of JSON: `ratios` holds what
promises are made of. It needs torchtext 0.6: `pip install -e '.[torchtext]'`.
"""

import argparse
import contextlib
import io
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

from multimodal.vectors import keep_tls, read_vectors

TARGET = 5.0  # torchtext's seconds by ours, from empty caches
WIDTH, EVERY = 100, 20  # one word of twenty is in the vocabulary
ROWS = 997  # different ones; a prime number, so that a row in a wrong place is found


def write_file(path: Path, words: int) -> list[str]:
    """Write a file in GloVe's format, and return the vocabulary."""
    draw = random.Random(0)
    rows = [" ".join(f"{draw.gauss(0, 0.4):.5g}" for _ in range(WIDTH)) for _ in range(ROWS)]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"word{number} {rows[number % ROWS]}\n" for number in range(words))
    return [f"word{number}" for number in range(0, words, EVERY)]


def load_ours(path: Path, words: list[str], cache: Path) -> Tensor:
    """Read the vocabulary's vectors with our reader."""
    return read_vectors(path, words, cache=cache).matrix


def load_theirs(path: Path, words: list[str], cache: Path) -> Tensor:
    """Read them with torchtext, without its progress bar."""
    from torchtext.vocab import Vectors

    with keep_tls(), contextlib.redirect_stderr(io.StringIO()):
        return Vectors(str(path), cache=str(cache)).get_vecs_by_tokens(words)


def seconds(load: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """Time one loading."""
    start = time.process_time()
    matrix = load()
    return time.process_time() - start, matrix


def measure(*, words: int, rounds: int) -> dict[str, float]:
    """Measure the best seconds of both readers, first and again."""
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vectors.txt")
        vocabulary = write_file(path, words)
        for number in range(rounds):
            matrices = []
            for name, load in {"torchtext": load_theirs, "ours": load_ours}.items():
                cache = Path(folder, f"{name}{number}")
                for key in (name, f"{name} again"):
                    spent, matrix = seconds(partial(load, path, vocabulary, cache))
                    best[key] = min(spent, best.get(key, float("inf")))
                    matrices.append(matrix)
            if not all(torch.equal(matrices[0], matrix) for matrix in matrices):
                raise SystemExit("The two readers gave different matrices.")
    return best


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smaller file")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    words, rounds = (60_000, 3) if options.quick else (400_000, 2)
    try:
        best = measure(words=words, rounds=rounds)
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error}. Run `pip install -e '.[torchtext]'` first.") from error
    ratios = {
        "loading": best["torchtext"] / best["ours"],
        "loading_again": best["torchtext again"] / best["ours again"],
    }
    if options.json:
        print(json.dumps({"ratios": ratios, "seconds": best}))
        return
    print(f"{words:,} words of {WIDTH} numbers, {words // EVERY:,} of them wanted; CPU seconds")
    print(f"{'':<24}{'torchtext':>10}{'ours':>10}{'ratio':>10}")
    for label, key in {"empty cache": "", "from the cache": " again"}.items():
        ratio = ratios["loading_again" if key else "loading"]
        print(
            f"{label:<24}{best['torchtext' + key]:>10.2f}{best['ours' + key]:>10.2f}{ratio:>10.1f}"
        )
    print(f"the two matrices are equal; promised: {TARGET:.0f} times as fast from an empty cache")


if __name__ == "__main__":
    main()
