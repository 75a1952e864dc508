"""The label of an image, or a count or a number, with the probabilities."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from multimodal.inference.inputs import ImageInput, drawable
from multimodal.inference.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Ranked(NamedTuple):
    """A label and its probability, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Classification(Result):
    """The label of an image, or a count or a number, with the probabilities.

    Args:
        label: The likeliest label; for a count the nearest whole number; for a number empty.
        probability: The label's probability, 0 to 1; 0 for a count or a number.
        top: The likeliest labels with their probabilities, best first. The probabilities of all
            labels sum to 1, unless a picture may have several labels.
        labels: The predicted labels, likeliest first: the one label or, where a picture may have
            several, those with a probability above 0.5, which may be none.
        value: The predicted count or number; None if the model predicts labels.
        picture: The image as the model received it.

    Example:
        >>> tulip = Classification("tulip", 0.9, (Ranked("tulip", 0.9),), ("tulip",))
        >>> print(tulip)
        tulip
        >>> tulip.to_dict()["top"]
        [{'label': 'tulip', 'probability': 0.9}]
    """

    label: str
    probability: float
    top: tuple[Ranked, ...] = ()
    labels: tuple[str, ...] = ()
    value: float | None = None
    picture: ImageInput | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        if self.value is not None:
            return self.label or f"{self.value:.2f}"
        return ", ".join(self.labels) or "nothing"

    def summary(self) -> dict[str, Any]:
        """Return the label, probability, labels and ranked labels, or only the value."""
        values = self.to_dict()
        names = ("label", "probability", "labels", "top") if self.value is None else ("value",)
        return {name: values[name] for name in names}

    def figure(self) -> "Figure":
        """Draw the picture beside its ranked labels.

        Raises:
            ValueError: If the result has no picture, because it was not made by a predictor.
        """
        # Imported late: matplotlib takes a while to import.
        from multimodal.figures.labels import label_figure

        return label_figure(drawable(self.picture), self.top, title=str(self))

    def _repr_png_(self) -> bytes | None:
        return None if self.picture is None else self.png()
