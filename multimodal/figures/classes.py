"""Draw what a classifier says of a picture, what it confuses, and how sure it may be.

References:
    Wilkinson and Friendly 2009, "The history of the cluster heat map" (a matrix as shades);
    DeGroot and Fienberg 1983, "The comparison and evaluation of forecasters" (reliability: how
    often a forecaster is right against how sure he was); Niculescu-Mizil and Caruana 2005,
    "Predicting good probabilities with supervised learning", figure 1 (such a diagram).
"""

import math
from collections.abc import Sequence

from jaxtyping import Int, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.figures.overlays import aspect
from multimodal.figures.pages import INK, PALE, Page, line_height, text_width, wrap

_MARGIN, _GAP = 0.25, 0.3  # inches
_SIDE = 2.8  # of a square picture
_NAMES, _BARS, _SHARE = 1.6, 1.8, 0.7  # widths of names, bars and numbers
_TITLE, _REMARK, _SIZE, _SMALL = 15.0, 10.0, 11.0, 8.0  # of the letters in points
_THICK = 0.16  # of a bar
_BEST, _OTHER, _TRACK = "#2f6f9f", "#9fb6c6", "#eef1f3"
_RIGHT, _GAP_COLOUR = "#2f6f9f", "#d98a4b"

_MOST_NUMBERS, _MOST_NAMES = 20, 60  # classes whose cells have numbers, and axes names
_LONGEST_NAME = 18  # letters of a class
_WHITE_FROM = 0.55  # the share from which on a cell's number is white


def class_figure(
    image: UInt8[Tensor, "3 height width"],
    ranked: Sequence[tuple[str, float]],
    *,
    title: str = "",
    note: str = "",
) -> Figure:
    """Draw a picture beside its ranked labels, each with a bar as long as its probability.

    Args:
        image: What the encoder saw, or the whole picture if it was squeezed into a square.
        ranked: Labels with their probabilities, best first.
        title: A line above both; the first label if it is left out.
        note: A remark below it, in pale letters.

    Returns:
        The figure; save it with `multimodal.figures.rendering.save_figure`.

    Raises:
        ValueError: If there is neither a label nor a title, or a probability is not from 0 to 1.

    Example:
        >>> import torch
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> figure = class_figure(image, [("tulip", 0.9), ("rose", 0.1)])
        >>> [text.get_text() for text in figure.texts]
        ['tulip', 'tulip', '90.0 %', 'rose', '10.0 %']
    """
    if not ranked and not title:
        raise ValueError("A picture of a class needs a label or a title, got neither.")
    for label, share in ranked:
        if not 0 <= share <= 1:
            raise ValueError(f"A probability must be from 0 to 1, got {share} for {label!r}.")
    wide = _SIDE / math.sqrt(aspect(image))
    tall = wide * aspect(image)
    width = 2 * _MARGIN + wide + bool(ranked) * (_GAP + _NAMES + _BARS + _SHARE)
    head = wrap(title or ranked[0][0], width - 2 * _MARGIN, _TITLE, "bold")
    remark = wrap(note, width - 2 * _MARGIN, _REMARK)
    below_head = _MARGIN + line_height(_TITLE) * len(head)
    top = below_head + line_height(_REMARK) * len(remark) + 0.1
    step = 1.5 * line_height(_SIZE)
    page = Page(width, top + max(tall, step * len(ranked)) + _MARGIN)
    page.write(_MARGIN, _MARGIN, head, _TITLE, weight="bold")
    page.write(_MARGIN, below_head, remark, _REMARK, colour=PALE)
    page.picture(_MARGIN, top, wide, tall, image)
    for place, (label, share) in enumerate(ranked):
        _draw_rank(page, _MARGIN + wide + _GAP, top + place * step, label, share, best=not place)
    return page.figure


def confusion_figure(
    matrix: Int[Tensor, "classes classes"], names: Sequence[str], *, title: str = ""
) -> Figure:
    """Draw a confusion matrix: of each right class, which share was said to be what.

    Args:
        matrix: Counts: a row for each right class, a column for each predicted one.
        names: The classes' names; drawn of up to 60 classes, counts in the cells of up to 20.
        title: A line above.

    Returns:
        The figure.

    Raises:
        ValueError: If there is not one name for each class.

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
    left = top = _MARGIN + room + 0.3
    above = 1.3 * line_height(_TITLE) if title else 0.0
    width, height = left + side + 2 * _MARGIN, above + top + side + _MARGIN
    figure = _empty(width, height)
    axes = figure.add_axes((left / width, _MARGIN / height, side / width, side / height))
    axes.imshow(shares.numpy(), cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=_SMALL)
    places = range(classes) if shown else []
    axes.set_xticks(places, shown, rotation=90, parse_math=False)
    axes.set_yticks(places, shown, parse_math=False)
    axes.set_xlabel("said to be", color=PALE, fontsize=_REMARK)
    axes.set_ylabel("is", color=PALE, fontsize=_REMARK)
    if classes <= _MOST_NUMBERS:
        _write_counts(axes, matrix.tolist(), shares.tolist())
    if title:
        _write_title(figure, title, height)
    return figure


def calibration_figure(
    bins: Sequence[tuple[float, float, int, float, float]], error: float, *, title: str = ""
) -> Figure:
    """Draw how often a classifier is right against how sure it was, and how often it was so sure.

    Args:
        bins: For predictions of about the same confidence: its least and its highest value, their
            number, their mean confidence and the share of them that is right.
        error: The expected calibration error.
        title: A line above.

    Returns:
        The figure: bars that end at the diagonal say as sure as right; below it, too sure.

    Raises:
        ValueError: If there are no predictions.

    Example:
        >>> figure = calibration_figure([(0.0, 0.5, 0, 0.0, 0.0), (0.5, 1.0, 4, 0.8, 0.75)], 0.05)
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['share that is right', 'predictions']
    """
    filled = [row for row in bins if row[2]]
    if not filled:
        raise ValueError("A calibration curve needs at least one prediction, got none.")
    width, height = 4.6, 5.6
    figure = _empty(width, height)
    upper = figure.add_axes((0.15, 0.34, 0.8, 0.56))
    lower = figure.add_axes((0.15, 0.09, 0.8, 0.17))
    lows, wide = [low for low, *_ in filled], [high - low for low, high, *_ in filled]
    right, sure = [row[4] for row in filled], [row[3] for row in filled]
    upper.bar(lows, right, wide, align="edge", color=_RIGHT, edgecolor="white", linewidth=1)
    gaps = [confidence - share for confidence, share in zip(sure, right, strict=True)]
    upper.bar(lows, gaps, wide, bottom=right, align="edge", color=_GAP_COLOUR, alpha=0.55)
    upper.plot([0, 1], [0, 1], color=PALE, linewidth=1, linestyle="--")
    upper.set_ylabel("share that is right", color=PALE, fontsize=_REMARK)
    upper.set_ylim(0, 1)
    said = f"calibration error {100 * error:.1f} %"
    upper.text(0.03, 0.93, said, color=INK, fontsize=_REMARK, transform=upper.transAxes)
    lower.bar(lows, [row[2] for row in filled], wide, align="edge", color=_OTHER, edgecolor="white")
    lower.set_ylabel("predictions", color=PALE, fontsize=_REMARK)
    lower.set_xlabel("how sure it was", color=PALE, fontsize=_REMARK)
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
        0.02, 1 - 0.12 / height, title, fontsize=0.85 * _TITLE, fontweight="bold", color=INK,
        verticalalignment="top", parse_math=False,
    )  # fmt: skip


def _write_counts(
    axes: Axes, counts: Sequence[Sequence[int]], shares: Sequence[Sequence[float]]
) -> None:
    for row, numbers in enumerate(counts):
        for column, number in enumerate(numbers):
            ink = "white" if shares[row][column] > _WHITE_FROM else INK
            axes.text(
                column, row, f"{number:,}", color=ink if number else _OTHER, fontsize=_SMALL,
                horizontalalignment="center", verticalalignment="center",
            )  # fmt: skip


def _shortened(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _draw_rank(
    page: Page, left: float, top: float, label: str, share: float, *, best: bool
) -> None:
    """Draw a label, its bar and its probability in a line."""
    (shown,) = wrap(label, _NAMES, _SIZE, "bold", lines=1) or [""]
    page.write(left, top, [shown], _SIZE, weight="bold" if best else "normal")
    start, middle = left + _NAMES, top + 0.5 * (line_height(_SIZE) - _THICK)
    page.bar(start, middle, _BARS, _THICK, _TRACK)
    page.bar(start, middle, _BARS * share, _THICK, _BEST if best else _OTHER)
    page.write(
        start + _BARS + _SHARE, top, [f"{100 * share:.1f} %"], _SIZE,
        colour=INK if best else PALE, align="right",
    )  # fmt: skip
