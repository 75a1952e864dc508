"""What the page answers: plain functions of what was put in, to a sentence and a picture.

Whatever goes wrong with an input is a sentence, too. Pictures come as files, so that nothing is
decoded before `multimodal.data.images.load_image` has bounded it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray

from multimodal.app.models import Models
from multimodal.attribution.explanation import explain
from multimodal.attribution.methods import find_method
from multimodal.captioning.predictor import CaptionPredictor
from multimodal.classification.predictor import ClassificationPredictor
from multimodal.data.readers import read_digits
from multimodal.sentiment.predictor import SentimentPredictor
from multimodal.vqa.predictor import VQAPredictor
from multimodal.worlds.reviews import sample_review
from multimodal.worlds.scenes import MAX_PIXELS, MIN_PIXELS, Scene, ask, render_scene, sample_scene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST_TEXT: Final = 10_000  # letters
LONGEST_QUESTION: Final = 300
_DPI = 220  # about twice what the page is wide, for screens that show it
_SIDE = 128  # of a scene, where no model says how large it sees one
_WORLDS = 1_000_000
_CHANCE = SystemRandom()


class Reply(NamedTuple):
    """What a tab shows.

    Attributes:
        said: A sentence: the result, or what is wrong with the input.
        picture: The drawing, ``(height, width, 3)``; None if there is none.
    """

    said: str
    picture: NDArray[np.uint8] | None


class Replies:
    """The functions behind the tabs.

    Args:
        models: The predictors.

    Example:
        >>> Replies(Models({})).caption(None).said
        'No model for captions was named.'
    """

    def __init__(self, models: Models) -> None:
        self.models = models

    def caption(self, picture: str | None) -> Reply:
        """Write a caption, and draw where the model looked for each word.

        Args:
            picture: The file.
        """

        def reply() -> Reply:
            predictor = self.models.get("captioning", CaptionPredictor)
            caption = predictor(_file(picture))
            return Reply(caption.text or "The model wrote no word.", _drawn(caption.figure()))

        return _told(reply, picture)

    def answer(self, picture: str | None, question: str) -> Reply:
        """Answer a question about a picture, and draw where the model looked.

        Args:
            picture: The file.
            question: The question.
        """

        def reply() -> Reply:
            predictor = self.models.get("vqa", VQAPredictor)
            asked = _bounded(question, LONGEST_QUESTION, "question")
            answer = predictor(_file(picture), asked)
            unknown = ", ".join(answer.unknown_words)
            note = f" (the model never saw: {unknown})" if unknown else ""
            share = f"{answer.answer}, {100 * answer.probability:.1f} %{note}"
            return Reply(share, _drawn(answer.figure()))

        return _told(reply, picture)

    def judge(self, text: str) -> Reply:
        """Judge a text, and draw its words in the colours of what they contributed.

        Args:
            text: The text.
        """

        def reply() -> Reply:
            predictor = self.models.get("sentiment", SentimentPredictor)
            verdict = predictor(_bounded(text, LONGEST_TEXT, "text"))
            sure = f", {100 * verdict.probability:.1f} %" if verdict.value is None else ""
            return Reply(f"{verdict}{sure}", _drawn(verdict.figure()))

        return _told(reply)

    def classify(self, picture: str | None, method: str) -> Reply:
        """Classify a picture, and draw which parts of it support the label.

        Args:
            picture: The file.
            method: Name of a row of `multimodal.attribution.methods.METHODS`.
        """

        def reply() -> Reply:
            predictor = self.models.get("classification", ClassificationPredictor)
            file, row = _file(picture, "take an example"), find_method(method)
            why = explain(predictor, file, method=row.name)
            return Reply(why.title, _drawn(why.figure()))

        return _told(reply, picture)

    def scene(self, task: str) -> NDArray[np.uint8]:
        """Draw a scene of the built-in world, as large as a task's model sees one.

        Args:
            task: Whose model.

        Returns:
            The picture, ``(height, width, 3)``.
        """
        return self._drawn_scene(_any_scene(), task)

    def scene_and_question(self) -> tuple[NDArray[np.uint8], str]:
        """Draw a scene of the built-in world, and ask something about it.

        Returns:
            The picture and the question.
        """
        scene = _any_scene()
        question = ask(scene, 1)[0].text
        return self._drawn_scene(scene, "vqa"), f"{question[:1].upper()}{question[1:]}?"

    def example_to_classify(self) -> NDArray[np.uint8]:
        """Return a handwritten digit for a model of digits, a scene for any other.

        Returns:
            The picture, ``(height, width, 3)``.
        """
        try:
            labels = self.models.get("classification", ClassificationPredictor).labels
        except ValueError:
            labels = ()
        digits = read_digits()
        if not labels or not set(labels) <= set(digits.classes):
            return self.scene("classification")
        grey = digits.images[_CHANCE.randrange(len(digits))]
        return np.repeat(grey.transpose(1, 2, 0), 3, axis=2)

    def review(self) -> str:
        """Write a review of the built-in world.

        Returns:
            The text.
        """
        return sample_review(_CHANCE.randrange(_WORLDS), 0, "test").text

    def _drawn_scene(self, scene: Scene, task: str) -> NDArray[np.uint8]:
        side = self.models.picture_size(task) or _SIDE
        return np.ascontiguousarray(render_scene(scene, min(max(side, MIN_PIXELS), MAX_PIXELS)))


def _any_scene() -> Scene:
    return sample_scene(_CHANCE.randrange(_WORLDS), 0, "test")


def _told(reply: Callable[[], Reply], picture: str | None = None) -> Reply:
    """Turn what is wrong with an input, or the lack of a model, into a sentence."""
    try:
        return reply()
    except (ValueError, TypeError, OSError) as error:
        # Whoever put the picture in knows its name, and not where the page keeps it.
        folder = f"{Path(picture).parent}{os.sep}" if picture else ""
        return Reply(str(error).replace(folder, "") if folder else str(error), None)


def _file(picture: str | None, instead: str = "draw a scene") -> Path:
    if not picture:
        raise ValueError(f"Put a picture in first, or {instead}.")
    return Path(picture)


def _bounded(text: str, longest: int, name: str) -> str:
    if not text or not text.strip():
        raise ValueError(f"Write a {name} first.")
    if len(text) > longest:
        raise ValueError(f"A {name} has {longest:,} letters at most, got {len(text):,}.")
    return text


def _drawn(figure: "Figure") -> NDArray[np.uint8]:
    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels: NDArray[Any] = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(pixels[..., :3], dtype=np.uint8)
