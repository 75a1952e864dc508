"""Why a model said what it said of a picture or a text, in numbers and as a picture.

`explain` lets a predictor predict, and then asks one of the methods of `multimodal.explain` which
parts of its input spoke for that. Grad-CAM and the gradient are fast and rough. Integrated
gradients and occlusion tell what speaks against it as well, in the unit of what is explained.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from multimodal.captioning.predictor import CaptionPredictor
from multimodal.classification.predictor import ClassificationPredictor
from multimodal.explain.attribution import SIGNED, Method, check_method, picture_maps, word_values
from multimodal.explain.evidence import (
    answer_evidence,
    caption_evidence,
    class_evidence,
    text_evidence,
)
from multimodal.inference.inputs import Picture
from multimodal.inference.result import Result
from multimodal.sentiment.predictor import SentimentPredictor
from multimodal.text import tokenize
from multimodal.vqa.predictor import VQAPredictor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Map: TypeAlias = tuple[tuple[float, ...], ...]

_LOG_ODDS = "the log-odds of {}"
_NOTES = {
    "saliency": "How much a small change of each {part} would change {unit}.",
    "grad_cam": "Where the evidence for {unit} lies, by Grad-CAM.",
    "integrated_gradients": "What each {part} contributes to {unit}: blue for it, orange against.",
    "occlusion": "What hiding each {part} takes from {unit}: blue speaks for it, orange against.",
}


@dataclass(frozen=True, slots=True)
class Explanation(Result):
    """What was said, and which parts of the input count for it.

    Args:
        task: ``captioning``, ``vqa``, ``sentiment`` or ``classification``.
        method: ``saliency``, ``integrated_gradients``, ``grad_cam`` or ``occlusion``.
        said: The caption, the answer, the label or the number.
        unit: What the numbers are of, such as "the log-odds of tulip".
        maps: ``maps[which][row][column]`` over the picture from the upper left: a map for each word
            of a caption, one for an answer or a label, none for a text.
        words: The words of the caption, the question or the text.
        contributions: What each word of the question or the text counts; empty by Grad-CAM, which
            is for pictures.
        ranked: Answers or labels with their probabilities, best first.
        asked: The question.
        image: What the model saw, RGB bytes ``(3, height, width)``; None for a text.

    Example:
        >>> why = Explanation("sentiment", "occlusion", "good", "the log-odds of good", (),
        ...                   ("a", "hit"), (0.0, 1.5))
        >>> print(why)
        good, by occlusion
        >>> why.to_dict()["contributions"]
        [0.0, 1.5]
    """

    task: str
    method: Method
    said: str
    unit: str
    maps: tuple[Map, ...] = field(default=(), repr=False)
    words: tuple[str, ...] = ()
    contributions: tuple[float, ...] = ()
    ranked: tuple[tuple[str, float], ...] = ()
    asked: str = ""
    image: Tensor | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.said}, by {self.method.replace('_', ' ')}"

    @property
    def note(self) -> str:
        """What the numbers mean, in a sentence."""
        part = "place" if self.maps else "word"
        return _NOTES[self.method].format(part=part, unit=self.unit)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the picture as JSON types."""
        return {
            "task": self.task,
            "method": self.method,
            "said": self.said,
            "unit": self.unit,
            "maps": [[list(row) for row in each] for each in self.maps],
            "words": list(self.words),
            "contributions": list(self.contributions),
            "ranked": [list(each) for each in self.ranked],
            "asked": self.asked,
        }

    def figure(self) -> "Figure":
        """Draw it.

        Returns:
            matplotlib's figure.
        """
        # Only now: matplotlib takes a while to import.
        from multimodal.figures.overlays import light, tint
        from multimodal.figures.reasons import reason_figure
        from multimodal.figures.rendering import caption_figure
        from multimodal.figures.texts import text_figure

        shade = tint if self.method in SIGNED else light
        if self.image is None:
            legend = ["speaks for it", "speaks against it"] if self.method in SIGNED else ["counts"]
            title = self._title()
            return text_figure(
                self.words, self.contributions, verdict=title, note=self.note, legend=legend
            )
        maps = torch.tensor(self.maps)  # (outputs, rows, columns)
        if self.task == "captioning":
            grid = (maps.shape[1], maps.shape[2])
            return caption_figure(
                self.image,
                self.words,
                maps.flatten(1),
                grid,
                caption=self.said,
                note=self.note,
                shade=shade,
            )
        return reason_figure(
            self.image,
            maps[0],
            title=self.asked or self._title(),
            note=self.note,
            ranked=self.ranked,
            words=self.words,
            contributions=self.contributions,
            shade=shade,
        )

    def _repr_png_(self) -> bytes:
        return self.png()

    def _title(self) -> str:
        share = next((share for label, share in self.ranked if label == self.said), None)
        return self.said if share is None else f"{self.said}, {100 * share:.1f} %"


def explain(
    predictor: object, given: Picture, question: str = "", *, method: Method = "occlusion"
) -> Explanation:
    """Say why a predictor says what it says of a picture or a text.

    Args:
        predictor: A captioner, an answerer, or a classifier of pictures or of texts.
        given: A picture, as for the predictor; or the text.
        question: The question, where the predictor answers one.
        method: ``occlusion`` hides one part after the other, which takes longest and assumes
            nothing; ``integrated_gradients`` adds up exactly; ``grad_cam`` and ``saliency`` are the
            fastest. The words of a question are not explained by Grad-CAM.

    Returns:
        The explanation, which draws itself (`Explanation.save`).

    Raises:
        FileNotFoundError: If the picture's file is not there.
        ImageError: If the picture cannot be used.
        TypeError: If the picture or the text is neither, or the predictor is none that explains.
        ValueError: If there is no such method, the method cannot explain the task, a question is
            missing or not wanted, or there is nothing to explain.

    Example:
        >>> from multimodal.data.transforms import EvalTransform, TransformSettings
        >>> from multimodal.classification.model import Classifier, ClassifierSettings
        >>> from multimodal.nn.encoders import EncoderSettings
        >>> settings = ClassifierSettings(EncoderSettings(channels=[8, 8], strides=[4, 4]))
        >>> transform = EvalTransform(TransformSettings(size=64))
        >>> labels = ["rose", "tulip"]
        >>> predictor = ClassificationPredictor(Classifier(settings, 2), labels, transform)
        >>> why = explain(predictor, torch.zeros(3, 60, 80), method="grad_cam")
        >>> why.said in labels, len(why.maps[0])
        (True, 4)
    """
    check_method(method)
    if not isinstance(predictor, VQAPredictor) and question:
        raise ValueError(
            f"This model answers no questions, got {question[:60]!r}. Leave the question out."
        )
    with torch.inference_mode(mode=False):  # in which gradients could not be asked for
        return _explain(predictor, given, question, method)


def _explain(predictor: object, given: Picture, question: str, method: Method) -> Explanation:
    match predictor:
        case CaptionPredictor():
            return _caption(predictor, given, method)
        case VQAPredictor():
            return _answer(predictor, given, question, method)
        case SentimentPredictor():
            return _text(predictor, given, method)
        case ClassificationPredictor():
            return _class(predictor, given, method)
    raise TypeError(
        "`explain` takes a predictor of captions, answers, sentiment or classes, got "
        f"{type(predictor).__name__}."
    )


def _caption(predictor: CaptionPredictor, picture: Picture, method: Method) -> Explanation:
    caption = predictor(picture, n_best=1)
    if not caption.tokens:
        raise ValueError("The model wrote no word, so that there is nothing to explain.")
    evidence = caption_evidence(predictor, picture, caption.tokens)
    return Explanation(
        "captioning",
        method,
        said=caption.text,
        unit="the log-probability of each word",
        maps=_nested(picture_maps(evidence, method)),
        words=caption.tokens,
        image=predictor.seen(picture),
    )


def _answer(
    predictor: VQAPredictor, picture: Picture, question: str, method: Method
) -> Explanation:
    if not question:
        raise ValueError("This model answers questions. Give one with the picture.")
    answer = predictor(picture, question)
    seen, read = answer_evidence(predictor, picture, question, answer.answer)
    return Explanation(
        "vqa",
        method,
        said=answer.answer,
        unit=_LOG_ODDS.format(answer.answer),
        maps=_nested(picture_maps(seen, method)),
        words=tuple(tokenize(question)),
        contributions=tuple(word_values(read, method)),
        ranked=tuple((each.answer, each.probability) for each in answer.ranked),
        asked=question,
        image=predictor.seen(picture),
    )


def _class(predictor: ClassificationPredictor, picture: Picture, method: Method) -> Explanation:
    found = predictor(picture)
    evidence = class_evidence(predictor, picture, found.label)
    units = {"count": "the logarithm of the count", "number": "the number"}
    return Explanation(
        "classification",
        method,
        said=found.label or str(found),
        unit=units.get(predictor.target) or _LOG_ODDS.format(found.label),
        maps=_nested(picture_maps(evidence, method)),
        ranked=tuple((each.label, each.probability) for each in found.top),
        image=predictor.seen(picture),
    )


def _text(predictor: SentimentPredictor, text: object, method: Method) -> Explanation:
    if method == "grad_cam":
        raise ValueError(
            "Grad-CAM is for pictures. Explain a text by saliency, integrated_gradients or "
            "occlusion."
        )
    if not isinstance(text, str):
        raise TypeError(f"This model judges texts, got {type(text).__name__}.")
    verdict = predictor(text, explain=False)
    evidence = text_evidence(predictor, verdict.tokens, verdict.label)
    shares = sorted(verdict.probabilities.items(), key=lambda pair: -pair[1])
    return Explanation(
        "sentiment",
        method,
        said=str(verdict),
        unit=_LOG_ODDS.format(verdict.label) if verdict.label else "the number",
        words=verdict.tokens,
        contributions=tuple(word_values(evidence, method)),
        ranked=tuple(shares),
    )


def _nested(maps: Tensor) -> tuple[Map, ...]:
    return tuple(tuple(map(tuple, grid)) for grid in maps.tolist())
