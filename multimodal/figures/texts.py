"""Draw a text with the contributions of its words, as a line for a terminal or as a picture.

Blue words support the prediction and orange ones oppose it, two colours that colour-blind people
can tell apart; the stronger the colour, the larger the contribution relative to the largest of the
text. Words that contribute less than a tenth of it stay plain. Control characters in a word become
escapes, so that a text cannot do anything to a terminal.

References:
    Li et al. 2016, "Visualizing and understanding neural models in NLP", section 5: a text as a
    line of coloured words.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from multimodal.figures.page import (
    INK,
    MARGIN,
    NOTE,
    PALE,
    Heading,
    Page,
    line_height,
    text_width,
    wrap,
)

_LEAST = 0.1  # share of the largest contribution from which words are coloured
# Background and letters of four strengths, in the 256 colours that all terminals have.
_POSITIVE_CODES = ((153, 16), (111, 16), (69, 16), (25, 231))
_NEGATIVE_CODES = ((223, 16), (215, 16), (208, 16), (130, 231))
_POSITIVE, _NEGATIVE = "#1f6fb4", "#cf6a12"
_STRONG = 0.6  # share from which letters are white

_WIDTH = 7.5  # inches
_SIZE = 12.0  # of the letters in points
_PAD, _SPACE, _LEADING = 0.035, 0.03, 1.35  # beside a word; between words; from line to line
_MOST_LINES = 50


class _Word(NamedTuple):
    """A word as it is drawn: its text, strength from -1 to 1, and place in its line in inches."""

    text: str
    strength: float
    left: float
    width: float


def text_line(tokens: Sequence[str], contributions: Sequence[float], *, colour: bool = True) -> str:
    r"""Format a text as a line for a terminal, its words coloured by their contributions.

    Without `colour`, numbers follow the words that contribute.

    Example:
        >>> text_line(["not", "a", "bad", "film"], [0.5, 0.0, -0.25, 0.01], colour=False)
        'not(+0.5) a bad(-0.25) film'
        >>> text_line(["good", "film"], [0.5, 0.0])
        '\x1b[48;5;25;38;5;231mgood\x1b[0m film'
    """
    words = []
    strengths = _scale(tokens, contributions)
    for word, contribution, strength in zip(tokens, contributions, strengths, strict=True):
        token = _visible(word)
        if not strength:
            words.append(token)
        elif not colour:
            words.append(f"{token}({contribution:+.2g})")
        else:
            codes = _POSITIVE_CODES if strength > 0 else _NEGATIVE_CODES
            back, letters = codes[min(int(abs(strength) * len(codes)), len(codes) - 1)]
            words.append(f"\x1b[48;5;{back};38;5;{letters}m{token}\x1b[0m")
    return " ".join(words)


def text_figure(
    tokens: Sequence[str],
    contributions: Sequence[float],
    *,
    title: str = "",
    note: str = "",
    legend: Sequence[str] = ("supports it", "opposes it"),
) -> Figure:
    """Draw a text, its words coloured by their contributions.

    Args:
        tokens: The words; the first fifty lines are drawn.
        legend: Meanings of the two colours; one name where no contribution is negative.

    Example:
        >>> figure = text_figure(["a", "good", "film"], [0.0, 0.9, 0.1], title="positive")
        >>> [text.get_text() for text in figure.texts]
        ['positive', 'a', 'good', 'film', 'supports it', 'opposes it']
    """
    inner = _WIDTH - 2 * MARGIN
    heading = Heading(title, note, inner)
    top = MARGIN + heading.height + (0.12 if heading.height else 0.0)
    lines = _lay_out(tokens, _scale(tokens, contributions), inner)
    left_over = sum(len(line) for line in lines[_MOST_LINES:])
    lines = lines[:_MOST_LINES] or [[]]
    end = top + _height(len(lines) + (left_over > 0)) + 0.12
    page = Page(_WIDTH, end + line_height(NOTE) + MARGIN)
    heading.draw(page)
    _draw_lines(page, MARGIN, top, lines)
    if left_over:
        rest = f"… and {left_over:,} more words"
        page.write(MARGIN, top + _height(len(lines)), [rest], _SIZE, colour=PALE)
    _draw_legend(page, end, legend)
    return page.figure


def words_height(tokens: Sequence[str], width: float) -> float:
    """Return the height in inches of a drawing of `draw_words`."""
    return _height(len(_lay_out(tokens, [0.0] * len(tokens), width)))


def draw_words(
    page: Page,
    left: float,
    top: float,
    tokens: Sequence[str],
    contributions: Sequence[float],
    *,
    width: float,
) -> None:
    """Draw words in lines, coloured by their contributions."""
    _draw_lines(page, left, top, _lay_out(tokens, _scale(tokens, contributions), width))


def _scale(tokens: Sequence[str], contributions: Sequence[float]) -> list[float]:
    """Scale contributions to [-1, 1] and zero out those below the display threshold."""
    if len(tokens) != len(contributions):
        raise ValueError(
            f"Every word needs a contribution, got {len(tokens)} words and {len(contributions)} "
            "contributions."
        )
    for token, contribution in zip(tokens, contributions, strict=True):
        if not math.isfinite(contribution):
            raise ValueError(f"The contribution of {token!r} must be finite, got {contribution}.")
    largest = max(map(abs, contributions), default=0.0) or 1.0
    strengths = (contribution / largest for contribution in contributions)
    return [strength if abs(strength) >= _LEAST else 0.0 for strength in strengths]


def _visible(token: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in token)


def _lay_out(tokens: Sequence[str], strengths: Sequence[float], width: float) -> list[list[_Word]]:
    """Fill lines with words; a word wider than a line is cut."""
    lines: list[list[_Word]] = []
    end = math.inf
    for token, strength in zip(tokens, strengths, strict=True):
        text = _visible(token)
        if text_width(text, _SIZE) + 2 * _PAD > width:
            text = " ".join(wrap(text, width - 2 * _PAD, _SIZE, lines=1))
        wide = text_width(text, _SIZE) + 2 * _PAD
        if end and end + wide > width:
            lines.append([])
            end = 0.0
        lines[-1].append(_Word(text, strength, end, wide))
        end += wide + _SPACE
    return lines


def _height(lines: int) -> float:
    return lines * _LEADING * line_height(_SIZE)


def _draw_lines(page: Page, left: float, top: float, lines: Sequence[Sequence[_Word]]) -> None:
    for number, line in enumerate(lines):
        below = top + _height(number)
        for word in line:
            if word.strength:
                colour = _shade(word.strength)
                page.bar(left + word.left, below, word.width, line_height(_SIZE), colour)
            ink = "white" if abs(word.strength) > _STRONG else INK
            page.write(left + word.left + _PAD, below, [word.text], _SIZE, colour=ink)


def _shade(strength: float) -> str:
    """Mix the colour of the sign with white."""
    colour = to_rgb(_POSITIVE if strength > 0 else _NEGATIVE)
    red, green, blue = (1 - abs(strength) * (1 - part) for part in colour)
    return to_hex((red, green, blue))


def _draw_legend(page: Page, top: float, legend: Sequence[str]) -> None:
    left, side = MARGIN, 0.6 * line_height(NOTE)
    for name, sign in zip(legend, (1.0, -1.0), strict=False):
        page.bar(left, top + 0.2 * line_height(NOTE), side, side, _shade(sign))
        page.write(left + 1.5 * side, top, [name], NOTE, colour=PALE)
        left += 1.5 * side + text_width(name, NOTE) + 0.3
