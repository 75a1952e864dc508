"""The commands that use a trained model: a class each, with its help, inputs, table and drawing."""

import os
import re
import sys
import textwrap
from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from typing_extensions import override

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.inputs import Item, find_pictures, is_typed, read_texts
from multimodal.cli.printing import (
    GAP,
    Column,
    Complaints,
    Table,
    printable,
    shortened,
    terminal_width,
)
from multimodal.tasks import TASKS, Task

if TYPE_CHECKING:
    from multimodal.captioning.result import Caption
    from multimodal.classification.result import Classification
    from multimodal.language_model.result import Passage
    from multimodal.sentiment.result import Sentiment
    from multimodal.vqa.result import Answer

_GAP = len(GAP)
_SCORE = 7  # columns of a score
_PROBABILITY = Column("probability", len("probability"), right=True)
_HIDDEN = Column("", 0)
_LEAST = 12  # columns of a name, a question or an answer in a narrow terminal
_LEAST_TEXT = 20  # columns of a caption or a text in a narrow terminal
_LONGEST_TEXT = 1_000  # letters of a text where no terminal bounds it
_LONGEST_NAME = 50  # letters of a question in the name of its picture


class Verb(ABC):
    """A command that uses a trained model: its part of `multimodal.cli.inference.run`.

    Attributes:
        task: The task of its models.
        about: Its description in the help.
        refusal: The end of "a checkpoint of the task 'vqa' and ...".
        json: Help of ``--json``.
        examples: Lines at the end of the help.
        defaults: Defaults of options that differ from those of a call.
        without: Options of a call that are no options of the command.
        noun: The results, in the line that counts them.
        note: The sentence with a result's note.
    """

    task: ClassVar[str]
    about: ClassVar[str]
    refusal: ClassVar[str]
    json: ClassVar[str]
    examples: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]] = {}
    without: ClassVar[tuple[str, ...]] = ()
    noun: ClassVar[str] = "pictures"
    note: ClassVar[str] = "{note}"

    def __init__(self, options: Namespace, complaints: Complaints) -> None:
        self.options = options
        self.complaints = complaints

    @staticmethod
    @abstractmethod
    def add_inputs(parser: Arguments) -> None:
        """Add its arguments and the options that only it has."""

    @staticmethod  # noqa: B027 (optional)
    def check(parser: Arguments, options: Namespace) -> None:
        """Exit with status 2 if the arguments look like a mistake."""

    def chosen(self) -> dict[str, Any]:
        """Return the options of the call that depend on other arguments."""
        return {}

    @abstractmethod
    def items(self) -> Iterable[Item]:
        """Read the inputs; a list where all are known at once."""

    def begin(self, predictor: Any, items: Iterable[Item]) -> None:  # noqa: B027 (optional)
        """Fit the columns of the table to the inputs, and to the terminal if there is one."""

    @abstractmethod
    def write(self, item: Item, result: Any) -> None:
        """Write a result into the table."""

    def draw(self, number: int, item: Item, result: Any) -> None:  # noqa: B027 (optional)
        """Draw the result of the input with this number, if a drawing is wanted."""

    def _pictures(self, paths: list[Path]) -> list[Item]:
        pictures, problems = find_pictures(paths)
        for problem in problems:
            self.complaints.fail(problem)
        names = [printable(str(picture)) for picture in pictures]
        return [
            Item(picture, name, {"image": name})
            for picture, name in zip(pictures, names, strict=True)
        ]


class CaptionVerb(Verb):
    """Write captions."""

    task = "captioning"
    about = "Write captions for pictures with a trained model."
    refusal = "writes no captions"
    json = "print a JSON array, an object a line: image, caption, score, alternatives (or error)"
    examples = """\
  multimodal caption captioning-scenes photo.jpg
  multimodal caption best.ckpt holiday/ more.zip --alternatives 2
  multimodal caption best.ckpt holiday/ --json > captions.json
"""
    without = ("n_best",)

    @override
    @staticmethod
    def add_inputs(parser: Arguments) -> None:
        _add_images(parser, "IMAGE")
        parser.add_argument(
            "--alternatives",
            type=whole_number(0),
            default=0,
            metavar="N",
            help="number of the next best captions to show (default: 0)",
        )

    @override
    @staticmethod
    def check(parser: Arguments, options: Namespace) -> None:
        if options.alternatives >= options.beam_size:
            parser.error(
                f"argument --alternatives: must be below --beam-size, got {options.alternatives} "
                f"of {options.beam_size}"
            )

    @override
    def chosen(self) -> dict[str, Any]:
        return {"n_best": self.options.alternatives + 1}

    @override
    def items(self) -> list[Item]:
        return self._pictures(self.options.images)

    @override
    def begin(self, predictor: Any, items: Iterable[Item]) -> None:
        self.name_width = max((len(item.text) for item in items), default=0)
        self.width = sys.maxsize
        if columns := terminal_width():
            self.name_width = min(self.name_width, max(_LEAST, columns * 2 // 5))
            self.width = max(_LEAST_TEXT, columns - self.name_width - _SCORE - 2 * _GAP)
        score = Column("score", _SCORE, right=True)
        self.table = Table([Column("image", self.name_width), score, Column("caption", 1)])

    @override
    def write(self, item: Item, result: "Caption") -> None:
        name = shortened(item.text, self.name_width)
        for text, score in [(result.text, result.score), *result.alternatives]:
            lines = textwrap.wrap(text, self.width) or [""]
            self.table.row([name, f"{score:.2f}", lines])
            name = ""


class AskVerb(Verb):
    """Answer questions about pictures."""

    task = "vqa"
    about = "Answer questions about a picture with a trained model."
    refusal = "answers no questions about pictures"
    json = (
        "print a JSON array, an object a line: image, question, answer, probability, "
        "alternatives, unknown_words (or error)"
    )
    examples = """\
  multimodal ask vqa-scenes photo.jpg "What colour is the car?" "Is it raining?"
  multimodal ask best.ckpt photo.jpg "Is there a dog?" --pictures looked/
  multimodal ask best.ckpt holiday/ "Is there a dog?" --top 1 --json > dogs.json
  multimodal ask best.ckpt photo.jpg - < questions.txt
"""
    defaults: ClassVar = {"top": 3}
    noun = "answers"
    note = "{note} It answered {question!r} all the same."

    @override
    @staticmethod
    def add_inputs(parser: Arguments) -> None:
        parser.add_argument(
            "image",
            metavar="IMAGE",
            type=Path,
            help="a picture; or a folder (searched with all folders in it) or a zip archive, to "
            "ask the same of every picture",
        )
        parser.add_argument(
            "questions",
            metavar="QUESTION",
            nargs="+",
            help="a question in quotes; - reads questions from standard input, one a line",
        )
        parser.add_argument(
            "--pictures",
            type=Path,
            metavar="FOLDER",
            help="draw where the model looked and its answers, a PNG file for each question",
        )

    @override
    @staticmethod
    def check(parser: Arguments, options: Namespace) -> None:
        questions, folder = options.questions, options.pictures
        if (file := _first_file(questions)) is not None:
            parser.error(
                f"expected a question, got the file {file}; give one picture, or a folder of "
                "several, and then the questions"
            )
        single = len(questions) > 1 and all(len(given.split()) == 1 for given in questions)
        if single and "-" not in questions and not all(given.endswith("?") for given in questions):
            parser.error(f'a question stands in quotes: "{printable(" ".join(questions))}"')
        if folder is not None and folder.exists() and not folder.is_dir():
            parser.error(f"argument --pictures: must be a folder, got the file {folder}")

    @override
    def items(self) -> list[Item]:
        questions = list(read_texts(self.options.questions, noun="question"))
        if any(question.problem for question in questions):
            raise ValueError("Standard input is not text in UTF-8. Save the questions so.")
        return [
            Item(
                (picture.given, question.text),
                picture.text,
                {**picture.fields, "question": question.text},
                question.text,
            )
            for picture in self._pictures([self.options.image])
            for question in questions
        ]

    @override
    def begin(self, predictor: Any, items: Iterable[Item]) -> None:
        pairs = list(items)
        self.view, self.digits = predictor.seen, len(str(len(pairs)))
        self.name_width = _name_width(pairs)
        self.width = max(
            len(printable(each)) for each in ["question", *(p.question for p in pairs)]
        )
        if columns := terminal_width():
            self.name_width = min(self.name_width, max(_LEAST, columns // 4))
            others = self.name_width + _PROBABILITY.width + _LEAST + 3 * _GAP  # a short answer fits
            self.width = min(self.width, max(_LEAST, columns - others))
        names = [Column("image", self.name_width), Column("question", self.width)]
        self.table = Table([*names, _PROBABILITY, Column("answer", 1)])

    @override
    def write(self, item: Item, result: "Answer") -> None:
        questions = textwrap.wrap(printable(item.question), self.width)
        probabilities = [_percent(probability) for _, probability in result.ranked]
        answers = [printable(text) for text, _ in result.ranked]
        name = shortened(item.text, self.name_width)
        self.table.row([name, questions, probabilities, answers])

    @override
    def draw(self, number: int, item: Item, result: "Answer") -> None:
        if self.options.pictures is None:
            return
        # Imported late: matplotlib takes a while to import.
        import torch

        from multimodal.figures.explanations import answer_figure
        from multimodal.figures.page import save_figure

        picture, question = item.given
        attention = torch.tensor(result.attention)
        figure = answer_figure(
            self.view(picture), question, result.ranked, attention, note=result.note
        )
        words = re.findall(r"[^\W_]+", f"{Path(picture.name).stem} {question}".lower())
        name = f"{number:0{self.digits}d}-{'-'.join(words)[:_LONGEST_NAME].rstrip('-')}"
        save_figure(figure, self.options.pictures / f"{name}.png")


class ClassifyVerb(Verb):
    """Classify pictures."""

    task = "classification"
    about = "Classify pictures with a trained model."
    refusal = "classifies no pictures"
    json = (
        "print a JSON array, an object a line: image, label, probability, labels (all that it "
        "has), top; or the value of a count or a number (or error)"
    )
    examples = """\
  multimodal classify classification-digits photo.jpg
  multimodal classify best.ckpt holiday/ more.zip --top 1
  multimodal classify best.ckpt holiday/ --json > labels.json
"""
    defaults: ClassVar = {"top": 3}

    @override
    @staticmethod
    def add_inputs(parser: Arguments) -> None:
        _add_images(parser, "IMAGE_OR_FOLDER")

    @override
    def items(self) -> list[Item]:
        return self._pictures(self.options.images)

    @override
    def begin(self, predictor: Any, items: Iterable[Item]) -> None:
        self.name_width = _name_width(items)
        if columns := terminal_width():
            longest = max(map(len, [*map(printable, predictor.labels), "label"]))
            others = _PROBABILITY.width + longest + 2 * _GAP
            self.name_width = min(self.name_width, max(_LEAST, columns - others))
        names = Column("image", self.name_width)
        if predictor.labels:
            self.table = Table([names, _PROBABILITY, Column("label", 1)])
        else:
            self.table = Table([names, _HIDDEN, Column(predictor.target, 1)])

    @override
    def write(self, item: Item, result: "Classification") -> None:
        probabilities = [_percent(probability) for _, probability in result.top]
        labels = [printable(label) for label, _ in result.top]
        if result.value is not None:
            labels = [str(result)]
        self.table.row([shortened(item.text, self.name_width), probabilities, labels])


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
        columns = [Column("value", _PROBABILITY.width), _HIDDEN]
        if labels:
            columns = [Column("label", max(map(len, [*labels, "label"]))), _PROBABILITY]
        self.space = _LONGEST_TEXT
        if width := terminal_width():
            others = sum(column.width + _GAP for column in columns if column.width)
            self.space = max(_LEAST_TEXT, width - others)
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
        self.table.row([printable(str(result)), _percent(result.probability), text])

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
        self.table = Table([Column("result", _LEAST), Column("text", 1)])

    @override
    def write(self, item: Item, result: Any) -> None:
        self.table.row([printable(str(result)), shortened(item.text, _LONGEST_TEXT)])


_OWN: Final[dict[str, type[Verb]]] = {
    verb.task: verb for verb in (CaptionVerb, AskVerb, ClassifyVerb, SentimentVerb, WriteVerb)
}
VERBS: Final[dict[str, type[Verb]]] = {
    row.verb: _OWN.get(row.name) or TextVerb.of(row) for row in TASKS.values()
}


def _add_images(parser: Arguments, metavar: str) -> None:
    parser.add_argument(
        "images",
        metavar=metavar,
        type=Path,
        nargs="+",
        help="a picture, a folder (searched with all folders in it), or a zip archive",
    )


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
    if (file := _first_file(options.texts)) is not None:
        parser.error(f"expected a text, got the file {file}; to judge its lines, --file {file}")


def _first_file(texts: list[str]) -> str | None:
    """Return the first text that is the name of a file, for a message."""
    file = next((given for given in texts if os.path.isfile(given)), None)  # noqa: PTH113 - a text may be too long for a Path
    return None if file is None else printable(file)


def _name_width(items: Iterable[Item]) -> int:
    """Return the width of the column of picture names, which several pictures need."""
    names = {item.text for item in items}
    return max(map(len, names)) if len(names) > 1 else 0


def _percent(probability: float) -> str:
    return f"{100 * probability:.1f} %"
