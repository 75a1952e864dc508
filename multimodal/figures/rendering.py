"""Draw captions: one picture with an attention map for every word, or a sheet of many pictures.

Attention maps are drawn as `multimodal.figures.overlays` draws them.

References:
    Xu et al. 2015, Show, Attend and Tell, section 5.4 and figure 2: attention maps word by word.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.figures.overlays import Shade, aspect, light
from multimodal.figures.pages import PALE, Page, line_height, resample, wrap
from multimodal.files import atomic_write
from multimodal.text import detokenize

_MARGIN, _GAP = 0.25, 0.14  # inches
_MOST_WORDS_A_ROW, _WORD = 7, 0.95  # of a sheet
_PICTURE = {False: 2.5, True: 2.1}  # width on a sheet, without and with words beside it
_SUFFIXES = (".png", ".jpg", ".pdf", ".svg")


@dataclass(frozen=True, slots=True)
class WordMaps:
    """The words of a caption and where each of them looked.

    Args:
        tokens: The words.
        attention: One row of weights a word, ``(time, regions)``.
        grid: Rows and columns of the regions.

    Raises:
        ValueError: If the numbers of words, weights and regions do not fit each other.

    Example:
        >>> import torch
        >>> len(WordMaps(["a", "dog"], torch.rand(2, 6), (2, 3)).tokens)
        2
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
    """Draw a picture, its caption, and for every word where it looked.

    Args:
        image: What the encoder saw, or the whole picture if it was squeezed into a square.
        tokens: The words of the caption.
        attention: One row of weights a word.
        grid: Rows and columns of the regions.
        caption: The sentence above the picture; without one, it is made of the words.
        note: A remark below it, in pale letters.
        columns: How many words stand in a row.
        shade: How a map is laid over the picture, `multimodal.figures.overlays.light` or
            ``tint``.

    Returns:
        The figure; save it with :func:`save_figure`.

    Raises:
        ValueError: If the numbers of words, weights and regions do not fit each other.

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
    width = 2 * _MARGIN + large + (_GAP + cell) * columns
    title = wrap(caption or detokenize(tokens), width - 2 * _MARGIN, 15.0, "bold")
    remark = wrap(note, width - 2 * _MARGIN, 10.0)
    below_title = _MARGIN + line_height(15.0) * len(title)
    top = below_title + line_height(10.0) * len(remark) + _GAP
    word_rows = math.ceil(len(tokens) / columns)
    body = max(
        large * aspect(image), word_rows * (line_height(11.0) + tall) + (word_rows - 1) * _GAP
    )
    page = Page(width, top + body + _MARGIN)
    page.write(_MARGIN, _MARGIN, title, 15.0, weight="bold")
    page.write(_MARGIN, below_title, remark, 10.0, colour=PALE)
    page.picture(_MARGIN, top, large, large * aspect(image), image)
    _draw_words(
        page, _MARGIN + large + _GAP, top, image, maps, cell=cell, columns=columns, shade=shade
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
        images: The pictures, each of its own size.
        captions: One sentence a picture.
        notes: One remark a picture, such as a score, in pale letters; none if left out.
        maps: Words and attention of each picture; drawn beside it if given.
        columns: Pictures in a row; chosen if 0.
        title: A line above everything.

    Returns:
        The figure; save it with :func:`save_figure`.

    Raises:
        ValueError: If there are no pictures, or not one caption, note or map for each.

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
    words_a_row = _balance(max((len(found.tokens) for found in maps), default=1))
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


def save_figure(figure: Figure, path: Path, *, dpi: int = 150) -> None:
    """Write a figure to a file, which is either complete or not there.

    Args:
        figure: What :func:`caption_figure` or :func:`caption_sheet` drew.
        path: Its suffix says the format: ``.png``, ``.jpg``, ``.pdf`` or ``.svg``.
        dpi: Dots an inch, where the format has dots.

    Raises:
        ValueError: If the suffix is another.
        OSError: If the file cannot be written.

    Example:
        >>> import torch
        >>> path = getfixture("tmp_path") / "sheet.png"
        >>> save_figure(caption_sheet([torch.zeros(3, 9, 9, dtype=torch.uint8)], ["x"]), path)
        >>> path.read_bytes()[1:4]
        b'PNG'
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"A picture is written as {', '.join(_SUFFIXES)}, got {path}.")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format=path.suffix.lower()[1:])


@dataclass(frozen=True, slots=True)
class _Entry:
    """One picture of a sheet and what stands beside or below it."""

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
    width = 2 * _MARGIN + step * columns - 2 * _GAP
    heading = wrap(title, width - 2 * _MARGIN, 14.0, "bold") if title else []
    top = _MARGIN + (line_height(14.0) * len(heading) + _GAP if heading else 0.0)
    page = Page(width, top + sum(heights) - 2 * _GAP + _MARGIN)
    page.write(_MARGIN, _MARGIN, heading, 14.0, weight="bold")
    for row, height in zip(rows, heights, strict=True):
        for column, entry in enumerate(row):
            entry.draw(page, _MARGIN + column * step, top)
        top += height
    return page.figure


def _balance(words: int) -> int:
    """Divide words into rows of about one length: eight are four and four, not seven and one."""
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
    """Draw one map a word, row by row, each below its word."""
    size, gap = (11.0, _GAP) if cell > 1 else (8.0, 0.06)
    tall = cell * aspect(image)
    image = resample(image)  # once for all words
    for number, (token, weights) in enumerate(zip(maps.tokens, maps.attention, strict=True)):
        x = left + (number % columns) * (cell + gap)
        y = top + (number // columns) * (line_height(size) + tall + gap)
        page.write(x, y, wrap(token, cell, size, lines=1), size)
        page.picture(x, y + line_height(size), cell, tall, shade(image, weights, maps.grid))
