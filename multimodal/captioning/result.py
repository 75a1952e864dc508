"""A caption, with its score, its alternatives and an attention map for each word.

References:
    Xu et al. 2015, "Show, Attend and Tell", section 4 and figure 3: attention maps, word by word.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch

from multimodal.inference.inputs import ImageInput, drawable
from multimodal.inference.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AttentionMaps: TypeAlias = tuple[tuple[tuple[float, ...], ...], ...]


class Alternative(NamedTuple):
    """A caption that came second or later; text and score as for `Caption`."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Caption(Result):
    """A sentence about a picture, with its score, its alternatives and its attention maps.

    Args:
        text: The sentence, in lower case and without a final stop.
        tokens: Its words as the model wrote them.
        score: The natural logarithm of the caption's probability, divided by the length penalty if
            there is one; captions are ranked by it.
        alternatives: The next best captions, best first.
        attention: The attention map of each word, ``attention[word][row][column]``: a grid over the
            picture from the upper left that sums to 1. A decoder without attention gives even
            grids.
        picture: The image as the model received it.

    Example:
        >>> caption = Caption("a red ring", ("a", "red", "ring"), -0.5)
        >>> print(caption)
        a red ring
        >>> caption.to_dict()["tokens"]
        ['a', 'red', 'ring']
    """

    text: str
    tokens: tuple[str, ...]
    score: float
    alternatives: tuple[Alternative, ...] = ()
    attention: AttentionMaps = field(default=(), repr=False)
    picture: ImageInput | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.text

    def summary(self) -> dict[str, Any]:
        """Return the caption, its score and its alternatives."""
        others = [{"caption": other.text, "score": other.score} for other in self.alternatives]
        return {"caption": self.text, "score": self.score, "alternatives": others}

    def figure(self) -> "Figure":
        """Draw the picture and the attention map of each word.

        Raises:
            ValueError: If it has no picture, because no predictor made it.
        """
        # Imported late: matplotlib takes a while to import.
        from multimodal.figures.captions import caption_figure, caption_sheet

        image = drawable(self.picture)
        if not self.attention:
            return caption_sheet([image], [self.text])
        maps = torch.tensor(self.attention)  # (words, rows, columns)
        grid = (maps.shape[1], maps.shape[2])
        return caption_figure(image, self.tokens, maps.flatten(1), grid, caption=self.text)

    def _repr_png_(self) -> bytes | None:
        return None if self.picture is None else self.png()
