"""The commands that take texts: `sentiment`, `write`, and one for any other task of texts."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.inputs import Item, first_file, is_typed, read_texts
from multimodal.cli.printing import (
    GAP,
    Column,
    Table,
    percent,
    printable,
    shortened,
    terminal_width,
)
from multimodal.cli.verb import HIDDEN, LEAST_TEXT_WIDTH, LEAST_WIDTH, PROBABILITY, Verb
from multimodal.tasks import Task

if TYPE_CHECKING:
    from multimodal.language_model.result import Passage
    from multimodal.sentiment.result import Sentiment

_GAP = len(GAP)
_LONGEST_TEXT = 1_000  # letters of a text where no terminal bounds it


class SentimentVerb(Verb):
    """Classify texts."""

    task = "sentiment"
    about = "Classify texts with a trained model: the label, its probability, and why."
    refusal = "classifies no texts"
    json = (
        "print a JSON object a line: text, label, probability, probabilities (or value), "
        "unknown_words, cut (or error); file and line of what was read from one"
    )
    examples = """\
  multimodal sentiment sentiment-reviews "Slow in the beginning, but picks up pace later on."
  multimodal sentiment best.ckpt "A good film." --explain --picture why.png
  multimodal sentiment best.ckpt --file reviews.txt --json > results.jsonl
  zcat reviews.gz | multimodal sentiment best.ckpt -
"""
    defaults: ClassVar = {"batch_size": None}

    @override
    @staticmethod
    def add_inputs(parser: Arguments) -> None:
        _add_texts(parser)
        parser.add_argument(
            "--explain",
            action="store_true",
            help="show the contribution of each word: coloured in a terminal, numbers elsewhere, "
            "tokens and contributions in JSON",
        )
        parser.add_argument(
            "--picture",
            type=Path,
            metavar="PICTURE",
            help="draw the contributions to one text: .png, .pdf, .svg",
        )

    @override
    @staticmethod
    def check(parser: Arguments, options: Namespace) -> None:
        texts, files = options.texts, options.file
        _check_texts(parser, options)
        if options.picture is not None and (len(texts) != 1 or texts[0] == "-" or files):
            parser.error("argument --picture: draws one text, given in quotes")

    @override
    def chosen(self) -> dict[str, Any]:
        together = 1 if is_typed(self.options.texts) else 32
        return {
            "explain": self.options.explain or self.options.picture is not None,
            "batch_size": self.options.batch_size or together,
        }

    @override
    def items(self) -> Iterator[Item]:
        return read_texts(self.options.texts, self.options.file)

    @override
    def begin(self, predictor: Any, items: Iterable[Item]) -> None:
        self.colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        labels = [printable(label) for label in predictor.labels]
        columns = [Column("value", PROBABILITY.width), HIDDEN]
        if labels:
            columns = [Column("label", max(map(len, [*labels, "label"]))), PROBABILITY]
        self.space = _LONGEST_TEXT
        if width := terminal_width():
            others = sum(column.width + _GAP for column in columns if column.width)
            self.space = max(LEAST_TEXT_WIDTH, width - others)
        legend = ""
        if self.colour and self.options.explain:
            target = "the label" if labels else "a higher value"
            legend = f" (blue supports {target}, orange opposes it)"
        self.table = Table([*columns, Column(f"text{legend}", 1)])

    @override
    def write(self, item: Item, result: "Sentiment") -> None:
        if self.options.explain:
            # Imported late: the figures take a while to import.
            from multimodal.figures.texts import text_line

            text = text_line(result.tokens, result.contributions, colour=self.colour)
        else:
            text = " ".join(printable(item.text[: 4 * self.space]).split())
            text = text if len(text) <= self.space else f"{text[: self.space - 3]}..."
        self.table.row([printable(str(result)), percent(result.probability), text])

    @override
    def draw(self, number: int, item: Item, result: "Sentiment") -> None:
        if self.options.picture is not None:
            result.save(self.options.picture)


class WriteVerb(Verb):
    """Continue a prompt."""

    task = "language_model"
    about = "Continue a prompt with a trained language model."
    refusal = "writes no texts"
    json = "print a JSON object a line: text, prompt, seed, log_prob, ended, unknown"
    examples = """\
  multimodal write best.ckpt "The film begins slowly"
  multimodal write verse.ckpt "Shall I compare thee" --temperature 0.7 --top-k 20 --count 3
  multimodal write verse.ckpt "" --seed 7
"""
    gap = ""

    @override
    @staticmethod
    def add_inputs(parser: Arguments) -> None:
        parser.add_argument(
            "prompt",
            metavar="PROMPT",
            nargs="+",
            help='the beginning of the text, in quotes; "" starts from nothing',
        )
        parser.add_argument(
            "--count",
            type=whole_number(1),
            default=1,
            metavar="N",
            help="how many texts (default: 1)",
        )

    @override
    @staticmethod
    def check(parser: Arguments, options: Namespace) -> None:
        if len(options.prompt) > 1:
            given = printable(" ".join(options.prompt))
            parser.error(f'a prompt stands in quotes: "{given}"')

    @override
    def items(self) -> Iterator[Item]:
        for prompt in self.options.prompt * self.options.count:
            yield Item(prompt, prompt)

    @override
    def write(self, item: Item, result: "Passage") -> None:
        lines = "\n".join(map(printable, result.text.split("\n")))
        sys.stdout.write(f"{self.gap}{lines}\n")
        self.gap = "\n"


class TextVerb(Verb):
    """Print a result for each text: the command of a task of texts that has no class here."""

    @classmethod
    def of(cls, row: Task) -> type[Verb]:
        """Make the command of a task; its words are those of the task's row."""
        action = row.usage.partition(":")[0]
        words = {
            "about": f"{action.capitalize()}, with a trained model.",
            "refusal": f"does not {action}",
            "json": "print a JSON object a line: text and result (or error); file and line of "
            "what was read from one",
            "examples": f"  multimodal {row.verb} best.ckpt --file texts.txt --json\n",
        }
        return type(cls.__name__, (cls,), {"task": row.name, **words})

    @override
    @staticmethod
    def add_inputs(parser: Arguments) -> None:
        _add_texts(parser)

    @override
    @staticmethod
    def check(parser: Arguments, options: Namespace) -> None:
        _check_texts(parser, options)

    @override
    def items(self) -> Iterator[Item]:
        return read_texts(self.options.texts, self.options.file)

    @override
    def begin(self, predictor: Any, items: Iterable[Item]) -> None:
        self.table = Table([Column("result", LEAST_WIDTH), Column("text", 1)])

    @override
    def write(self, item: Item, result: Any) -> None:
        self.table.row([printable(str(result)), shortened(item.text, _LONGEST_TEXT)])


def _add_texts(parser: Arguments) -> None:
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="*",
        help="a text in quotes; - reads texts from standard input, one a line",
    )
    parser.add_argument(
        "--file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="read texts from a file in UTF-8, one a line; may be given several times",
    )


def _check_texts(parser: Arguments, options: Namespace) -> None:
    if not options.texts and not options.file:
        parser.error("TEXT is missing, or --file")
    if (file := first_file(options.texts)) is not None:
        parser.error(f"expected a text, got the file {file}; to read its lines, --file {file}")
