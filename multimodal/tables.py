"""Tables of results: Markdown that also reads well in a terminal, and TSV files."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Format rows, the head first, as a Markdown table with a line break at its end.

    The first column is aligned to the left, the others, which have numbers, to the right.

    Example:
        >>> print(markdown_table([["fold", "accuracy"], ["1", "0.5"], ["mean", "0.25"]]))
        | fold | accuracy |
        | ---- | -------: |
        | 1    |      0.5 |
        | mean |     0.25 |
        <BLANKLINE>
    """
    rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], f"| {' | '.join(rule)} |", *lines[1:]]) + "\n"


def write_tsv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table with tabs between its cells; a cell with a tab or a line break is quoted."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    others = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
    return f"| {' | '.join([first, *others])} |"
