"""Draw an answer: the picture, where the model looked, the question, and ranked answers as bars.

References:
    Yang et al. 2016, "Stacked attention networks for image question answering", figure 5: the
    question and the picture beside where the network looked.
"""

from collections.abc import Sequence

from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.interpret.overlays import aspect, light
from multimodal.interpret.pages import INK, PALE, Page, line_height, resample, wrap

_MARGIN, _GAP = 0.25, 0.2  # inches
_PICTURE = 2.6
_LABELS = (1.3, 2.5)  # width of the answers: short ones, and where one is longer
_BAR, _SHARE = 1.5, 0.7  # widths of a bar of 100 % and of its number
_BEST, _OTHER, _TRACK = "#2f6f9f", "#9fb6c6", "#eef1f3"
_SIZE, _THICK, _ROW = 11.0, 0.17, 0.34  # of the letters in points; heights of a bar and its row


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
        The figure; save it with `multimodal.interpret.rendering.save_figure`.

    Raises:
        ValueError: If there is no answer, or one has no probability from 0 to 1.

    Example:
        >>> import torch
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> ranked = [("yes", 0.9), ("no", 0.1)]
        >>> figure = answer_figure(image, "Is it dark?", ranked, torch.rand(4, 4))
        >>> [text.get_text() for text in figure.texts]
        ['Is it dark?', 'yes', '90.0 %', 'no', '10.0 %']
    """
    _check(ranked)
    tall = _PICTURE * aspect(image)
    label = _LABELS[any(len(_label(answer, _LABELS[0], 2)) > 1 for answer, _ in ranked)]
    width = 2 * _MARGIN + 2 * (_PICTURE + _GAP) + label + _BAR + _SHARE
    title = wrap(question, width - 2 * _MARGIN, 15.0, "bold")
    remark = wrap(note, width - 2 * _MARGIN, 10.0)
    under = _MARGIN + line_height(15.0) * len(title)
    top = under + line_height(10.0) * len(remark) + _GAP
    page = Page(width, top + max(tall, _ROW * len(ranked)) + _MARGIN)
    page.write(_MARGIN, _MARGIN, title, 15.0, weight="bold")
    page.write(_MARGIN, under, remark, 10.0, colour=PALE)
    image = resample(image)
    page.picture(_MARGIN, top, _PICTURE, tall, image)
    left = _MARGIN + _PICTURE + _GAP
    rows, columns = attention.shape
    page.picture(left, top, _PICTURE, tall, light(image, attention.flatten(), (rows, columns)))
    left += _PICTURE + _GAP
    for number, (answer, probability) in enumerate(ranked):
        y, weight = top + _ROW * number, "normal" if number else "bold"
        page.write(left, y, _label(answer, label, 1), _SIZE, weight=weight)
        _draw_bar(page, left + label, y, probability, best=number == 0)
    return page.figure


def _check(ranked: Sequence[tuple[str, float]]) -> None:
    if not ranked:
        raise ValueError("A picture of an answer needs at least one answer, got none.")
    for answer, probability in ranked:
        if not 0 <= probability <= 1:
            raise ValueError(
                f"The probability of an answer must be from 0 to 1, got {probability} for "
                f"{answer!r}."
            )


def _label(answer: str, width: float, lines: int) -> list[str]:
    return wrap(answer, width - 0.1, _SIZE, "bold", lines=lines)


def _draw_bar(page: Page, left: float, top: float, probability: float, *, best: bool) -> None:
    above = (line_height(_SIZE) - _THICK) / 2
    page.bar(left, top + above, _BAR, _THICK, _TRACK)
    page.bar(left, top + above, _BAR * probability, _THICK, _BEST if best else _OTHER)
    share = f"{100 * probability:.1f} %"
    page.write(left + _BAR + 0.1, top, [share], _SIZE, colour=INK if best else PALE)
