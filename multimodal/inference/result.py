"""The base class of results: JSON in a long and a short form, and a figure.

matplotlib is imported only when a result is drawn, a program that shows pictures only when one is
shown.
"""

import io
import json
import math
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS = 110  # an inch, on a screen


class Result(ABC):
    """A result that can be drawn: its data, and its figure."""

    __slots__ = ()

    @property
    def note(self) -> str:
        """What the user should know about the result, in sentences; empty if there is nothing."""
        return ""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return everything but the picture as JSON types."""

    def summary(self) -> dict[str, Any]:
        """Return the short JSON form that ``--json`` prints, by default the long one."""
        return self.to_dict()

    @abstractmethod
    def figure(self) -> "Figure":
        """Draw it.

        Returns:
            matplotlib's figure.

        Raises:
            ValueError: If it has no picture to draw, because no predictor made it.
        """

    def to_json(self, *, indent: int | None = None) -> str:
        """Return everything but the picture as JSON.

        Args:
            indent: Spaces by which inner lines are moved; None writes one line.

        Returns:
            The text. A number that JSON cannot express, such as infinity, is null.
        """
        return as_json(self.to_dict(), indent=indent)

    def save(self, path: str | Path, *, dpi: int = 150) -> None:
        """Draw it into a file, which is either complete or not there.

        Args:
            path: The file: .png, .jpg, .pdf or .svg.
            dpi: Dots an inch, where the format has dots.

        Raises:
            ValueError: If the file has another suffix, or there is no picture to draw.
            OSError: If the file cannot be written.
        """
        from multimodal.figures.page import save_figure

        save_figure(self.figure(), Path(path), dpi=dpi)

    def show(self) -> None:
        """Draw it, in the notebook or in a window of the system's own.

        Raises:
            ValueError: If there is no picture to draw.
            OSError: If there is no program that shows pictures.
        """
        notebook = _notebook()
        if notebook is not None:
            notebook.display(self)
            return
        from PIL import Image, ImageShow

        with Image.open(io.BytesIO(self.png())) as picture:
            picture.load()
        if not ImageShow.show(picture, title=str(self)[:80]):
            raise OSError(
                "No program that shows pictures was found. Draw it into a file: "
                'result.save("picture.png").'
            )

    def png(self) -> bytes:
        """Draw it as the bytes of a PNG file.

        Raises:
            ValueError: If there is no picture to draw.
        """
        written = io.BytesIO()
        self.figure().savefig(written, dpi=_DOTS, format="png")
        return written.getvalue()


def as_json(values: dict[str, Any], *, indent: int | None = None, digits: int | None = None) -> str:
    """Write plain data as JSON that every reader takes.

    Args:
        values: Dictionaries, lists, strings and numbers.
        indent: Spaces by which inner lines are moved; None writes one line.
        digits: Decimal places that numbers are rounded to; None keeps all.

    Returns:
        The text. A number that JSON cannot express, such as infinity, is null.

    Example:
        >>> as_json({"answer": "café", "probability": float("nan")})
        '{"answer": "café", "probability": null}'
        >>> as_json({"probability": 0.123456}, digits=4)
        '{"probability": 0.1235}'
    """
    if digits is not None:
        values = _rounded(values, digits)
    try:
        return json.dumps(values, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(values), ensure_ascii=False, indent=indent)


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part, digits) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part, digits) for part in value]
    return round(value, digits) if isinstance(value, float) else value


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _notebook() -> Any:
    """Return IPython's display functions where a notebook is running, None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return sys.modules.get("IPython.display")
