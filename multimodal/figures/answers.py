"""Draw an answer: the picture, the model's attention over it, the question, and ranked answers.

References:
    Yang et al. 2016, "Stacked attention networks for image question answering", figure 5.
"""

from collections.abc import Sequence

from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from multimodal.figures.explanations import explanation_figure
from multimodal.figures.probabilities import check_probabilities

_COLUMNS = ("the picture", "where the model looked", "its answers")


def answer_figure(
    image: UInt8[Tensor, "3 height width"],
    question: str,
    ranked: Sequence[tuple[str, float]],
    attention: Float[Tensor, "rows columns"],
    *,
    note: str = "",
) -> Figure:
    """Draw a picture, a question about it, the attention of the model, and its best answers.

    Args:
        image: The picture.
        question: The question, written above the picture.
        ranked: Answers with their probabilities, best first.
        attention: A weight for each region of the grid over the picture.
        note: A line below the question, in pale letters.

    Returns:
        The figure; save it with `multimodal.figures.page.save_figure`.

    Raises:
        ValueError: If there is no answer, or a probability is not from 0 to 1.

    Example:
        >>> import torch
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> ranked = [("yes", 0.9), ("no", 0.1)]
        >>> figure = answer_figure(image, "Is it dark?", ranked, torch.rand(4, 4))
        >>> [text.get_text() for text in figure.texts][:4]
        ['Is it dark?', 'the picture', 'where the model looked', 'its answers']
        >>> [text.get_text() for text in figure.texts][4:]
        ['yes', '90.0 %', 'no', '10.0 %']
    """
    if not ranked:
        raise ValueError("A picture of an answer needs at least one answer, got none.")
    check_probabilities(ranked)
    return explanation_figure(
        image, attention, title=question, note=note, ranked=ranked, names=_COLUMNS
    )
