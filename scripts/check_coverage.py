"""Check that the tests cover the networks, decoders and metrics: 95 % of the lines of each part.

python -m pytest --cov --cov-report= && python scripts/check_coverage.py

It reads the measurement of pytest-cov, which `[tool.coverage.run]` in pyproject.toml limits to
these parts. Where one is below the floor it names its files below the floor, and their lines.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from coverage import Coverage

FLOOR = 0.95
PARTS = (
    "multimodal/nn/**/*.py",
    "multimodal/decoding/**/*.py",
    "multimodal/metrics/**/*.py",
    "multimodal/vqa/fusion/**/*.py",
    "multimodal/*/model.py",
)


class File(NamedTuple):
    """A measured file.

    Attributes:
        name: Its path from the root.
        lines: The number of its lines of code.
        missing: The number of those that no test runs.
        where: The numbers of those lines.
    """

    name: str
    lines: int
    missing: int
    where: str

    @property
    def share(self) -> float:
        """The share of lines that tests run."""
        return 1 - self.missing / max(1, self.lines)


def main() -> int:
    """Print each part's coverage; return 1 if one is below the floor."""
    root = Path(__file__).parents[1]
    measured = Coverage(data_file=str(root / ".coverage"), config_file=str(root / "pyproject.toml"))
    measured.load()
    failed = False
    for part in PARTS:
        files = []
        for path in sorted(root.glob(part)):
            _, lines, _, missing, where = measured.analysis2(str(path))
            files.append(File(str(path.relative_to(root)), len(lines), len(missing), where))
        sentence = find_gaps(part, files)
        failed |= bool(sentence)
        print(sentence or f"{part}: {share_of(files):.1%} of the lines")
    return int(failed)


def find_gaps(part: str, files: list[File]) -> str:
    """Write a sentence about a part that is below the floor; empty if it is not."""
    if share_of(files) >= FLOOR:
        return ""
    low = [f"{file.name} ({file.share:.0%}, not {file.where})" for file in files]
    low = [text for text, file in zip(low, files, strict=True) if file.share < FLOOR]
    return (
        f"Tests run {share_of(files):.1%} of the lines of {part}, {FLOOR:.0%} are expected. Add "
        f"tests for {', '.join(low)}."
    )


def share_of(files: list[File]) -> float:
    """Compute the share of the lines of all files that tests run."""
    return 1 - sum(file.missing for file in files) / max(1, sum(file.lines for file in files))


if __name__ == "__main__":
    sys.exit(main())
