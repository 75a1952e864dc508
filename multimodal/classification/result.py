"""The label of an image, or a count or a number, with the probabilities."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from multimodal.inference.inputs import ImageInput, drawable
from multimodal.inference.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Ranked(NamedTuple):
    """A label and its probability, as for `Classification`."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Classification(Result):
    """The label of an image, or a count or a number, with the probabilities.

    Args:
        label: The likeliest label; of a count the nearest whole number, of a number nothing.
        probability: Its probability, 0 to 1; 0 where the model gives a count or a number.
        top: The likeliest labels with their probabilities, best first. They share 1 among all
            labels; where a picture may have several labels, each has a probability of its own.
        labels: All labels that the picture has, likeliest first, maybe none: the one label, or,
            where it may have several, those more likely there than not.
        value: The expected count or the number, where the model gives one.
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
        """Return the label, its probability, all labels and the ranked ones; or the value alone."""
        values = self.to_dict()
        names = ("label", "probability", "labels", "top") if self.value is None else ("value",)
        return {name: values[name] for name in names}

    def figure(self) -> "Figure":
        """Draw the picture beside its ranked labels.

        Raises:
            ValueError: If it has no picture, because no predictor made it.
        """
        # Only now: matplotlib takes a while to import.
        from multimodal.figures.labels import label_figure

        return label_figure(drawable(self.picture), self.top, title=str(self))

    def _repr_png_(self) -> bytes | None:
        return None if self.picture is None else self.png()
