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
from collections.abc import Iterator, Sequence

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


def text_line(tokens: Sequence[str], contributions: Sequence[float], *, colour: bool = True) -> str:
    r"""Format a text for a terminal, its words coloured by their contributions.

    Args:
        tokens: The words.
        contributions: A contribution for each.
        colour: Use a terminal's colours; otherwise numbers follow the words that contribute.

    Returns:
        One line.

    Raises:
        ValueError: If there is not one contribution for each word, or one is not finite.

    Example:
        >>> text_line(["not", "a", "bad", "film"], [0.5, 0.0, -0.25, 0.01], colour=False)
        'not(+0.5) a bad(-0.25) film'
        >>> text_line(["good", "film"], [0.5, 0.0])
        '\x1b[48;5;25;38;5;231mgood\x1b[0m film'
    """
    shares = _shares(tokens, contributions)
    words = []
    for token, contribution, share in zip(
        map(_visible, tokens), contributions, shares, strict=True
    ):
        if not share:
            words.append(token)
        elif not colour:
            words.append(f"{token}({contribution:+.2g})")
        else:
            codes = _POSITIVE_CODES if share > 0 else _NEGATIVE_CODES
            back, letters = codes[min(int(abs(share) * len(codes)), len(codes) - 1)]
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
        contributions: A contribution for each.
        title: A line above the text, such as the label and its probability.
        note: A line below the title, in pale letters.
        legend: What the two colours mean; one name where no contribution is negative.

    Returns:
        The figure; save it with `multimodal.figures.page.save_figure`.

    Raises:
        ValueError: If there is not one contribution for each word, or one is not finite.

    Example:
        >>> figure = text_figure(["a", "good", "film"], [0.0, 0.9, 0.1], title="positive")
        >>> [text.get_text() for text in figure.texts]
        ['positive', 'a', 'good', 'film', 'supports it', 'opposes it']
    """
    shares = _shares(tokens, contributions)
    inner = _WIDTH - 2 * MARGIN
    heading = Heading(title, note, inner)
    top = MARGIN + heading.height + (0.12 if heading.height else 0.0)
    words = list(_fitted(tokens, inner))
    positions = list(_flow(words, inner))
    lines = 1 + max((line for line, _ in positions), default=0)
    left_over = sum(line >= _MOST_LINES for line, _ in positions)
    lines = min(lines, _MOST_LINES) + (left_over > 0)
    step = _LEADING * line_height(_SIZE)
    end = top + lines * step + 0.12
    page = Page(_WIDTH, end + line_height(NOTE) + MARGIN)
    heading.draw(page)
    for word, share, (line, left) in zip(words, shares, positions, strict=True):
        if line < _MOST_LINES:
            _draw_word(page, MARGIN + left, top + line * step, word, share)
    if left_over:
        rest = f"… and {left_over:,} more words"
        page.write(MARGIN, top + (lines - 1) * step, [rest], _SIZE, colour=PALE)
    _draw_legend(page, end, legend)
    return page.figure


def words_height(tokens: Sequence[str], width: float) -> float:
    """Return the height in inches of what `draw_words` draws.

    Example:
        >>> words_height([], 2.0), words_height(["is", "it", "red"], 2.0) > 0
        (0.0, True)
    """
    positions = _flow(list(_fitted(tokens, width)), width)
    return (1 + max((line for line, _ in positions), default=-1)) * _LEADING * line_height(_SIZE)


def draw_words(
    page: Page,
    left: float,
    top: float,
    tokens: Sequence[str],
    contributions: Sequence[float],
    *,
    width: float,
) -> None:
    """Draw words in lines, coloured by their contributions.

    Args:
        page: The page.
        left: Distance from the page's left edge.
        top: Distance from its upper edge.
        tokens: The words.
        contributions: A contribution for each.
        width: Width of the lines in inches.

    Raises:
        ValueError: If there is not one contribution for each word, or one is not finite.

    Example:
        >>> page = Page(3.0, 1.0)
        >>> draw_words(page, 0.2, 0.2, ["is", "it", "red"], [0.0, 0.1, 2.0], width=2.5)
        >>> [text.get_text() for text in page.figure.texts]
        ['is', 'it', 'red']
    """
    shares = _shares(tokens, contributions)
    words = list(_fitted(tokens, width))
    for word, share, (line, indent) in zip(words, shares, _flow(words, width), strict=True):
        down = line * _LEADING * line_height(_SIZE)
        _draw_word(page, left + indent, top + down, word, share)


def _shares(tokens: Sequence[str], contributions: Sequence[float]) -> list[float]:
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
    shares = (contribution / largest for contribution in contributions)
    return [share if abs(share) >= _LEAST else 0.0 for share in shares]


def _visible(token: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in token)


def _fitted(tokens: Sequence[str], width: float) -> Iterator[str]:
    """Cut words that are wider than a line."""
    for token in tokens:
        visible = _visible(token)
        is_wide = text_width(visible, _SIZE) + 2 * _PAD > width
        yield " ".join(wrap(visible, width - 2 * _PAD, _SIZE, lines=1)) if is_wide else visible


def _flow(words: Sequence[str], width: float) -> Iterator[tuple[int, float]]:
    """Lay words out in lines: yield the line of each and its distance from the left."""
    line, left = 0, 0.0
    for word in words:
        wide = text_width(word, _SIZE) + 2 * _PAD
        if left and left + wide > width:
            line, left = line + 1, 0.0
        yield line, left
        left += wide + _SPACE


def _draw_word(page: Page, left: float, top: float, word: str, share: float) -> None:
    if share:
        wide = text_width(word, _SIZE) + 2 * _PAD
        page.bar(left, top, wide, line_height(_SIZE), _shade(share))
    ink = "white" if abs(share) > _STRONG else INK
    page.write(left + _PAD, top, [word], _SIZE, colour=ink)


def _shade(share: float) -> str:
    strength = abs(share)
    red, green, blue = (
        1 - strength * (1 - part) for part in to_rgb(_POSITIVE if share > 0 else _NEGATIVE)
    )
    return to_hex((red, green, blue))


def _draw_legend(page: Page, top: float, legend: Sequence[str]) -> None:
    left, side = MARGIN, 0.6 * line_height(NOTE)
    for name, share in zip(legend, (1.0, -1.0), strict=False):
        page.bar(left, top + 0.2 * line_height(NOTE), side, side, _shade(share))
        page.write(left + 1.5 * side, top, [name], NOTE, colour=PALE)
        left += 1.5 * side + text_width(name, NOTE) + 0.3
