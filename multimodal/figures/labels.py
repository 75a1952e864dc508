"""Draw the labels of a picture, a confusion matrix, and the calibration of a classifier.

References:
    Wilkinson and Friendly 2009, "The history of the cluster heat map" (a matrix as shades);
    DeGroot and Fienberg 1983, "The comparison and evaluation of forecasters" (reliability
    diagrams: accuracy against confidence); Niculescu-Mizil and Caruana 2005,
    "Predicting good probabilities with supervised learning", figure 1.
"""

from collections.abc import Sequence

from jaxtyping import Int, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.figures.page import (
    INK,
    MARGIN,
    NOTE,
    PALE,
    TITLE,
    Heading,
    Page,
    line_height,
    picture_size,
    text_width,
    wrap,
)
from multimodal.figures.probabilities import (
    BEST,
    OTHER,
    check_probabilities,
    draw_bar,
    write_percentage,
)

_GAP = 0.3  # inches
_SIDE = 2.8  # of a square picture
_NAMES, _BARS, _NUMBER = 1.6, 1.8, 0.7  # widths of names, bars and numbers
_SIZE, _SMALL = 11.0, 8.0  # of the letters in points
_THICK = 0.16  # of a bar
_OVERCONFIDENT = "#d98a4b"

_MOST_NUMBERS, _MOST_NAMES = 20, 60  # classes up to which cells have numbers, and axes names
_LONGEST_NAME = 18  # letters
_WHITE_FROM = 0.55  # cells from this share on have white numbers


def label_figure(
    image: UInt8[Tensor, "3 height width"],
    ranked: Sequence[tuple[str, float]],
    *,
    title: str = "",
    note: str = "",
) -> Figure:
    """Draw a picture beside its ranked labels, each with a bar as long as its probability.

    Args:
        ranked: Labels with their probabilities, best first.
        title: A line above both; the first label by default.

    Example:
        >>> import torch
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> figure = label_figure(image, [("tulip", 0.9), ("rose", 0.1)])
        >>> [text.get_text() for text in figure.texts]
        ['tulip', 'tulip', '90.0 %', 'rose', '10.0 %']
    """
    if not ranked and not title:
        raise ValueError("A picture of a class needs a label or a title, got neither.")
    check_probabilities(ranked)
    wide, tall = picture_size(image, _SIDE)
    inner = wide + bool(ranked) * (_GAP + _NAMES + _BARS + _NUMBER)
    heading = Heading(title or ranked[0][0], note, inner)
    top = MARGIN + heading.height + 0.1
    step = 1.5 * line_height(_SIZE)
    page = Page(inner + 2 * MARGIN, top + max(tall, step * len(ranked)) + MARGIN)
    heading.draw(page)
    page.picture(MARGIN, top, wide, tall, image)
    for rank, (label, probability) in enumerate(ranked):
        left = MARGIN + wide + _GAP
        _draw_label(page, left, top + rank * step, label, probability, best=rank == 0)
    return page.figure


def confusion_figure(
    matrix: Int[Tensor, "classes classes"], names: Sequence[str], *, title: str = ""
) -> Figure:
    """Draw a confusion matrix, shaded by the share of each true class.

    Args:
        matrix: Counts: a row for each true class, a column for each predicted one.
        names: The classes' names; drawn for up to 60 classes, counts in cells for up to 20.

    Example:
        >>> import torch
        >>> figure = confusion_figure(torch.tensor([[8, 2], [0, 5]]), ["cat", "dog"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['8', '2', '0', '5']
    """
    classes = len(matrix)
    if len(names) != classes:
        raise ValueError(f"Every class needs a name, got {classes} classes, {len(names)} names.")
    shares = matrix.double() / matrix.sum(dim=1, keepdim=True).clamp(min=1)
    shown = [_shortened(name) for name in names] if classes <= _MOST_NAMES else []
    cell = min(0.55, max(0.16, 9.0 / classes)) if shown else 7.0 / classes
    side = max(2.2, cell * classes)
    room = 0.2 + max((text_width(name, _SMALL) for name in shown), default=0.2)
    left = top = MARGIN + room + 0.3
    above = 1.3 * line_height(TITLE) if title else 0.0
    width, height = left + side + 2 * MARGIN, above + top + side + MARGIN
    figure = _empty(width, height)
    axes = figure.add_axes((left / width, MARGIN / height, side / width, side / height))
    axes.imshow(shares.numpy(), cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=_SMALL)
    ticks = range(classes) if shown else []
    axes.set_xticks(ticks, shown, rotation=90, parse_math=False)
    axes.set_yticks(ticks, shown, parse_math=False)
    axes.set_xlabel("predicted", color=PALE, fontsize=NOTE)
    axes.set_ylabel("true", color=PALE, fontsize=NOTE)
    if classes <= _MOST_NUMBERS:
        _write_counts(axes, matrix.tolist(), shares.tolist())
    if title:
        _write_title(figure, title, height)
    return figure


def calibration_figure(
    bins: Sequence[tuple[float, float, int, float, float]], error: float, *, title: str = ""
) -> Figure:
    """Draw a reliability diagram: accuracy against confidence, above the counts of predictions.

    Bars that end below the diagonal show overconfidence; `error` is the expected calibration error.

    Args:
        bins: Lower and upper edge of each bin of confidence, its number of predictions, their mean
            confidence and their accuracy.

    Example:
        >>> figure = calibration_figure([(0.0, 0.5, 0, 0.0, 0.0), (0.5, 1.0, 4, 0.8, 0.75)], 0.05)
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['accuracy', 'predictions']
    """
    filled = [row for row in bins if row[2]]
    if not filled:
        raise ValueError("A calibration curve needs at least one prediction, got none.")
    width, height = 4.6, 5.6
    figure = _empty(width, height)
    upper = figure.add_axes((0.15, 0.34, 0.8, 0.56))
    lower = figure.add_axes((0.15, 0.09, 0.8, 0.17))
    lows, wide = [low for low, *_ in filled], [high - low for low, high, *_ in filled]
    accuracy, confidence = [row[4] for row in filled], [row[3] for row in filled]
    upper.bar(lows, accuracy, wide, align="edge", color=BEST, edgecolor="white", linewidth=1)
    gaps = [sure - right for sure, right in zip(confidence, accuracy, strict=True)]
    upper.bar(lows, gaps, wide, bottom=accuracy, align="edge", color=_OVERCONFIDENT, alpha=0.55)
    upper.plot([0, 1], [0, 1], color=PALE, linewidth=1, linestyle="--")
    upper.set_ylabel("accuracy", color=PALE, fontsize=NOTE)
    upper.set_ylim(0, 1)
    text = f"calibration error {100 * error:.1f} %"
    upper.text(0.03, 0.93, text, color=INK, fontsize=NOTE, transform=upper.transAxes)
    lower.bar(lows, [row[2] for row in filled], wide, align="edge", color=OTHER, edgecolor="white")
    lower.set_ylabel("predictions", color=PALE, fontsize=NOTE)
    lower.set_xlabel("confidence", color=PALE, fontsize=NOTE)
    for axes in (upper, lower):
        axes.set_xlim(0, 1)
        axes.tick_params(labelsize=_SMALL, colors=PALE)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    if title:
        _write_title(figure, title, height)
    return figure


def _empty(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _write_title(figure: Figure, title: str, height: float) -> None:
    figure.text(
        0.02, 1 - 0.12 / height, title, fontsize=0.85 * TITLE, fontweight="bold", color=INK,
        verticalalignment="top", parse_math=False,
    )  # fmt: skip


def _write_counts(
    axes: Axes, counts: Sequence[Sequence[int]], shares: Sequence[Sequence[float]]
) -> None:
    for row, numbers in enumerate(counts):
        for column, number in enumerate(numbers):
            ink = "white" if shares[row][column] > _WHITE_FROM else INK
            axes.text(
                column, row, f"{number:,}", color=ink if number else OTHER, fontsize=_SMALL,
                horizontalalignment="center", verticalalignment="center",
            )  # fmt: skip


def _shortened(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _draw_label(
    page: Page, left: float, top: float, label: str, probability: float, *, best: bool
) -> None:
    """Draw a label, its bar and its probability in a line."""
    (shown,) = wrap(label, _NAMES, _SIZE, "bold", lines=1) or [""]
    page.write(left, top, [shown], _SIZE, weight="bold" if best else "normal")
    start, middle = left + _NAMES, top + 0.5 * (line_height(_SIZE) - _THICK)
    draw_bar(page, start, middle, _BARS, _THICK, probability, best=best)
    write_percentage(page, start + _BARS + _NUMBER, top, probability, best=best)
