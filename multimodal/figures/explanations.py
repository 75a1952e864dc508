"""Draw a picture beside a map over it and the ranked predictions: attention, or an explanation.

Pictures of all proportions get one area, so that a page keeps its size. The words of a question are
above, coloured by their contributions.

References:
    Selvaraju et al. 2017, "Grad-CAM", figures 1 and 5 (a picture beside the map of a class or an
    answer); Yang et al. 2016, "Stacked attention networks for image question answering", figure 5
    (attention).
"""

from collections.abc import Sequence

from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.figures.overlays import Shade, light
from multimodal.figures.page import (
    MARGIN,
    NAME,
    NOTE,
    PALE,
    TITLE,
    Page,
    line_height,
    picture_size,
    resample,
    wrap,
)
from multimodal.figures.probabilities import (
    RANKED_WIDTH,
    check_probabilities,
    draw_ranked,
    ranked_height,
)
from multimodal.figures.texts import draw_words, words_height

_GAP, _SIDE = 0.25, 2.6  # inches; side of a square picture


def explanation_figure(
    image: UInt8[Tensor, "3 height width"],
    weights: Float[Tensor, "rows columns"],
    *,
    title: str,
    note: str = "",
    ranked: Sequence[tuple[str, float]] = (),
    words: Sequence[str] = (),
    contributions: Sequence[float] = (),
    shade: Shade = light,
    names: Sequence[str] = ("the picture", "why"),
) -> Figure:
    """Draw a picture, a map over it, and the ranked predictions.

    Args:
        weights: A weight for each region of a grid over the picture.
        title: A line above everything: the prediction, or the question.
        note: Meaning of the map, in pale letters.
        ranked: Answers or labels with their probabilities, best first; may be empty.
        words: Words of a question.
        contributions: A contribution for each of them; words are not drawn if it is empty.
        shade: Function that draws the map: `multimodal.figures.overlays.light`, or ``tint`` where
            weights may be negative.

    Example:
        >>> import torch
        >>> image, weights = torch.zeros(3, 64, 64, dtype=torch.uint8), torch.rand(4, 4)
        >>> figure = explanation_figure(image, weights, title="tulip", ranked=[("tulip", 0.9)])
        >>> [text.get_text() for text in figure.texts]
        ['tulip', 'the picture', 'why', 'tulip', '90.0 %']
    """
    wide, tall = picture_size(image, _SIDE)
    inner = 2 * wide + _GAP + bool(ranked) * (_GAP + RANKED_WIDTH)
    heading, remark = wrap(title, inner, TITLE, "bold"), wrap(note, inner, NOTE)
    words_top = MARGIN + line_height(TITLE) * len(heading) + 0.05
    words = words if contributions else ()
    note_top = words_top + words_height(words, inner)
    names_top = note_top + line_height(NOTE) * len(remark) + 0.5 * _GAP
    top = names_top + 1.3 * line_height(NAME)
    page = Page(inner + 2 * MARGIN, top + max(tall, ranked_height(ranked)) + MARGIN)
    page.write(MARGIN, MARGIN, heading, TITLE, weight="bold")
    draw_words(page, MARGIN, words_top, words, contributions, width=inner)
    page.write(MARGIN, note_top, remark, NOTE, colour=PALE)
    lefts = [MARGIN + column * (wide + _GAP) for column in range(3)]
    for left, name in zip(lefts, names, strict=False):
        page.write(left, names_top, [name], NAME, colour=PALE)
    image = resample(image)
    rows, columns = weights.shape
    page.picture(lefts[0], top, wide, tall, image)
    page.picture(lefts[1], top, wide, tall, shade(image, weights.flatten(), (rows, columns)))
    draw_ranked(page, lefts[2], top, ranked)
    return page.figure


def answer_figure(
    image: UInt8[Tensor, "3 height width"],
    question: str,
    ranked: Sequence[tuple[str, float]],
    attention: Float[Tensor, "rows columns"],
    *,
    note: str = "",
) -> Figure:
    """Draw a picture, a question about it, the attention of the model, and its best answers."""
    if not ranked:
        raise ValueError("A picture of an answer needs at least one answer, got none.")
    check_probabilities(ranked)
    names = ("the picture", "where the model looked", "its answers")
    return explanation_figure(
        image, attention, title=question, note=note, ranked=ranked, names=names
    )
