"""Draw training pictures beside their augmented versions in each epoch."""

from collections.abc import Sequence

from jaxtyping import UInt8
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.figures.page import MARGIN, PALE, Page, aspect, line_height, wrap

_GAP, _APART = 0.06, 0.22  # inches; after the first column
_SIDE = 1.1  # width of a picture
_TITLE, _HEAD, _NOTE = 13.0, 9.0, 8.0  # letters in points
_LINES = 2  # of a note


def variation_figure(
    originals: Sequence[UInt8[Tensor, "3 height width"]],
    variations: Sequence[Sequence[UInt8[Tensor, "3 height width"]]],
    notes: Sequence[str],
    *,
    title: str = "",
) -> Figure:
    """Draw a row for each picture: the original, then its version in each epoch.

    Args:
        originals: The pictures as in evaluation.
        variations: For each picture its augmented version in each epoch.
        notes: A line below each row, such as the label.

    Example:
        >>> import torch
        >>> image = torch.zeros(3, 8, 8, dtype=torch.uint8)
        >>> figure = variation_figure([image], [[image, image]], ["tulip"])
        >>> [text.get_text() for text in figure.texts]
        ['as it is', 'epoch 0', 'epoch 1', 'tulip']
    """
    if not originals or not len(originals) == len(variations) == len(notes):
        raise ValueError(
            "A sheet needs pictures, each with its variations and a note, got "
            f"{len(originals)} pictures, {len(variations)} rows of variations and {len(notes)} "
            "notes."
        )
    epochs = max(len(row) for row in variations)
    step = _SIDE + _GAP
    width = 2 * MARGIN + _SIDE + _APART + max(1, epochs) * step - _GAP
    tall = _SIDE * max(aspect(image) for image in originals)
    row_height = tall + (_LINES + 0.4) * line_height(_NOTE)
    head = wrap(title, width - 2 * MARGIN, _TITLE, "bold")
    top = MARGIN + line_height(_TITLE) * len(head) + line_height(_HEAD)
    page = Page(width, top + row_height * len(originals) + MARGIN)
    page.write(MARGIN, MARGIN, head, _TITLE, weight="bold")
    lefts = [MARGIN, *(MARGIN + _SIDE + _APART + step * epoch for epoch in range(epochs))]
    names = ["as it is", *(f"epoch {epoch}" for epoch in range(epochs))]
    for left, name in zip(lefts, names, strict=True):
        page.write(left, top - 1.2 * line_height(_HEAD), [name], _HEAD, colour=PALE)
    for number, (original, row, note) in enumerate(zip(originals, variations, notes, strict=True)):
        below = top + number * row_height
        for left, image in zip(lefts, (original, *row), strict=False):
            page.picture(left, below, _SIDE, tall, image)
        lines = wrap(note, width - 2 * MARGIN, _NOTE, lines=_LINES)
        page.write(MARGIN, below + tall + 0.04, lines, _NOTE)
    return page.figure
