"""The commands that take pictures: `caption`, `ask` and `classify`."""

import re
import sys
import textwrap
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.inputs import Item, find_pictures, first_file, read_texts
from multimodal.cli.printing import (
    GAP,
    Column,
    Complaints,
    Table,
    percent,
    printable,
    shortened,
    terminal_width,
)
from multimodal.cli.verb import HIDDEN, LEAST_TEXT_WIDTH, LEAST_WIDTH, PROBABILITY, Verb

if TYPE_CHECKING:
    from multimodal.captioning.result import Caption
    from multimodal.classification.result import Classification
    from multimodal.vqa.result import Answer

_GAP = len(GAP)
_SCORE = 7  # columns of a score
_LONGEST_NAME = 50  # letters of a question in the name of its picture


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
        return _list_pictures(self.options.images, self.complaints)

    @override
    def begin(self, predictor: Any, items: Iterable[Item]) -> None:
        self.name_width = max((len(item.text) for item in items), default=0)
        self.width = sys.maxsize
        if columns := terminal_width():
            self.name_width = min(self.name_width, max(LEAST_WIDTH, columns * 2 // 5))
            self.width = max(LEAST_TEXT_WIDTH, columns - self.name_width - _SCORE - 2 * _GAP)
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
        if (file := first_file(questions)) is not None:
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
            for picture in _list_pictures([self.options.image], self.complaints)
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
            self.name_width = min(self.name_width, max(LEAST_WIDTH, columns // 4))
            # A short answer fits.
            others = self.name_width + PROBABILITY.width + LEAST_WIDTH + 3 * _GAP
            self.width = min(self.width, max(LEAST_WIDTH, columns - others))
        names = [Column("image", self.name_width), Column("question", self.width)]
        self.table = Table([*names, PROBABILITY, Column("answer", 1)])

    @override
    def write(self, item: Item, result: "Answer") -> None:
        questions = textwrap.wrap(printable(item.question), self.width)
        probabilities = [percent(probability) for _, probability in result.ranked]
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
        return _list_pictures(self.options.images, self.complaints)

    @override
    def begin(self, predictor: Any, items: Iterable[Item]) -> None:
        self.name_width = _name_width(items)
        if columns := terminal_width():
            longest = max(map(len, [*map(printable, predictor.labels), "label"]))
            others = PROBABILITY.width + longest + 2 * _GAP
            self.name_width = min(self.name_width, max(LEAST_WIDTH, columns - others))
        names = Column("image", self.name_width)
        if predictor.labels:
            self.table = Table([names, PROBABILITY, Column("label", 1)])
        else:
            self.table = Table([names, HIDDEN, Column(predictor.target, 1)])

    @override
    def write(self, item: Item, result: "Classification") -> None:
        probabilities = [percent(probability) for _, probability in result.top]
        labels = [printable(label) for label, _ in result.top]
        if result.value is not None:
            labels = [str(result)]
        self.table.row([shortened(item.text, self.name_width), probabilities, labels])


def _add_images(parser: Arguments, metavar: str) -> None:
    parser.add_argument(
        "images",
        metavar=metavar,
        type=Path,
        nargs="+",
        help="a picture, a folder (searched with all folders in it), or a zip archive",
    )


def _list_pictures(paths: list[Path], complaints: Complaints) -> list[Item]:
    """List the pictures of files, folders and archives; what cannot be read is complained about."""
    pictures, problems = find_pictures(paths)
    for problem in problems:
        complaints.fail(problem)
    names = [printable(str(picture)) for picture in pictures]
    return [
        Item(picture, name, {"image": name}) for picture, name in zip(pictures, names, strict=True)
    ]


def _name_width(items: Iterable[Item]) -> int:
    """Return the width of the column of picture names, which several pictures need."""
    names = {item.text for item in items}
    return max(map(len, names)) if len(names) > 1 else 0
