"""Read the configuration, progress and scores of a checkpoint from its run's folder.

Missing facts are left empty: a checkpoint may have been moved, or not been tested.
"""

import csv
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multimodal.saving.checkpoint import read_progress

_SPLITS = ("train", "val", "test")
_SIZES = "splits.json"  # of multimodal.training.report, which brings Lightning with it
_LONGEST_REPORT = 20_000  # characters of a report in a card


@dataclass(frozen=True)
class RunFacts:
    """The known facts of a model's training.

    Args:
        config: The configuration of its training; empty if unknown.
        progress: The result of `multimodal.saving.checkpoint.read_progress`.
        val: The scores on the validation data when it was written, without ``val/``.
        test: The scores of ``multimodal test``, without ``test/``.
        report: The report of that test, in Markdown.
        sizes: The number of examples of each split.
    """

    config: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    val: dict[str, float] = field(default_factory=dict)
    test: dict[str, float] = field(default_factory=dict)
    report: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def seed(self) -> int | None:
        """The seed of the run."""
        seed = self.config.get("seed_everything")
        return seed if type(seed) is int else None

    @property
    def data(self) -> dict[str, Any]:
        """The arguments of the data module."""
        return _mapping(_mapping(self.config.get("data")).get("init_args"))


def read_run(checkpoint: Path, tested: Path | None = None) -> RunFacts:
    """Collect the facts of a checkpoint from its run's folder and from the folder of its test.

    Args:
        checkpoint: The ``.ckpt`` file.
        tested: The folder that ``multimodal test`` wrote; by default the newest of this checkpoint
            beside its run.

    Raises:
        FileNotFoundError: If there is no such checkpoint, or the test's folder has no results.
        ValueError: If it is no checkpoint of ours.
    """
    progress = read_progress(checkpoint)
    folder = checkpoint.absolute().parent
    if folder.name == "checkpoints":
        folder = folder.parent
    steps = progress.get("global_step", 0)
    if tested is not None:
        test = _last(tested / "metrics.csv", "test/")
        if not test:
            raise FileNotFoundError(
                f"{tested} has no results of a test in metrics.csv. Give the folder that "
                "`multimodal test` wrote."
            )
    else:
        tested = _newest_test(checkpoint, folder)
        test = _last(tested / "metrics.csv", "test/") if tested else {}
    return RunFacts(
        config=_read_config(folder),
        progress=progress,
        val=_last(folder / "metrics.csv", "val/", before=max(1, steps)),
        test=test,
        report=_read_report(tested) if tested else "",
        sizes=_read_sizes(folder) | (_read_sizes(tested) if tested else {}),
    )


def _newest_test(checkpoint: Path, folder: Path) -> Path | None:
    """Find the newest test of a checkpoint; a test older than the file was of another one."""
    parts = checkpoint.absolute().parts[-3:]  # version_0, checkpoints, best.ckpt
    written = checkpoint.stat().st_mtime
    tests: list[tuple[float, Path]] = []
    for table in folder.parent.glob("version_*/metrics.csv"):
        config = _read_config(table.parent)
        tested = Path(str(config.get("ckpt_path") or "")).parts[-3:]
        time = table.stat().st_mtime
        if tested == parts and time >= written and _last(table, "test/"):
            tests.append((time, table.parent))
    return max(tests)[1] if tests else None


def _last(table: Path, prefix: str, before: int | None = None) -> dict[str, float]:
    """Read the last row with values of a prefix, before a step if one is given."""
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    last: dict[str, float] = {}
    for row in rows:
        values = {
            str(name).removeprefix(prefix): _number(value)
            for name, value in row.items()
            if str(name).startswith(prefix) and value
        }
        if values and (before is None or _number(row.get("step")) < before):
            last = {name: value for name, value in values.items() if math.isfinite(value)}
    return last


def _number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def _read_config(folder: Path) -> dict[str, Any]:
    import yaml  # here, since its import takes longer than all work of this file

    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return _mapping(config)


def _read_sizes(folder: Path) -> dict[str, int]:
    try:
        sizes = _mapping(json.loads((folder / _SIZES).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
    return {split: sizes[split] for split in _SPLITS if type(sizes.get(split)) is int}


def _read_report(folder: Path) -> str:
    try:
        report = (folder / "report.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return report if len(report) <= _LONGEST_REPORT else ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
