"""A page to draw on: pictures and lines of text placed in inches, text wrapped by measured width.

matplotlib places things in fractions of a figure and lets long text run over its neighbours; a page
is addressed from its upper left corner, and :func:`wrap` says beforehand how many lines a text
takes. Only matplotlib's objects are used, never pyplot: nothing here opens a window, keeps a figure
alive or changes a setting.
"""

import functools
import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from torch import Tensor

INK, PALE = "#1c1c1c", "#6f6f6f"
_PIXELS = 256  # the shorter side of what is drawn at least, so that what is small stays smooth


class Page:
    """A white figure addressed in inches from its upper left corner.

    Args:
        width: Width in inches.
        height: Height in inches.

    Attributes:
        figure: matplotlib's figure.

    Example:
        >>> page = Page(4.0, 3.0)
        >>> page.write(0.2, 0.2, ["a dog"], 12.0)
        >>> page.figure.get_size_inches().tolist()
        [4.0, 3.0]
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height), facecolor="white")
        FigureCanvasAgg(self.figure)

    def picture(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        image: UInt8[Tensor, "3 rows columns"],
    ) -> None:
        """Fit a picture into the upper left of a box.

        Args:
            left: Distance of the box from the left edge.
            top: Distance of the box from the upper edge.
            width: Width of the box.
            height: Height of the box.
            image: The picture; it keeps its proportions.
        """
        box = (
            left / self.width,
            1 - (top + height) / self.height,
            width / self.width,
            height / self.height,
        )
        axes = self.figure.add_axes(box)
        axes.imshow(resample(image).permute(1, 2, 0).numpy(), interpolation="antialiased")
        axes.set_anchor("NW")
        axes.set_axis_off()

    def write(
        self,
        left: float,
        top: float,
        lines: Sequence[str],
        size: float,
        *,
        colour: str = INK,
        weight: str = "normal",
        align: Literal["left", "right"] = "left",
    ) -> None:
        """Write lines below each other.

        Args:
            left: Distance of the lines' beginnings from the left edge, or of their ends.
            top: Distance of the first line from the upper edge.
            lines: What to write; see :func:`wrap`.
            size: Size of the letters in points.
            colour: Colour of the letters.
            weight: matplotlib's name of the weight.
            align: Whether the lines begin (``left``) or end (``right``) there.
        """
        for number, line in enumerate(lines):
            self.figure.text(
                left / self.width,
                1 - (top + line_height(size) * (number + 0.78)) / self.height,
                line,
                fontsize=size,
                color=colour,
                fontweight=weight,
                horizontalalignment=align,
                verticalalignment="baseline",
                parse_math=False,  # a caption may hold dollar signs
            )

    def bar(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """Draw a filled bar.

        Args:
            left: Distance of the bar from the left edge.
            top: Distance of the bar from the upper edge.
            width: Width of the bar.
            height: Height of the bar.
            colour: Colour of the bar.
        """
        corner = (left / self.width, 1 - (top + height) / self.height)
        size = (width / self.width, height / self.height)
        transform = self.figure.transFigure
        bar = Rectangle(corner, *size, facecolor=colour, linewidth=0, transform=transform)
        self.figure.add_artist(bar)


def line_height(size: float) -> float:
    """Return the height in inches of a line of letters of a size in points.

    Example:
        >>> round(line_height(10.0), 3)
        0.181
    """
    return size * 1.3 / 72


def resample(image: UInt8[Tensor, "3 _ _"]) -> UInt8[Tensor, "3 _ _"]:
    """Bring a picture to a size for drawing: no visible blocks, and not more than a page shows.

    Args:
        image: Any picture.

    Returns:
        The picture, enlarged by a whole factor if it was small, made smaller if it was large.

    Example:
        >>> resample(torch.zeros(3, 64, 48, dtype=torch.uint8)).shape
        torch.Size([3, 384, 288])
        >>> resample(torch.zeros(3, 3000, 4000, dtype=torch.uint8)).shape
        torch.Size([3, 272, 363])
    """
    shorter, longer = sorted(image.shape[1:])
    up, down = math.ceil(_PIXELS / shorter), shorter // _PIXELS
    if up > 1 and longer * up <= 8 * _PIXELS:
        resized = F.interpolate(image[None].float(), scale_factor=up, mode="bicubic")
    elif down > 1:
        size = [length // down for length in image.shape[1:]]
        resized = F.interpolate(image[None].float(), size=size, mode="area")
    else:
        return image
    return resized[0].round().clamp(0, 255).to(torch.uint8)


def wrap(text: str, width: float, size: float, weight: str = "normal", lines: int = 4) -> list[str]:
    """Break text into lines that fit a width; what is too long ends in an ellipsis.

    Args:
        text: Words between white space; a word wider than a line is cut.
        width: Width of a line in inches.
        size: Size of the letters in points.
        weight: matplotlib's name of the weight.
        lines: How many lines there may be.

    Returns:
        The lines.

    Example:
        >>> wrap("a dog runs through the tall grass", 1.5, 10.0)
        ['a dog runs through', 'the tall grass']
    """
    pieces = [piece for word in text.split() for piece in _cut(word, width, size, weight)]
    wrapped: list[str] = []
    for piece in pieces:
        longer = f"{wrapped[-1]} {piece}" if wrapped else ""
        if longer and text_width(longer, size, weight) <= width:
            wrapped[-1] = longer
        elif len(wrapped) == lines:
            wrapped[-1] = _shorten(wrapped[-1], width, size, weight)
            break
        else:
            wrapped.append(piece)
    return wrapped


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Measure text in inches.

    Args:
        text: One line.
        size: Size of the letters in points.
        weight: matplotlib's name of the weight.

    Returns:
        Its width, with a little to spare.

    Example:
        >>> 0 < text_width("a dog", 6.0) < text_width("a dog", 12.0) < 1
        True
    """
    font = FontProperties(size=size, weight=weight)
    measure = _ruler().get_text_width_height_descent
    return float(measure(text, font, False)[0]) * 1.02 / 72  # type: ignore[no-untyped-call]


def _cut(word: str, width: float, size: float, weight: str) -> list[str]:
    """Cut a word that is wider than a line into pieces that are not."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and text_width(pieces[-1] + letter, size, weight) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _shorten(text: str, width: float, size: float, weight: str) -> str:
    while text and text_width(f"{text}…", size, weight) > width:
        text = text[:-1]
    return f"{text}…"


@functools.cache
def _ruler() -> RendererAgg:
    return RendererAgg(72, 72, 72)  # type: ignore[no-untyped-call]
