"""Draw captions: one picture with an attention map for every word, or a sheet of many pictures.

References:
    Xu et al. 2015, Show, Attend and Tell, section 5.4 and figure 2: attention maps word by word.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.figures.overlays import Shade, light
from multimodal.figures.page import (
    MARGIN,
    PALE,
    Heading,
    Page,
    aspect,
    line_height,
    resample,
    wrap,
)
from multimodal.text import detokenize

_GAP = 0.14  # inches
_MOST_WORDS_A_ROW, _WORD = 7, 0.95  # of a sheet
_PICTURE = {False: 2.5, True: 2.1}  # width on a sheet, without and with words beside it


@dataclass(frozen=True, slots=True)
class WordMaps:
    """The words of a caption, each with its attention over the picture.

    The grid is the rows and columns of the regions.
    """

    tokens: Sequence[str]
    attention: Float[Tensor, "time regions"]
    grid: tuple[int, int]

    def __post_init__(self) -> None:
        rows, columns = self.grid
        if self.attention.shape != (len(self.tokens), rows * columns):
            raise ValueError(
                f"attention must be (time, regions) = ({len(self.tokens)}, {rows * columns}) for "
                f"{len(self.tokens)} words on a {rows} x {columns} grid, "
                f"got {tuple(self.attention.shape)}."
            )


def caption_figure(
    image: UInt8[Tensor, "3 height width"],
    tokens: Sequence[str],
    attention: Float[Tensor, "time regions"],
    grid: tuple[int, int],
    *,
    caption: str = "",
    note: str = "",
    columns: int = 5,
    shade: Shade = light,
) -> Figure:
    """Draw a picture, its caption, and a map for each of its words.

    Args:
        grid: Rows and columns of the regions.
        caption: The sentence above the picture; made of the words by default.
        shade: Function that draws a map, `multimodal.figures.overlays.light` or ``tint``.

    Example:
        >>> import torch
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> figure = caption_figure(image, ["a", "dog"], torch.rand(2, 16), (4, 4))
        >>> len(figure.axes)
        3
    """
    maps = WordMaps(tokens, attention, grid)
    cell = 1.5
    tall = cell * aspect(image)
    large = 2 * cell + _GAP
    columns = max(1, min(columns, len(tokens)))
    width = 2 * MARGIN + large + (_GAP + cell) * columns
    heading = Heading(caption or detokenize(tokens), note, width - 2 * MARGIN)
    top = MARGIN + heading.height + _GAP
    word_rows = math.ceil(len(tokens) / columns)
    body = max(
        large * aspect(image), word_rows * (line_height(11.0) + tall) + (word_rows - 1) * _GAP
    )
    page = Page(width, top + body + MARGIN)
    heading.draw(page)
    page.picture(MARGIN, top, large, large * aspect(image), image)
    _draw_words(
        page, MARGIN + large + _GAP, top, image, maps, cell=cell, columns=columns, shade=shade
    )
    return page.figure


def caption_sheet(
    images: Sequence[UInt8[Tensor, "3 _ _"]],
    captions: Sequence[str],
    *,
    notes: Sequence[str] = (),
    maps: Sequence[WordMaps] = (),
    columns: int = 0,
    title: str = "",
) -> Figure:
    """Draw many pictures with their captions on one page.

    Args:
        notes: A line for each, such as a score, in pale letters; none by default.
        maps: Words and attention of each picture, drawn beside it; none by default.
        columns: Pictures in a row; 0 chooses.

    Example:
        >>> import torch
        >>> images = [torch.zeros(3, 48, 64, dtype=torch.uint8)] * 3
        >>> figure = caption_sheet(images, ["a dog", "a cat", "a bird"], notes=["1.0"] * 3)
        >>> len(figure.axes)
        3
    """
    if not images:
        raise ValueError("A sheet needs at least one picture, got none.")
    for name, given in (("captions", captions), ("notes", notes), ("maps", maps)):
        if len(given) != len(images) and (given or name == "captions"):
            raise ValueError(f"A sheet of {len(images)} pictures got {len(given)} {name}.")
    words_a_row = _balance(max((len(each.tokens) for each in maps), default=1))
    entries = [
        _Entry(
            image,
            captions[index],
            notes[index] if notes else "",
            maps[index] if maps else None,
            words_a_row,
        )
        for index, image in enumerate(images)
    ]
    columns = min(columns or (2 if maps else 4), len(images))
    return _sheet(entries, columns, title)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One picture of a sheet, with its text and maps beside or below it."""

    image: Tensor
    caption: str
    note: str
    maps: WordMaps | None
    words_a_row: int

    @property
    def picture_width(self) -> float:
        return _PICTURE[self.maps is not None]

    @property
    def width(self) -> float:
        beside = _GAP + self.text_width if self.maps else 0.0
        return self.picture_width + beside

    @property
    def text_width(self) -> float:
        return self.words_a_row * (_WORD + 0.06) if self.maps else self.picture_width

    @property
    def picture_height(self) -> float:
        return self.picture_width * min(aspect(self.image), 1.0)

    @property
    def lines(self) -> list[str]:
        return wrap(self.caption, self.text_width, 10.0)

    @property
    def note_lines(self) -> list[str]:
        return wrap(self.note, self.text_width, 8.5) if self.note else []

    @property
    def text_height(self) -> float:
        return line_height(10.0) * len(self.lines) + line_height(8.5) * len(self.note_lines)

    @property
    def height(self) -> float:
        if self.maps is None:
            return self.picture_height + 0.06 + self.text_height
        rows = math.ceil(len(self.maps.tokens) / self.words_a_row)
        word = line_height(8.0) + _WORD * aspect(self.image) + 0.06
        return max(self.picture_height, self.text_height + 0.06 + rows * word)

    def draw(self, page: Page, left: float, top: float) -> None:
        page.picture(left, top, self.picture_width, self.picture_height, self.image)
        if self.maps:
            left += self.picture_width + _GAP
        else:
            top += self.picture_height + 0.06
        page.write(left, top, self.lines, 10.0)
        page.write(
            left, top + line_height(10.0) * len(self.lines), self.note_lines, 8.5, colour=PALE
        )
        if self.maps:
            top += self.text_height + 0.06
            _draw_words(
                page, left, top, self.image, self.maps, cell=_WORD, columns=self.words_a_row
            )


def _sheet(entries: Sequence[_Entry], columns: int, title: str) -> Figure:
    rows = [entries[start : start + columns] for start in range(0, len(entries), columns)]
    step = max(entry.width for entry in entries) + 2 * _GAP
    heights = [max(entry.height for entry in row) + 2 * _GAP for row in rows]
    width = 2 * MARGIN + step * columns - 2 * _GAP
    heading = wrap(title, width - 2 * MARGIN, 14.0, "bold") if title else []
    top = MARGIN + (line_height(14.0) * len(heading) + _GAP if heading else 0.0)
    page = Page(width, top + sum(heights) - 2 * _GAP + MARGIN)
    page.write(MARGIN, MARGIN, heading, 14.0, weight="bold")
    for row, height in zip(rows, heights, strict=True):
        for column, entry in enumerate(row):
            entry.draw(page, MARGIN + column * step, top)
        top += height
    return page.figure


def _balance(words: int) -> int:
    """Divide words into rows of equal length: eight are four and four, not seven and one."""
    rows = max(1, math.ceil(words / _MOST_WORDS_A_ROW))
    return max(3, math.ceil(words / rows))


def _draw_words(
    page: Page,
    left: float,
    top: float,
    image: Tensor,
    maps: WordMaps,
    *,
    cell: float,
    columns: int,
    shade: Shade = light,
) -> None:
    """Draw a map for each word, row by row, each below its word."""
    size, gap = (11.0, _GAP) if cell > 1 else (8.0, 0.06)
    tall = cell * aspect(image)
    image = resample(image)  # once for all words
    for number, (token, weights) in enumerate(zip(maps.tokens, maps.attention, strict=True)):
        x = left + (number % columns) * (cell + gap)
        y = top + (number // columns) * (line_height(size) + tall + gap)
        page.write(x, y, wrap(token, cell, size, lines=1), size)
        page.picture(x, y + line_height(size), cell, tall, shade(image, weights, maps.grid))
