"""The replies of the page: functions from an input to a sentence and a picture.

An error is a sentence, too. Pictures come as files, so that nothing is decoded before
`multimodal.data.images.load_image` has checked its size.
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
from multimodal.data.readers import read_digits
from multimodal.worlds.reviews import sample_review
from multimodal.worlds.scenes import MAX_PIXELS, MIN_PIXELS, Scene, ask, render_scene, sample_scene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST_TEXT: Final = 10_000  # letters
LONGEST_QUESTION: Final = 300
_DPI = 220  # about twice the width of the page, for screens of high resolution
_SIDE = 128  # of a scene, where there is no model
_WORLDS = 1_000_000
_CHANCE = SystemRandom()


class Reply(NamedTuple):
    """The output of a tab.

    Attributes:
        text: A sentence: the result, or the problem of the input.
        picture: The drawing, ``(height, width, 3)``; None if there is none.
    """

    text: str
    picture: NDArray[np.uint8] | None


class Replies:
    """The functions behind the tabs.

    Args:
        models: The predictors.

    Example:
        >>> Replies(Models({})).caption(None).text
        'No model for captions was named.'
    """

    def __init__(self, models: Models) -> None:
        self.models = models

    def caption(self, picture: str | None) -> Reply:
        """Write a caption, and draw the attention map of each word."""

        def reply() -> Reply:
            predictor = self.models.get("captioning")
            caption = predictor(_file(picture))
            return Reply(caption.text or "The model wrote no word.", _drawn(caption.figure()))

        return _reply(reply, picture)

    def answer(self, picture: str | None, question: str) -> Reply:
        """Answer a question about a picture, and draw the attention map."""

        def reply() -> Reply:
            predictor = self.models.get("vqa")
            checked = _bounded(question, LONGEST_QUESTION, "question")
            answer = predictor(_file(picture), checked)
            unknown = ", ".join(answer.unknown_words)
            note = f" (the model never saw: {unknown})" if unknown else ""
            sentence = f"{answer.answer}, {100 * answer.probability:.1f} %{note}"
            return Reply(sentence, _drawn(answer.figure()))

        return _reply(reply, picture)

    def sentiment(self, text: str) -> Reply:
        """Classify a text, and draw the contributions of its words."""

        def reply() -> Reply:
            predictor = self.models.get("sentiment")
            result = predictor(_bounded(text, LONGEST_TEXT, "text"))
            probability = f", {100 * result.probability:.1f} %" if result.value is None else ""
            return Reply(f"{result}{probability}", _drawn(result.figure()))

        return _reply(reply)

    def classify(self, picture: str | None, method: str) -> Reply:
        """Classify a picture, and draw an attribution by a method of `METHODS`."""

        def reply() -> Reply:
            predictor = self.models.get("classification")
            file, row = _file(picture, "take an example"), find_method(method)
            why = explain(predictor, file, method=row.name)
            return Reply(why.title, _drawn(why.figure()))

        return _reply(reply, picture)

    def scene(self, task: str) -> NDArray[np.uint8]:
        """Draw a random scene at the size of the task's model, ``(height, width, 3)``."""
        return self._drawn_scene(_any_scene(), task)

    def scene_and_question(self) -> tuple[NDArray[np.uint8], str]:
        """Draw a random scene, and return it with a question about it."""
        scene = _any_scene()
        question = ask(scene, 1)[0].text
        return self._drawn_scene(scene, "vqa"), f"{question[:1].upper()}{question[1:]}?"

    def example_to_classify(self) -> NDArray[np.uint8]:
        """Return a handwritten digit for a model of digits, a scene for any other."""
        try:
            labels = self.models.get("classification").labels
        except ValueError:
            labels = ()
        digits = read_digits()
        if not labels or not set(labels) <= set(digits.classes):
            return self.scene("classification")
        grey = digits.images[_CHANCE.randrange(len(digits))]
        return np.repeat(grey.transpose(1, 2, 0), 3, axis=2)

    def review(self) -> str:
        """Return a random review of the built-in world."""
        return sample_review(_CHANCE.randrange(_WORLDS), 0, "test").text

    def _drawn_scene(self, scene: Scene, task: str) -> NDArray[np.uint8]:
        side = self.models.picture_size(task) or _SIDE
        return np.ascontiguousarray(render_scene(scene, min(max(side, MIN_PIXELS), MAX_PIXELS)))


def _any_scene() -> Scene:
    return sample_scene(_CHANCE.randrange(_WORLDS), 0, "test")


def _reply(reply: Callable[[], Reply], picture: str | None = None) -> Reply:
    """Make a reply; an unusable input or a missing model becomes a sentence."""
    try:
        return reply()
    except (ValueError, TypeError, OSError) as error:
        # The user knows the name of the picture, and not the folder of its copy.
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
