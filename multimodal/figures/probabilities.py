"""Ranked answers or labels with their probabilities as bars."""

from collections.abc import Sequence

from multimodal.figures.page import INK, PALE, Page, line_height, wrap

RANKED_WIDTH = 2.6  # inches
_NUMBER = 0.72  # width of the numbers at the right end
_SIZE = 11.0  # of the letters in points
_THICK, _SPACE, _PITCH = 0.1, 0.14, 0.52  # of a bar; below a bar; from row to row
_MOST_LINES = 2  # of an answer
BEST, OTHER, _TRACK = "#2f6f9f", "#9fb6c6", "#eef1f3"


def check_probabilities(ranked: Sequence[tuple[str, float]]) -> None:
    """Raise `ValueError` if a probability is not from 0 to 1; the message names its label."""
    for label, probability in ranked:
        if not 0 <= probability <= 1:
            raise ValueError(f"A probability must be from 0 to 1, got {probability} for {label!r}.")


def ranked_height(ranked: Sequence[tuple[str, float]]) -> float:
    """Return the height in inches of a drawing of `draw_ranked`."""
    rows = sum(_row_height(_wrapped(label)) for label, _ in ranked)
    return rows - _SPACE if ranked else 0.0


def draw_ranked(page: Page, left: float, top: float, ranked: Sequence[tuple[str, float]]) -> None:
    """Draw labels, best first, each with its probability and a bar below both."""
    for number, (label, probability) in enumerate(ranked):
        lines, best = _wrapped(label), number == 0
        page.write(left, top, lines, _SIZE, weight="bold" if best else "normal")
        write_percentage(page, left + RANKED_WIDTH, top, probability, best=best)
        below = top + line_height(_SIZE) * len(lines) + 0.04
        draw_bar(page, left, below, RANKED_WIDTH, _THICK, probability, best=best)
        top += _row_height(lines)


def write_percentage(
    page: Page, right: float, top: float, probability: float, *, best: bool
) -> None:
    """Write a probability so that it ends at ``right``."""
    number = f"{100 * probability:.1f} %"
    page.write(right, top, [number], _SIZE, colour=INK if best else PALE, align="right")


def draw_bar(  # noqa: PLR0917 - a position, a size and a length
    page: Page,
    left: float,
    top: float,
    width: float,
    height: float,
    probability: float,
    *,
    best: bool,
) -> None:
    """Draw a bar as long as a probability on a pale track of full length."""
    page.bar(left, top, width, height, _TRACK)
    page.bar(left, top, width * probability, height, BEST if best else OTHER)


def _wrapped(label: str) -> list[str]:
    return wrap(label, RANKED_WIDTH - _NUMBER, _SIZE, "bold", lines=_MOST_LINES) or [""]


def _row_height(lines: Sequence[str]) -> float:
    return max(_PITCH, line_height(_SIZE) * len(lines) + 0.04 + _THICK + _SPACE)
