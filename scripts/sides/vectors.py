"""Word vectors: reading a large text file for a vocabulary, torchtext against ours.

Both start with an empty cache and leave a full one: torchtext turns every line into numbers, stores
them all and looks the words up; ours hashes the file, turns the vocabulary's lines into numbers and
stores those. Then both read again from their caches. The matrices must be equal. Times are CPU
seconds of this process on one thread. It needs torchtext 0.6: `pip install -e '.[torchtext]'`.
"""

import contextlib
import io
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from multimodal.vectors import keep_tls, read_vectors
from sides.timing import Machine, Results, Way

PROMISES = {"loading": "5.0"}
WIDTH, EVERY = 100, 20  # one word of twenty is in the vocabulary
ROWS = 997  # different ones; a prime number, so that a row in a wrong place is found


def measure(machine: Machine, *, quick: bool) -> Results:
    """Measure both readers, on a smaller file if it is quick."""
    torch.set_num_threads(1)
    return compare(machine, words=60_000 if quick else 400_000, seconds=12 if quick else 60)


def compare(machine: Machine, *, words: int, seconds: float) -> Results:
    """Time both readers on a file of so many words.

    Raises:
        SystemExit: If the matrices differ, or torchtext is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vectors.txt")
        vocabulary = write_file(path, words)
        ways = loading_ways(path, vocabulary)
        try:
            matrices = [way.run() for way in ways.values()]
        except ModuleNotFoundError as error:
            raise SystemExit(f"{error}. Run `pip install -e '.[torchtext]'` first.") from error
        if not all(torch.equal(matrices[0], matrix) for matrix in matrices):
            raise SystemExit("The two readers gave different matrices.")
        rates = machine.rates(ways, seconds=seconds, cpu_seconds=True)
    ratios = {
        "loading": rates["ours"] / rates["torchtext"],
        "loading_again": rates["ours again"] / rates["torchtext again"],
    }
    title = f"{len(vocabulary):,} of {words:,} words of {WIDTH} numbers, CPU seconds"
    return Results(ratios, {title: {name: 1 / rate for name, rate in rates.items()}})


def write_file(path: Path, words: int) -> list[str]:
    """Write a file in GloVe's format, and return the vocabulary."""
    draw = random.Random(0)
    rows = [" ".join(f"{draw.gauss(0, 0.4):.5g}" for _ in range(WIDTH)) for _ in range(ROWS)]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"word{number} {rows[number % ROWS]}\n" for number in range(words))
    return [f"word{number}" for number in range(0, words, EVERY)]


def loading_ways(path: Path, vocabulary: list[str]) -> dict[str, Way]:
    """Build the loading by both readers, from an empty cache and again from the full one."""
    ways = {}
    for name, load in {"torchtext": load_torchtext, "ours": load_ours}.items():
        cache = _Cache(load, path, vocabulary)
        ways |= {name: Way(cache.fill, 1), f"{name} again": Way(cache.load, 1)}
    return ways


def load_ours(path: Path, vocabulary: list[str], cache: Path) -> Tensor:
    """Read the vocabulary's vectors with our reader."""
    return read_vectors(path, vocabulary, cache=cache).matrix


def load_torchtext(path: Path, vocabulary: list[str], cache: Path) -> Tensor:
    """Read the vocabulary's vectors with torchtext, without its progress bar."""
    from torchtext.vocab import Vectors

    with keep_tls(), contextlib.redirect_stderr(io.StringIO()):
        return Vectors(str(path), cache=str(cache)).get_vecs_by_tokens(vocabulary)


class _Cache:
    """A reader with the folder of its cache; `fill` begins a new one."""

    def __init__(
        self,
        reader: Callable[[Path, list[str], Path], Tensor],
        path: Path,
        vocabulary: list[str],
    ) -> None:
        self.reader, self.path, self.vocabulary = reader, path, vocabulary
        self.folder = path.parent

    def fill(self) -> Tensor:
        self.folder = Path(tempfile.mkdtemp(dir=self.path.parent))
        return self.load()

    def load(self) -> Tensor:
        return self.reader(self.path, self.vocabulary, self.folder)
