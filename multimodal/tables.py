"""Tables of results that read well in a terminal and in a Markdown file."""

from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Write rows as a Markdown table whose columns stand below each other.

    Args:
        rows: The cells, the head first. The first column is aligned to the left, the others, which
            hold numbers, to the right.

    Returns:
        Lines, with a line break after the last.

    Example:
        >>> print(markdown_table([["fold", "accuracy"], ["1", "0.5"], ["mean", "0.25"]]))
        | fold | accuracy |
        | ---- | -------: |
        | 1    |      0.5 |
        | mean |     0.25 |
        <BLANKLINE>
    """
    widths = [max(3, *(len(row[place]) for row in rows)) for place in range(len(rows[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], f"| {' | '.join(rule)} |", *lines[1:]]) + "\n"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    others = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
    return f"| {' | '.join([first, *others])} |"
