"""Draw an answer: the picture, where the model looked, the question, and ranked answers as bars.

Three columns below the question, each with its name: the picture, the picture under the light of
the attention, the answers. Pictures of all proportions get one area, so that a page keeps its size.

References:
    Yang et al. 2016, "Stacked attention networks for image question answering", figure 5: the
    question and the picture beside where the network looked.
"""

import math
from collections.abc import Sequence

from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.figures.overlays import aspect, light
from multimodal.figures.pages import INK, PALE, Page, line_height, resample, wrap

_COLUMNS = ("the picture", "where the model looked", "its answers")
_MARGIN, _GAP = 0.25, 0.25  # inches
_SIDE = 2.6  # of a square picture
_ANSWERS, _SHARE = 2.6, 0.72  # widths of the answers' column, and of the numbers at its end
_TITLE, _NAME, _REMARK, _SIZE = 15.0, 9.5, 10.0, 11.0  # of the letters in points
_THICK, _SPACE, _PITCH = 0.1, 0.14, 0.52  # of a bar; below a bar; from row to row
_MOST_LINES = 2  # of an answer
_BEST, _OTHER, _TRACK = "#2f6f9f", "#9fb6c6", "#eef1f3"


def answer_figure(
    image: UInt8[Tensor, "3 height width"],
    question: str,
    ranked: Sequence[tuple[str, float]],
    attention: Float[Tensor, "rows columns"],
    *,
    note: str = "",
) -> Figure:
    """Draw a picture, a question about it, where the model looked, and what it would answer.

    Args:
        image: What the encoder saw, or the whole picture if it was squeezed into a square.
        question: The question, written above the picture.
        ranked: Answers with their probabilities, best first.
        attention: How much was looked at each region of the grid over the picture.
        note: A remark below the question, in pale letters.

    Returns:
        The figure; save it with `multimodal.figures.rendering.save_figure`.

    Raises:
        ValueError: If there is no answer, or one has no probability from 0 to 1.

    Example:
        >>> import torch
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> ranked = [("yes", 0.9), ("no", 0.1)]
        >>> figure = answer_figure(image, "Is it dark?", ranked, torch.rand(4, 4))
        >>> [text.get_text() for text in figure.texts][:4]
        ['Is it dark?', 'the picture', 'where the model looked', 'its answers']
        >>> [text.get_text() for text in figure.texts][4:]
        ['yes', '90.0 %', 'no', '10.0 %']
    """
    _check(ranked)
    wide = _SIDE / math.sqrt(aspect(image))
    tall = wide * aspect(image)
    width = 2 * _MARGIN + 2 * (wide + _GAP) + _ANSWERS
    title = wrap(question, width - 2 * _MARGIN, _TITLE, "bold")
    remark = wrap(note, width - 2 * _MARGIN, _REMARK)
    below_title = _MARGIN + line_height(_TITLE) * len(title) + 0.05
    names = below_title + line_height(_REMARK) * len(remark) + 0.5 * _GAP
    top = names + 1.3 * line_height(_NAME)
    body = max(tall, ranked_height(ranked))
    page = Page(width, top + body + _MARGIN)
    page.write(_MARGIN, _MARGIN, title, _TITLE, weight="bold")
    page.write(_MARGIN, below_title, remark, _REMARK, colour=PALE)
    lefts = [_MARGIN + column * (wide + _GAP) for column in range(3)]
    for left, name in zip(lefts, _COLUMNS, strict=True):
        page.write(left, names, [name], _NAME, colour=PALE)
    image = resample(image)
    grid_rows, grid_columns = attention.shape
    lit = light(image, attention.flatten(), (grid_rows, grid_columns))
    page.picture(lefts[0], top, wide, tall, image)
    page.picture(lefts[1], top, wide, tall, lit)
    draw_ranked(page, lefts[2], top, ranked)
    return page.figure


def ranked_height(ranked: Sequence[tuple[str, float]]) -> float:
    """Return the height in inches of what `draw_ranked` draws.

    Args:
        ranked: Answers with their probabilities, best first.

    Returns:
        The height; 0 without answers.

    Example:
        >>> ranked_height([]), ranked_height([("yes", 0.9)]) > 0
        (0.0, True)
    """
    rows = sum(_row_height(_wrapped(answer)) for answer, _ in ranked)
    return rows - _SPACE if ranked else 0.0


def draw_ranked(page: Page, left: float, top: float, ranked: Sequence[tuple[str, float]]) -> None:
    """Draw answers below each other, each with its probability and a bar as long.

    Args:
        page: Where to draw, 2.6 inches wide.
        left: Distance from the page's left edge.
        top: Distance from its upper edge.
        ranked: Answers with their probabilities, best first.

    Example:
        >>> page = Page(3.0, 1.0)
        >>> draw_ranked(page, 0.2, 0.2, [("yes", 0.9)])
        >>> [text.get_text() for text in page.figure.texts]
        ['yes', '90.0 %']
    """
    for number, (answer, probability) in enumerate(ranked):
        lines = _wrapped(answer)
        _draw_row(page, left, top, lines, probability, best=number == 0)
        top += _row_height(lines)


def _check(ranked: Sequence[tuple[str, float]]) -> None:
    if not ranked:
        raise ValueError("A picture of an answer needs at least one answer, got none.")
    for answer, probability in ranked:
        if not 0 <= probability <= 1:
            raise ValueError(
                f"The probability of an answer must be from 0 to 1, got {probability} for "
                f"{answer!r}."
            )


def _wrapped(answer: str) -> list[str]:
    return wrap(answer, _ANSWERS - _SHARE, _SIZE, "bold", lines=_MOST_LINES) or [""]


def _row_height(lines: Sequence[str]) -> float:
    return max(_PITCH, line_height(_SIZE) * len(lines) + 0.04 + _THICK + _SPACE)


def _draw_row(
    page: Page, left: float, top: float, lines: Sequence[str], probability: float, *, best: bool
) -> None:
    """Draw an answer, its probability at the right end of its line, and its bar below both."""
    page.write(left, top, lines, _SIZE, weight="bold" if best else "normal")
    share = f"{100 * probability:.1f} %"
    page.write(
        left + _ANSWERS, top, [share], _SIZE, colour=INK if best else PALE, align="right"
    )  # fmt: skip
    below = top + line_height(_SIZE) * len(lines) + 0.04
    page.bar(left, below, _ANSWERS, _THICK, _TRACK)
    page.bar(left, below, _ANSWERS * probability, _THICK, _BEST if best else _OTHER)
