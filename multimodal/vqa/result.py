"""An answer to a question about a picture, with its alternatives and the attention map.

References:
    Yang et al. 2016, "Stacked attention networks for image question answering", figure 5
    (attention maps).
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch

from multimodal.inference.inputs import ImageInput, drawable
from multimodal.inference.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AttentionMap: TypeAlias = tuple[tuple[float, ...], ...]


class Alternative(NamedTuple):
    """An answer that came second or later; answer and probability as for `Answer`."""

    answer: str
    probability: float


@dataclass(frozen=True, slots=True)
class Answer(Result):
    """An answer to a question about a picture, with its alternatives and the attention map.

    Args:
        answer: The answer.
        probability: Its probability, 0 to 1. Of a model that was trained with the soft loss
            it is the share of people who would accept the answer, for each answer by itself.
        alternatives: The next best answers, best first.
        attention: The attention map ``attention[row][column]``, a grid over the picture from the
            upper left that sums to 1; a model without attention gives an even grid.
        question: The question as given.
        unknown_words: Words of the question that are not in the vocabulary.
        picture: The image as the model received it.

    Example:
        >>> answer = Answer("red", 0.75, (Alternative("green", 0.25),), question="What colour?")
        >>> print(answer)
        red
        >>> answer.to_dict()["alternatives"]
        [{'answer': 'green', 'probability': 0.25}]
    """

    answer: str
    probability: float
    alternatives: tuple[Alternative, ...] = ()
    attention: AttentionMap = field(default=(), repr=False)
    question: str = ""
    unknown_words: tuple[str, ...] = ()
    picture: ImageInput | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.answer

    @property
    def ranked(self) -> tuple[Alternative, ...]:
        """The answer and its alternatives, best first."""
        return (Alternative(self.answer, self.probability), *self.alternatives)

    @property
    def note(self) -> str:
        """The words of the question that the model does not know, in a sentence; empty if none."""
        if not self.unknown_words:
            return ""
        several = "s" * (len(self.unknown_words) > 1)
        return f"The model never saw the word{several} {', '.join(self.unknown_words)}."

    def summary(self) -> dict[str, Any]:
        """Return everything but the question and the attention."""
        values = self.to_dict()
        names = ("answer", "probability", "alternatives", "unknown_words")
        return {name: values[name] for name in names}

    def figure(self) -> "Figure":
        """Draw the picture, the attention map, and the ranked answers.

        Raises:
            ValueError: If it has no picture, because no predictor made it.
        """
        # Imported late: matplotlib takes a while to import.
        from multimodal.figures.explanations import answer_figure

        return answer_figure(
            drawable(self.picture),
            self.question,
            self.ranked,
            torch.tensor(self.attention or ((1.0,),)),
            note=self.note,
        )

    def _repr_png_(self) -> bytes | None:
        return None if self.picture is None else self.png()
