"""The base class of results: JSON in a long and a short form, and a figure.

matplotlib is imported only when a result is drawn.
"""

import io
import json
import math
import sys
from abc import ABC, abstractmethod
from dataclasses import fields
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
        """Sentences about input that the model did not use; empty if it used all."""
        return ""

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the picture as JSON types."""
        return as_plain(self)

    def summary(self) -> dict[str, Any]:
        """Return the short JSON form that ``--json`` prints, by default the long one."""
        return self.to_dict()

    @abstractmethod
    def figure(self) -> "Figure":
        """Draw it with matplotlib.

        Raises:
            ValueError: If it has no picture to draw, because no predictor made it.
        """

    def to_json(self, *, indent: int | None = None) -> str:
        """Return everything but the picture as JSON; see `as_json`."""
        return as_json(self.to_dict(), indent=indent)

    def save(self, path: str | Path, *, dpi: int = 150) -> None:
        """Draw it into a file, which is written completely or not at all.

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
        """Draw it in the notebook, or in a window of the system.

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


def as_plain(result: Any) -> dict[str, Any]:
    """Return the fields by which results are compared, so not the picture, as JSON types.

    Args:
        result: A dataclass of strings, numbers, tuples, named tuples and dictionaries.
    """
    compared = [each.name for each in fields(result) if each.compare]
    return {name: _plain(getattr(result, name)) for name in compared}


def as_json(values: dict[str, Any], *, indent: int | None = None, digits: int | None = None) -> str:
    """Write plain data as JSON in which numbers that JSON cannot express, such as NaN, are null.

    Args:
        values: Dictionaries, lists, strings and numbers.
        indent: Spaces of indentation; None writes one line.
        digits: Decimal places that numbers are rounded to; None keeps all.

    Example:
        >>> as_json({"answer": "café", "probability": float("nan")})
        '{"answer": "café", "probability": null}'
        >>> as_json({"probability": 0.123456}, digits=4)
        '{"probability": 0.1235}'
    """
    return json.dumps(_jsonable(values, digits), ensure_ascii=False, indent=indent)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return value._asdict() if hasattr(value, "_asdict") else [_plain(part) for part in value]
    return dict(value) if isinstance(value, dict) else value


def _jsonable(value: Any, digits: int | None) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(part, digits) for key, part in value.items()}
    if isinstance(value, list):
        return [_jsonable(part, digits) for part in value]
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return value if digits is None else round(value, digits)


def _notebook() -> Any:
    """Return IPython's display module in a notebook, None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return sys.modules.get("IPython.display")
