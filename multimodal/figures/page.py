"""A page: pictures, bars and wrapped text placed in inches from the upper left corner.

matplotlib places things in fractions of a figure and lets long text run over its neighbours. Here,
:func:`wrap` breaks text by its measured width, so the size of a page is known before it is drawn.
Only matplotlib's objects are used, never pyplot: nothing opens a window, keeps a figure alive or
changes a setting.
"""

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from torch import Tensor

from multimodal.files import atomic_write

INK, PALE = "#1c1c1c", "#6f6f6f"
MARGIN = 0.25  # inches
TITLE, NOTE, NAME = 15.0, 10.0, 9.5  # sizes of letters in points: titles, notes, column names
_PIXELS = 256  # least length of the shorter side of a picture, so that small ones look smooth
_SUFFIXES = (".png", ".jpg", ".pdf", ".svg")


class Page:
    """A white figure whose parts are placed in inches from its upper left corner."""

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
        """Fit a picture into the upper left of a box; it keeps its proportions."""
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
        """Write lines below each other, from `left` on, or up to it if aligned right.

        `size` is that of the letters in points; `colour` and `weight` are names of matplotlib.
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
        """Draw a filled rectangle."""
        corner = (left / self.width, 1 - (top + height) / self.height)
        size = (width / self.width, height / self.height)
        transform = self.figure.transFigure
        bar = Rectangle(corner, *size, facecolor=colour, linewidth=0, transform=transform)
        self.figure.add_artist(bar)


class Heading:
    """A bold title and a pale note below it, at the top of a page; all lengths are in inches."""

    def __init__(self, title: str, note: str, width: float) -> None:
        self._title, self._note = wrap(title, width, TITLE, "bold"), wrap(note, width, NOTE)
        self._below = line_height(TITLE) * len(self._title)
        self.height = self._below + line_height(NOTE) * len(self._note)

    def draw(self, page: Page) -> None:
        """Draw both from the page's margins on."""
        page.write(MARGIN, MARGIN, self._title, TITLE, weight="bold")
        page.write(MARGIN, MARGIN + self._below, self._note, NOTE, colour=PALE)


def save_figure(figure: Figure, path: Path, *, dpi: int = 150) -> None:
    """Write a figure to a .png, .jpg, .pdf or .svg file atomically."""
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"A picture is written as {', '.join(_SUFFIXES)}, got {path}.")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format=path.suffix.lower()[1:])


def aspect(image: UInt8[Tensor, "3 height width"]) -> float:
    """Return height by width, limited to proportions that fit a page."""
    return min(max(image.shape[1] / image.shape[2], 0.4), 1.8)


def picture_size(image: UInt8[Tensor, "3 height width"], side: float) -> tuple[float, float]:
    """Return width and height in inches at which pictures of all proportions have one area."""
    width = side / math.sqrt(aspect(image))
    return width, width * aspect(image)


def line_height(size: float) -> float:
    """Return the height in inches of a line of letters whose size is in points."""
    return size * 1.3 / 72


def resample(image: UInt8[Tensor, "3 _ _"]) -> UInt8[Tensor, "3 _ _"]:
    """Resize a picture for drawing: small ones by a whole factor, large ones to what a page shows.

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
    """Break text into lines of a width in inches; a word wider than a line is cut.

    `size` is that of the letters in points. Text of more than `lines` lines ends in an ellipsis.

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
    """Return the width of one line of text in inches, with 2 % to spare."""
    font = FontProperties(size=size, weight=weight)
    measure = _ruler().get_text_width_height_descent
    return float(measure(text, font, False)[0]) * 1.02 / 72  # type: ignore[no-untyped-call]


def _cut(word: str, width: float, size: float, weight: str) -> list[str]:
    """Cut a word that is wider than a line into pieces that fit."""
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
