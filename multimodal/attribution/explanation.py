"""Explanations of predictions, in numbers and as a picture.

`explain` asks a predictor for its evidence and applies a method of the table
`multimodal.attribution.methods`. Grad-CAM and saliency are fast and rough. Integrated gradients and
occlusion also find what opposes the prediction, in the unit of its score.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from multimodal.attribution.evidence import Evidence, Explainable
from multimodal.attribution.methods import METHODS, Method, MethodName, find_method
from multimodal.inference.devices import recurrent_gradients
from multimodal.inference.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Map: TypeAlias = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Explanation(Result):
    """A prediction, and how much each part of the input supports it.

    Args:
        task: ``captioning``, ``vqa``, ``sentiment`` or ``classification``.
        method: ``saliency``, ``integrated_gradients``, ``grad_cam`` or ``occlusion``.
        prediction: The caption, the answer, the label or the number; ``said`` in JSON.
        unit: Quantity that the numbers measure, such as "the log-odds of tulip".
        maps: ``maps[index][row][column]`` over the picture from the upper left: a map for each word
            of a caption, one for an answer or a label, none for a text.
        words: The words of the caption, the question or the text.
        contributions: A value for each word of the question or the text; empty where the method
            explains only pictures.
        ranked: Answers or labels with their probabilities, best first.
        question: The question; ``asked`` in JSON.
        image: The picture as the model sees it, RGB bytes ``(3, height, width)``; None for a text.
    """

    task: str
    method: MethodName
    prediction: str
    unit: str
    maps: tuple[Map, ...] = field(default=(), repr=False)
    words: tuple[str, ...] = ()
    contributions: tuple[float, ...] = ()
    ranked: tuple[tuple[str, float], ...] = ()
    question: str = ""
    image: Tensor | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.prediction}, by {METHODS[self.method].title}"

    @property
    def note(self) -> str:
        """What the numbers mean, in a sentence."""
        part = "region" if self.maps else "word"
        return METHODS[self.method].note.format(part=part, unit=self.unit)

    @property
    def title(self) -> str:
        """The prediction, with its probability if it has one."""
        probability = dict(self.ranked).get(self.prediction)
        share = "" if probability is None else f", {100 * probability:.1f} %"
        return f"{self.prediction}{share}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the picture as JSON types."""
        return {
            "task": self.task,
            "method": self.method,
            "said": self.prediction,
            "unit": self.unit,
            "maps": [[list(row) for row in each] for each in self.maps],
            "words": list(self.words),
            "contributions": list(self.contributions),
            "ranked": [list(each) for each in self.ranked],
            "asked": self.question,
        }

    def figure(self) -> "Figure":
        """Draw the explanation with matplotlib."""
        # Imported late: matplotlib takes a while to import.
        from multimodal.figures.captions import caption_figure
        from multimodal.figures.explanations import explanation_figure
        from multimodal.figures.overlays import light, tint
        from multimodal.figures.texts import text_figure

        signed = METHODS[self.method].signed
        shade = tint if signed else light
        if self.image is None:
            legend = ["supports it", "opposes it"] if signed else ["matters"]
            return text_figure(
                self.words, self.contributions, title=self.title, note=self.note, legend=legend
            )
        maps = torch.tensor(self.maps)  # (outputs, rows, columns)
        if self.words and not self.question:  # a caption: a map for each of its words
            return caption_figure(
                self.image,
                self.words,
                maps.flatten(1),
                (maps.shape[1], maps.shape[2]),
                caption=self.prediction,
                note=self.note,
                shade=shade,
            )
        return explanation_figure(
            self.image,
            maps[0],
            title=self.question or self.title,
            note=self.note,
            ranked=self.ranked,
            words=self.words,
            contributions=self.contributions,
            shade=shade,
        )

    def _repr_png_(self) -> bytes:
        return self.png()


def explain(
    predictor: object, given: Any, question: str = "", *, method: MethodName = "occlusion"
) -> Explanation:
    """Explain what a predictor predicts for a picture or a text.

    Args:
        predictor: A predictor of captions, answers, sentiment or classes.
        given: A picture, as for the predictor; or the text.
        question: The question, where the predictor answers one.
        method: ``occlusion`` hides one part after another, which takes longest and assumes nothing;
            ``integrated_gradients`` adds up exactly; ``grad_cam`` (pictures only) and ``saliency``
            are the fastest.

    Raises:
        FileNotFoundError: If the picture's file does not exist.
        ImageError: If the picture cannot be used.
        TypeError: If the input is neither a picture nor a text, or the predictor has no evidence.
        ValueError: If there is no such method, it does not apply to texts, a question is missing or
            not expected, or there is nothing to explain.

    Example:
        >>> from multimodal.attribution.evidence import PictureScores
        >>> class Brightness:
        ...     def evidence(self, given, question=""):
        ...         def score(pixels):
        ...             return pixels.mean(dim=(2, 3))[:, :1]
        ...         scores = PictureScores(given[None], lambda pixels: pixels, score, score)
        ...         return Evidence(
        ...             task="brightness", prediction="bright", unit="lux", picture=scores
        ...         )
        >>> why = explain(Brightness(), torch.rand(3, 8, 8), method="grad_cam")
        >>> why.prediction, len(why.maps[0])
        ('bright', 8)
    """
    row = find_method(method)
    if isinstance(predictor, type) or not isinstance(predictor, Explainable):
        name = type(predictor).__name__
        if isinstance(predictor, type):
            name = f"the class {predictor.__name__}"
        raise TypeError(
            "`explain` takes a predictor of captions, answers, sentiment or classes, got "
            f"{name}, which has no prediction to explain."
        )
    with torch.inference_mode(mode=False):  # in inference mode there are no gradients
        evidence = predictor.evidence(given, question)
        maps, contributions = _attribute(row, evidence)
    return Explanation(
        evidence.task,
        row.name,
        prediction=evidence.prediction,
        unit=evidence.unit,
        maps=tuple(tuple(map(tuple, grid)) for grid in maps),
        words=evidence.words,
        contributions=tuple(contributions),
        ranked=evidence.ranked,
        question=evidence.question,
        image=evidence.image,
    )


def _attribute(method: Method, evidence: Evidence) -> tuple[list[list[list[float]]], list[float]]:
    """Return the maps over the picture, and the values of the words."""
    maps: list[list[list[float]]] = []
    contributions: list[float] = []
    if evidence.picture is None and "words" not in method.parts:
        others = ", ".join(row.name for row in METHODS.values() if "words" in row.parts)
        raise ValueError(f"{method.title} is for pictures. Explain a text by one of {others}.")
    if evidence.picture is not None:
        with recurrent_gradients(evidence.picture.image.device):
            maps = method.load("picture")(evidence.picture).tolist()
    if evidence.text is not None and "words" in method.parts:
        with recurrent_gradients(evidence.text.vectors.device):
            contributions = method.load("words")(evidence.text).tolist()
    return maps, contributions
