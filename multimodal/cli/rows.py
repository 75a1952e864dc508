"""The rows that a table shows of a result, one function for each kind of result.

Each function fits the columns to the terminal, if there is one, and returns the function that
writes a result.
"""

import os
import sys
import textwrap
from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from multimodal.cli.inputs import Item
from multimodal.cli.printing import Column, Table, printable, shortened, terminal_width

if TYPE_CHECKING:
    from multimodal.captioning.result import Caption
    from multimodal.classification.result import Classification
    from multimodal.language_model.result import Passage
    from multimodal.sentiment.result import Sentiment
    from multimodal.vqa.result import Answer

_GAP = 2  # columns between two columns
_SCORE = 7  # columns of a score
_PROBABILITY = Column("probability", len("probability"), right=True)
_LEAST = 12  # columns of a name, a question or an answer in a narrow terminal
_LEAST_TEXT = 20  # columns of a caption or a text in a narrow terminal
_LONGEST_TEXT = 1_000  # letters of a text where no terminal bounds it

Rows: TypeAlias = Callable[[Item, Any], None]


def caption_rows(predictor: object, items: Iterable[Item], options: Namespace) -> Rows:
    """Make the function that writes the name of a picture, scores and captions."""
    del predictor, options
    name_width, caption_width = max((len(item.text) for item in items), default=0), sys.maxsize
    if columns := terminal_width():
        name_width = min(name_width, max(_LEAST, columns * 2 // 5))
        caption_width = max(_LEAST_TEXT, columns - name_width - _SCORE - 2 * _GAP)
    title = [Column("image", name_width), Column("score", _SCORE, right=True), Column("caption", 1)]
    table = Table(title)

    def write(item: Item, caption: "Caption") -> None:
        name = shortened(item.text, name_width)
        for text, score in [(caption.text, caption.score), *caption.alternatives]:
            lines = textwrap.wrap(text, caption_width) or [""]
            table.row([name, f"{score:.2f}", lines])
            name = ""

    return write


def answer_rows(predictor: object, items: Iterable[Item], options: Namespace) -> Rows:
    """Make the function that writes a picture (of several), a question, and ranked answers."""
    del predictor, options
    asked = list(items)
    names = {item.text for item in asked}
    name_width = max(map(len, names)) if len(names) > 1 else 0
    width = max((len(printable(item.question)) for item in asked), default=0)
    width = max(width, len("question"))
    if columns := terminal_width():
        name_width = min(name_width, max(_LEAST, columns // 4))
        others = name_width + _PROBABILITY.width + _LEAST + 3 * _GAP  # a short answer fits
        width = min(width, max(_LEAST, columns - others))
    table = Table(
        [Column("image", name_width), Column("question", width), _PROBABILITY, Column("answer", 1)]
    )

    def write(item: Item, answer: "Answer") -> None:
        questions = textwrap.wrap(printable(item.question), width)
        probabilities = [_percent(probability) for _, probability in answer.ranked]
        answers = [printable(text) for text, _ in answer.ranked]
        table.row([shortened(item.text, name_width), questions, probabilities, answers])

    return write


def class_rows(predictor: Any, items: Iterable[Item], options: Namespace) -> Rows:
    """Make the function that writes a picture (of several) and its ranked labels, or the value."""
    del options
    kind = "label" if predictor.labels else predictor.target
    names = [item.text for item in items]
    name_width = max(map(len, names)) if len(names) > 1 else 0
    if columns := terminal_width():
        longest = max(map(len, [*map(printable, predictor.labels), "label"]))
        others = _PROBABILITY.width + longest + 2 * _GAP
        name_width = min(name_width, max(_LEAST, columns - others))
    table = Table(
        [
            Column("image", name_width),
            _PROBABILITY if kind == "label" else Column("", 0),
            Column(kind, 1),
        ]
    )

    def write(item: Item, found: "Classification") -> None:
        probabilities = [_percent(probability) for _, probability in found.top]
        labels = [printable(label) for label, _ in found.top]
        if found.value is not None:
            labels = [str(found)]
        table.row([shortened(item.text, name_width), probabilities, labels])

    return write


def sentiment_rows(predictor: Any, items: Iterable[Item], options: Namespace) -> Rows:
    """Make the function that writes a label and its probability, or a value, and the text."""
    del items
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    labels = [printable(label) for label in predictor.labels]
    width = max(map(len, [*labels, "label" if labels else "value"]))
    width = width if labels else max(width, _PROBABILITY.width)
    space = _LONGEST_TEXT
    if columns := terminal_width():
        others = width + _GAP + (_PROBABILITY.width + _GAP) * bool(labels)
        space = max(_LEAST_TEXT, columns - others)
    legend = (
        ""
        if not (colour and options.explain)
        else (
            f" (blue speaks for {'the label' if labels else 'a higher value'}, orange against it)"
        )
    )
    table = Table(
        [
            Column("label" if labels else "value", width),
            _PROBABILITY if labels else Column("", 0),
            Column(f"text{legend}", 1),
        ]
    )

    def write(item: Item, sentiment: "Sentiment") -> None:
        if options.explain:
            # Only now: what draws the same in a picture takes a while to import.
            from multimodal.figures.texts import text_line

            text = text_line(sentiment.tokens, sentiment.contributions, colour=colour)
        else:
            text = " ".join(printable(item.text[: 4 * space]).split())
            text = text if len(text) <= space else f"{text[: space - 3]}..."
        table.row([printable(str(sentiment)), _percent(sentiment.probability), text])

    return write


def passage_rows(predictor: object, items: Iterable[Item], options: Namespace) -> Rows:
    """Make the function that writes a text with its lines, and an empty line between two."""
    del predictor, items, options
    gap = ""

    def write(item: Item, passage: "Passage") -> None:
        nonlocal gap
        del item
        lines = "\n".join(map(printable, passage.text.split("\n")))
        sys.stdout.write(f"{gap}{lines}\n")
        gap = "\n"

    return write


def _percent(probability: float) -> str:
    return f"{100 * probability:.1f} %"
