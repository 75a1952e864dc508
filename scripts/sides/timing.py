"""Time two implementations in turns on one machine."""

import os
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from multimodal.hardware import choose_hardware, tune_cpu

_LONG_ROUND = 10.0  # seconds: a round this long needs no other one to warm up

Rates = dict[str, float]


class Results(NamedTuple):
    """What a row of the benchmark measures.

    Attributes:
        ratios: How many times as fast as the baseline; None where the machine cannot measure it.
        figures: The numbers behind them, by a title with the unit and then by name.
    """

    ratios: dict[str, float | None]
    figures: dict[str, Rates]


class Way(NamedTuple):
    """One implementation.

    Attributes:
        run: Does the work once.
        count: Captions, images or operations of one run.
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
        """Tune this process as the command line does.

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
    def modes(self) -> dict[str, bool]:
        """The modes to measure by their ending, each with whether it is bfloat16."""
        return {"fp32": False, "bf16": True} if self.bf16 else {"fp32": False}

    @property
    def best(self) -> str:
        """The ending of our default mode."""
        return "bf16" if self.bf16 else "fp32"

    def rates(self, ways: Mapping[str, Way], *, seconds: float, cpu_seconds: bool = False) -> Rates:
        """Run the implementations in turns, and return the best rate of each, a second.

        Args:
            ways: The implementations by name.
            seconds: New rounds begin until then. At least two are run, because the first also
                warms up, unless it is so long that this does not matter.
            cpu_seconds: Whether to count the process's CPU seconds in place of the clock's.
        """
        clock = time.process_time if cpu_seconds else time.perf_counter
        best = dict.fromkeys(ways, float("inf"))
        began, rounds, elapsed = time.perf_counter(), 0, 0.0
        while rounds == 0 or elapsed < seconds or (rounds == 1 and elapsed < _LONG_ROUND):
            for name, way in ways.items():
                torch.set_float32_matmul_precision(self.precision if way.tuned else "highest")
                best[name] = min(best[name], self._seconds(way, clock))
            rounds, elapsed = rounds + 1, time.perf_counter() - began
        return {name: way.count / best[name] for name, way in ways.items()}

    def product(self, rows: int, inner: int, columns: int) -> Way:
        """Build a matrix product in our default mode; it counts floating point operations."""
        if self.device.type == "cuda":
            rows = inner = columns = 8192  # a smaller one would time its launch
        dtype = torch.bfloat16 if self.bf16 else torch.float32
        left = torch.randn(rows, inner, device=self.device).to(dtype)
        right = torch.randn(inner, columns, device=self.device).to(dtype)
        return Way(lambda: left @ right, 2.0 * rows * inner * columns)

    def check_logits(
        self, difference: float, baseline: str, *, cpu: float, cuda: float, unit: str = ""
    ) -> None:
        """Check that our logits are those of the baseline.

        Args:
            difference: The largest difference of both.
            baseline: The name of the baseline in the message.
            cpu: The largest that is allowed on a CPU.
            cuda: On a GPU, which may round the factors of products.
            unit: What the difference is measured in.

        Raises:
            SystemExit: If the difference is larger.
        """
        if not difference <= {"cpu": cpu, "cuda": cuda}[self.device.type]:
            raise SystemExit(f"Our logits are {difference:.2g}{unit} from those of {baseline}.")

    def _seconds(self, way: Way, clock: Callable[[], float]) -> float:
        self._wait()
        start = clock()
        way.run()
        self._wait()
        return clock() - start

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def training_step(
    optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor]
) -> Callable[[], None]:
    """Build a training step: forward, backward, update."""

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step
