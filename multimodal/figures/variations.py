"""Draw training pictures beside what a network sees of them from epoch to epoch."""

from collections.abc import Sequence

from jaxtyping import UInt8
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.figures.overlays import aspect
from multimodal.figures.pages import PALE, Page, line_height, wrap

_MARGIN, _GAP, _APART = 0.25, 0.06, 0.22  # inches; the first column stands apart
_SIDE = 1.1  # width of a picture
_TITLE, _HEAD, _NOTE = 13.0, 9.0, 8.0  # letters in points
_LINES = 2  # of what is said of a picture


def variation_figure(
    originals: Sequence[UInt8[Tensor, "3 height width"]],
    variations: Sequence[Sequence[UInt8[Tensor, "3 height width"]]],
    notes: Sequence[str],
    *,
    title: str = "",
) -> Figure:
    """Draw one row a picture: as it is, then as it is seen in each epoch.

    Args:
        originals: The pictures as evaluation sees them.
        variations: The pictures as they are seen in one epoch after another, for each picture.
        notes: What stands below each picture's row, such as its label.
        title: A line above everything.

    Returns:
        The figure; save it with `multimodal.figures.rendering.save_figure`.

    Raises:
        ValueError: If there are no pictures, or not as many variations and notes.

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
    width = 2 * _MARGIN + _SIDE + _APART + max(1, epochs) * step - _GAP
    tall = _SIDE * max(aspect(image) for image in originals)
    row_height = tall + (_LINES + 0.4) * line_height(_NOTE)
    head = wrap(title, width - 2 * _MARGIN, _TITLE, "bold")
    top = _MARGIN + line_height(_TITLE) * len(head) + line_height(_HEAD)
    page = Page(width, top + row_height * len(originals) + _MARGIN)
    page.write(_MARGIN, _MARGIN, head, _TITLE, weight="bold")
    lefts = [_MARGIN, *(_MARGIN + _SIDE + _APART + step * epoch for epoch in range(epochs))]
    names = ["as it is", *(f"epoch {epoch}" for epoch in range(epochs))]
    for left, name in zip(lefts, names, strict=True):
        page.write(left, top - 1.2 * line_height(_HEAD), [name], _HEAD, colour=PALE)
    for number, (original, row, note) in enumerate(zip(originals, variations, notes, strict=True)):
        below = top + number * row_height
        for left, image in zip(lefts, (original, *row), strict=False):
            page.picture(left, below, _SIDE, tall, image)
        lines = wrap(note, width - 2 * _MARGIN, _NOTE, lines=_LINES)
        page.write(_MARGIN, below + tall + 0.04, lines, _NOTE)
    return page.figure
