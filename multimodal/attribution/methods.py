"""The table of attribution methods: one row each, from which everything iterates over them.

A row's name is also the name of its file, which defines ``explain_picture(scores)`` with a map for
each score, and ``explain_words(scores)`` with a value for each word, as far as the method applies
to them. Reading the table imports no torch; a method is imported when it is used.

References:
    Adebayo et al. 2018, "Sanity checks for saliency maps" (Grad-CAM and the plain gradient depend
    on what the network has learned, other maps less); Petsiuk, Das and Saenko 2018, "RISE",
    section 4 (evaluate a map by deleting the regions that it ranks first).
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final, Literal, TypeAlias

MethodName: TypeAlias = Literal["saliency", "integrated_gradients", "grad_cam", "occlusion"]
Part: TypeAlias = Literal["picture", "words"]


@dataclass(frozen=True)
class Method:
    """An attribution method.

    Args:
        name: Its name, and its file in this folder.
        parts: The parts of an input that it explains.
        signed: Whether values are negative where a part opposes the prediction.
        note: The meaning of values, with placeholders ``{part}`` (region or word) and ``{unit}``.
        usage: When to choose it, for the help.
    """

    name: MethodName
    title: str
    parts: tuple[Part, ...]
    signed: bool
    note: str
    usage: str

    def load(self, part: Part) -> Callable[[Any], Any]:
        """Import the function that explains a picture or words.

        Example:
            >>> METHODS["grad_cam"].load("picture").__name__
            'explain_picture'
        """
        function: Callable[[Any], Any] = getattr(
            import_module(f"multimodal.attribution.{self.name}"), f"explain_{part}"
        )
        return function


_COLOURS = "blue supports it, orange opposes it."

_ROWS = (
    Method(
        name="saliency",
        title="saliency",
        parts=("picture", "words"),
        signed=False,
        note="How strongly a small change of each {part} changes {unit}.",
        usage="is the size of the gradient, fast and rough",
    ),
    Method(
        name="integrated_gradients",
        title="integrated gradients",
        parts=("picture", "words"),
        signed=True,
        note=f"How much each {{part}} contributes to {{unit}}: {_COLOURS}",
        usage="adds up to the score",
    ),
    Method(
        name="grad_cam",
        title="Grad-CAM",
        parts=("picture",),
        signed=False,
        note="Regions that raise {unit}, by Grad-CAM.",
        usage="shows the regions of the encoder that support the prediction, fast",
    ),
    Method(
        name="occlusion",
        title="occlusion",
        parts=("picture", "words"),
        signed=True,
        note=f"How much hiding each {{part}} lowers {{unit}}: {_COLOURS}",
        usage="hides one part after another, which assumes nothing and takes longest",
    ),
)

METHODS: Final[dict[str, Method]] = {row.name: row for row in _ROWS}


def find_method(name: str) -> Method:
    """Return the row of a method, or raise `ValueError` with the closest name."""
    if name in METHODS:
        return METHODS[name]
    close = get_close_matches(str(name), METHODS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"`method` must be one of {', '.join(METHODS)}, got {name!r}.{hint}")
