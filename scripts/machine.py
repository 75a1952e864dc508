"""What the benchmarks of training and searching share: options, the machine, and taking turns."""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from multimodal.hardware import choose_hardware, tune_cpu

_LONG_ROUND = 10.0  # seconds, beside which a first round's warming up is nothing


def read_options(about: str) -> argparse.Namespace:
    """Read ``--quick``, ``--json``, ``--device`` and ``--threads``.

    Args:
        about: The benchmark's docstring, whose first line the help shows.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the ratios alone, under a minute")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU")
    return parser.parse_args()


class Way(NamedTuple):
    """One of the alternatives.

    Attributes:
        run: Does the work once.
        count: Captions or images (or operations) that are one run's work.
        tuned: Whether it runs with our settings of the CPU, or with torch's.
    """

    run: Callable[[], object]
    count: float
    tuned: bool = True


class Machine(NamedTuple):
    """Where the benchmark runs.

    Attributes:
        device: The device.
        bf16: Whether it computes in bfloat16.
        precision: torch's float32 matmul precision that was chosen for it.
    """

    device: torch.device
    bf16: bool
    precision: str

    @classmethod
    def tuned(cls, device: str, threads: int) -> "Machine":
        """Tune this process as the command line does, and say where it runs.

        Args:
            device: ``cpu`` or ``cuda``.
            threads: Threads of the CPU.
        """
        if device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # so that the hardware is chosen without it
            tune_cpu()
        torch.set_num_threads(threads)
        bf16 = choose_hardware().precision == "bf16-mixed"
        return cls(torch.device(device), bf16, torch.get_float32_matmul_precision())

    @property
    def best(self) -> str:
        """The name of our default mode."""
        return "ours_bf16" if self.bf16 else "ours_fp32"

    def rates(self, ways: Mapping[str, Way], *, seconds: float) -> dict[str, float]:
        """Let the alternatives take turns, and return what each gets done a second at its best.

        Args:
            ways: The alternatives by name.
            seconds: Rounds begin until so much time is over. Two are run at least, because the
                first also warms up, unless it is so long that this is nothing to it.
        """
        best = dict.fromkeys(ways, float("inf"))
        began, rounds, gone = time.perf_counter(), 0, 0.0
        while rounds == 0 or gone < seconds or (rounds == 1 and gone < _LONG_ROUND):
            for name, way in ways.items():
                torch.set_float32_matmul_precision(self.precision if way.tuned else "highest")
                best[name] = min(best[name], self._seconds(way))
            rounds, gone = rounds + 1, time.perf_counter() - began
        return {name: way.count / best[name] for name, way in ways.items()}

    def _seconds(self, way: Way) -> float:
        self._wait()
        start = time.perf_counter()
        way.run()
        self._wait()
        return time.perf_counter() - start

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
