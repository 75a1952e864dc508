"""Draw why a model said something of a picture: the picture, what spoke for it, and what else.

The picture stands on the left, the map of the reasons over it in the middle, and ranked answers or
labels on the right. The words of a question stand above, coloured by what each contributed.

References:
    Selvaraju et al. 2017, "Grad-CAM", figures 1 and 5 (a picture beside its reasons, for a class
    and for an answer).
"""

import math
from collections.abc import Sequence

from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.figures.answers import draw_ranked, ranked_height
from multimodal.figures.overlays import Shade, aspect, light
from multimodal.figures.pages import PALE, Page, line_height, resample, wrap
from multimodal.figures.texts import draw_words, words_height

_MARGIN, _GAP, _SIDE, _RANKED = 0.25, 0.25, 2.6, 2.6  # inches
_TITLE, _NAME, _REMARK = 15.0, 9.5, 10.0  # of the letters in points


def reason_figure(
    image: UInt8[Tensor, "3 height width"],
    weights: Float[Tensor, "rows columns"],
    *,
    title: str,
    note: str = "",
    ranked: Sequence[tuple[str, float]] = (),
    words: Sequence[str] = (),
    contributions: Sequence[float] = (),
    shade: Shade = light,
) -> Figure:
    """Draw a picture, a map of what spoke for what was said of it, and what was said.

    Args:
        image: What the encoder saw, or the whole picture if it was squeezed into a square.
        weights: What each region of a grid over the picture spoke for it, or against.
        title: A line above everything: what was said, or the question.
        note: What the map means, in pale letters.
        ranked: Answers or labels with their probabilities, best first; none where there are none.
        words: Words of a question.
        contributions: What each of them spoke for the answer; none if it is not known.
        shade: How the map is laid over the picture: `multimodal.figures.overlays.light`, or
            ``tint`` where weights may be negative.

    Returns:
        The figure; save it with `multimodal.figures.rendering.save_figure`.

    Raises:
        ValueError: If there are contributions, but not one for each word.

    Example:
        >>> import torch
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> figure = reason_figure(image, torch.rand(4, 4), title="tulip", ranked=[("tulip", 0.9)])
        >>> [text.get_text() for text in figure.texts]
        ['tulip', 'the picture', 'why', 'tulip', '90.0 %']
    """
    wide = _SIDE / math.sqrt(aspect(image))
    tall = wide * aspect(image)
    inner = 2 * wide + _GAP + bool(ranked) * (_GAP + _RANKED)
    width = inner + 2 * _MARGIN
    head = wrap(title, inner, _TITLE, "bold")
    words_top = _MARGIN + line_height(_TITLE) * len(head) + 0.05
    shown = words if contributions else ()
    below_words = words_top + words_height(shown, inner)
    remark = wrap(note, inner, _REMARK)
    names = below_words + line_height(_REMARK) * len(remark) + 0.5 * _GAP
    top = names + 1.3 * line_height(_NAME)
    page = Page(width, top + max(tall, ranked_height(ranked)) + _MARGIN)
    page.write(_MARGIN, _MARGIN, head, _TITLE, weight="bold")
    draw_words(page, _MARGIN, words_top, shown, contributions, width=inner)
    page.write(_MARGIN, below_words, remark, _REMARK, colour=PALE)
    image = resample(image)
    rows, columns = weights.shape
    panels = (("the picture", image), ("why", shade(image, weights.flatten(), (rows, columns))))
    left = _MARGIN
    for name, panel in panels:
        page.write(left, names, [name], _NAME, colour=PALE)
        page.picture(left, top, wide, tall, panel)
        left += wide + _GAP
    draw_ranked(page, left, top, ranked)
    return page.figure
