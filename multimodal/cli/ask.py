"""multimodal ask: answers to questions about pictures, as a table, as JSON, or drawn.

Rows appear batch by batch. A picture or a question that cannot be used is named on stderr, the
others are answered all the same, and the exit code is 1.
"""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.caption import find_pictures, printable

if TYPE_CHECKING:
    from multimodal.data.examples import ImageFile
    from multimodal.predictors.vqa import Answer, VQAPredictor

EXIT_ERROR = 1

_GAP = "  "
_SHARE = len("probability")
_LEAST = 12  # columns of a name or a question in a narrow terminal
_LONGEST_NAME = 60  # letters of a question in the name of its picture

_EXAMPLES = """\
  multimodal ask best.ckpt photo.jpg "What colour is the car?" "Is it raining?"
  multimodal ask best.ckpt photo.jpg "Is there a dog?" --pictures looked/
  multimodal ask best.ckpt holiday/ "Is there a dog?" --top 1 --json > dogs.json
  multimodal ask best.ckpt photo.jpg - < questions.txt
"""


def run(arguments: list[str]) -> int:
    """Answer questions and print a table, or JSON.

    Args:
        arguments: What follows ``ask`` on the command line.

    Returns:
        The exit code: 0 if every question got its answer, 1 if one did not, 2 for a wrong call.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If the model cannot be used, or standard input holds no question.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    options = _parser().parse_args(arguments)
    # Only now: torch takes a second to import.
    from multimodal.hardware import tune_cpu
    from multimodal.predictors.vqa import VQAPredictor

    tune_cpu()
    predictor = VQAPredictor.from_checkpoint(
        options.model, device=options.device, precision=options.precision
    )
    questions = list(_each_question(options.questions))
    pictures, problems = find_pictures([options.image])
    complaints = _Complaints(problems)
    asked = [_Asked(picture, question) for picture in pictures for question in questions]
    found = predictor.stream(iter(asked), top=options.top)
    printer = _Json() if options.json else _Table(asked)
    drawer = _Drawer(predictor, options.pictures, asked) if options.pictures else None
    try:
        _print_all(asked, found, printer, complaints, drawer)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the table, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    return EXIT_ERROR if complaints.failed else 0


class _Asked(NamedTuple):
    """A pair as the predictor takes it."""

    picture: "ImageFile"
    question: str

    @property
    def name(self) -> str:
        return printable(str(self.picture))


def _parser() -> Arguments:
    parser = Arguments(
        "ask",
        about="Answer questions about a picture with a trained model.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        type=Path,
        help="a checkpoint of a run of visual question answering",
    )
    parser.add_argument(
        "image",
        metavar="IMAGE",
        type=Path,
        help="a picture; or a folder (searched with all folders in it) or a zip archive, to ask "
        "the same of every picture",
    )
    parser.add_argument(
        "questions",
        metavar="QUESTION",
        nargs="+",
        help="a question in quotes; - reads questions from standard input, one a line",
    )
    parser.add_argument(
        "--top",
        type=whole_number(1),
        default=3,
        metavar="N",
        help="how many answers to show, the likeliest first (default: 3)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON array, an object a line: image, question, answer, probability, "
        "alternatives, unknown_words (or error)",
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="draw where the model looked and how sure it was, a PNG file for each answer",
    )
    parser.add_argument(
        "--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (default: auto)"
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="bfloat16 is faster where the hardware has it, and less exact (default: float32)",
    )
    return parser


def _each_question(given: Sequence[str]) -> Iterator[str]:
    for question in given:
        if question == "-":
            yield from _read_questions()
        else:
            yield question


def _read_questions() -> list[str]:
    try:
        questions = [line.strip() for line in sys.stdin if line.strip()]
    except UnicodeDecodeError as error:
        raise ValueError("Standard input is not text in UTF-8. Save the questions so.") from error
    if not questions:
        raise ValueError("Standard input holds no question. Write them there, one a line.")
    return questions


def _print_all(
    asked: Sequence[_Asked],
    found: Iterator["Answer | ValueError | OSError"],
    printer: "_Json | _Table",
    complaints: "_Complaints",
    drawer: "_Drawer | None",
) -> None:
    """Print each answer, or what went wrong, as it comes."""
    printer.begin()
    for number, (pair, answer) in enumerate(zip(asked, found, strict=True)):
        if isinstance(answer, Exception):
            complaints.fail(str(answer))
        else:
            complaints.note_unknown(answer)
        printer.row(pair, answer)
        if drawer is not None and not isinstance(answer, Exception):
            drawer.draw(number, pair, answer)
    printer.end()


class _Complaints:
    """Sentences on stderr, each once: a bad picture is asked about many times."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.failed = False
        self.said: set[str] = set()
        for problem in problems:
            self.fail(problem)

    def fail(self, problem: str) -> None:
        self.failed = True
        self._say(problem)

    def note_unknown(self, answer: "Answer") -> None:
        if answer.unknown_words:
            self._say(f"{unknown_note(answer)} It answered {answer.question!r} all the same.")

    def _say(self, sentence: str) -> None:
        if sentence not in self.said:
            self.said.add(sentence)
            sys.stderr.write(f"multimodal: {printable(sentence)}\n")


def unknown_note(answer: "Answer") -> str:
    """Say which words of a question the model never saw.

    Args:
        answer: The answer to the question.

    Returns:
        A sentence; empty if it saw them all.

    Example:
        >>> from multimodal.predictors.vqa import Answer
        >>> unknown_note(Answer("no", 0.5, unknown_words=("zebra", "gnu")))
        'The model never saw the words zebra, gnu.'
    """
    words = answer.unknown_words
    return f"The model never saw the word{'s' * (len(words) > 1)} {', '.join(words)}." * bool(words)


class _Json:
    """One array, an object a line, so that it can be read while it is written."""

    def __init__(self) -> None:
        self.separator = "["

    def begin(self) -> None:
        pass

    def row(self, asked: _Asked, answer: "Answer | ValueError | OSError") -> None:
        values: dict[str, object] = {"image": asked.name, "question": asked.question}
        if isinstance(answer, Exception):
            values["error"] = str(answer)
        else:
            values |= {"answer": answer.answer, "probability": round(answer.probability, 4)}
            values["alternatives"] = [
                {"answer": other.answer, "probability": round(other.probability, 4)}
                for other in answer.alternatives
            ]
            values["unknown_words"] = list(answer.unknown_words)
        sys.stdout.write(f"{self.separator}\n{json.dumps(values, ensure_ascii=False)}")
        self.separator = ","

    def end(self) -> None:
        sys.stdout.write("\n]\n" if self.separator == "," else "[]\n")


class _Table:
    """Columns: image if there are several, question, probability, answer."""

    def __init__(self, asked: Sequence[_Asked]) -> None:
        names = {pair.name for pair in asked}
        self.name_width = max(map(len, names)) if len(names) > 1 else 0
        self.width = max((len(printable(pair.question)) for pair in asked), default=0)
        self.width = max(self.width, len("question"))
        if sys.stdout.isatty():
            columns = shutil.get_terminal_size().columns
            self.name_width = min(self.name_width, max(_LEAST, columns // 4))
            self.width = min(self.width, max(_LEAST, columns // 2))
        self.rows = len(asked)

    def begin(self) -> None:
        if self.rows:
            self._line("image", "question", "probability", "answer")

    def row(self, asked: _Asked, answer: "Answer | ValueError | OSError") -> None:
        if isinstance(answer, Exception):
            return  # it has been named on stderr
        name = asked.name
        if len(name) > self.name_width:  # the end of a path tells more than its beginning
            name = f"...{name[3 - self.name_width :]}"
        questions = textwrap.wrap(printable(asked.question), self.width)
        shares = [f"{100 * share:.1f} %" for _, share in answer.ranked]
        said = [printable(other) for other, _ in answer.ranked]
        for cells in zip_longest([name], questions, shares, said, fillvalue=""):
            self._line(*cells)

    def end(self) -> None:
        pass

    def _line(self, name: str, question: str, share: str, answer: str) -> None:
        first = f"{name:<{self.name_width}}{_GAP}" if self.name_width else ""
        line = f"{first}{question:<{self.width}}{_GAP}{share:>{_SHARE}}{_GAP}{answer}"
        sys.stdout.write(f"{line.rstrip()}\n")


class _Drawer:
    """A picture for each answer, named by its number and its question."""

    def __init__(self, predictor: "VQAPredictor", folder: Path, asked: Sequence[_Asked]) -> None:
        self.predictor = predictor
        self.folder = folder
        self.digits = len(str(len(asked)))

    def draw(self, number: int, asked: _Asked, answer: "Answer") -> None:
        # Only now: matplotlib takes a while to import.
        import torch

        from multimodal.interpret.answers import answer_figure
        from multimodal.interpret.rendering import save_figure

        figure = answer_figure(
            self.predictor.seen(asked.picture),
            answer.question,
            answer.ranked,
            torch.tensor(answer.attention),
            note=unknown_note(answer),
        )
        words = re.findall(
            r"[a-z0-9]+", f"{Path(asked.picture.name).stem} {asked.question}".lower()
        )
        name = f"{number + 1:0{self.digits}d}-{'-'.join(words)[:_LONGEST_NAME].rstrip('-')}"
        save_figure(figure, self.folder / f"{name}.png")
