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
    from multimodal.inference.devices import Precision
    from multimodal.vqa.predictor import VQAPredictor
    from multimodal.vqa.result import Answer

EXIT_ERROR = 1

_GAP = "  "
_SHARE = len("probability")
_LEAST = 12  # columns of a name, a question or an answer in a narrow terminal
_LONGEST_NAME = 50  # letters of a question in the name of its picture

_EXAMPLES = """\
  multimodal ask vqa-scenes photo.jpg "What colour is the car?" "Is it raining?"
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
    parser = _parser()
    options = parser.parse_args(arguments)
    _check_call(parser, options.questions, options.pictures)
    predictor = _open(options.model, options.device, options.precision)
    questions = list(_each_question(options.questions))
    pictures, problems = find_pictures([options.image])
    complaints = _Complaints(problems)
    asked = [_Asked(picture, question) for picture in pictures for question in questions]
    found = predictor.stream(iter(asked), top=options.top)
    printer = _Json(len(asked)) if options.json else _Table(asked)
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
    parser.add_model("a run of visual question answering", "vqa-scenes")
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


def _check_call(parser: Arguments, questions: Sequence[str], folder: Path | None) -> None:
    """Leave with 2 where the arguments can hardly be what was meant."""
    file = next((given for given in questions if os.path.isfile(given)), None)  # noqa: PTH113 - a question may be too long for a Path
    if file is not None:
        parser.error(
            f"expected a question, got the file {printable(file)}; give one picture, or a folder "
            "of several, and then the questions"
        )
    single = len(questions) > 1 and all(len(given.split()) == 1 for given in questions)
    if single and "-" not in questions and not all(given.endswith("?") for given in questions):
        parser.error(f'a question stands in quotes: "{printable(" ".join(questions))}"')
    if folder is not None and folder.exists() and not folder.is_dir():
        parser.error(f"argument --pictures: must be a folder, got the file {folder}")


def _open(model: Path, device: str, precision: "Precision") -> "VQAPredictor":
    # Only now: torch takes a second to import.
    from multimodal.hardware import tune_cpu
    from multimodal.saving import read_model
    from multimodal.vqa.predictor import VQAPredictor

    saved = read_model(model)
    if saved.task == "captioning":
        raise ValueError(
            f"{model} is a captioner and answers no questions. Give a checkpoint of visual "
            f"question answering, or let it write captions: multimodal caption {model} IMAGE"
        )
    if saved.task != "vqa":
        raise ValueError(
            f"{model} is a checkpoint of the task {saved.task!r} and answers no questions about "
            "pictures. Give one of visual question answering."
        )
    tune_cpu()
    return VQAPredictor.from_saved(saved, str(model), device=device, precision=precision)


def _each_question(given: Sequence[str]) -> Iterator[str]:
    for question in given:
        if question == "-":
            yield from _read_questions()
        else:
            yield question


def _read_questions() -> list[str]:
    try:
        # Some editors put a mark before the first letter of a file in UTF-8.
        lines = [line.removeprefix("\ufeff").strip() for line in sys.stdin]
    except UnicodeDecodeError as error:
        raise ValueError("Standard input is not text in UTF-8. Save the questions so.") from error
    if not any(lines):
        raise ValueError("Standard input holds no question. Write some there, one a line.")
    return [line for line in lines if line]


def _print_all(
    asked: Sequence[_Asked],
    found: Iterator["Answer | ValueError | OSError"],
    printer: "_Json | _Table",
    complaints: "_Complaints",
    drawer: "_Drawer | None",
) -> None:
    """Print each answer, or what went wrong, as it comes."""
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
            self._say(f"{answer.note} It answered {answer.question!r} all the same.")

    def _say(self, sentence: str) -> None:
        if sentence not in self.said:
            self.said.add(sentence)
            sys.stderr.write(f"multimodal: {printable(sentence)}\n")


class _Json:
    """One array, an object a line, so that it can be read while it is written."""

    def __init__(self, rows: int) -> None:
        self.left = rows
        self.is_empty = True

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
        self.left -= 1
        start, end = "[\n" * self.is_empty, "," * (self.left > 0)
        sys.stdout.write(f"{start}{json.dumps(values, ensure_ascii=False)}{end}\n")
        self.is_empty = False

    def end(self) -> None:
        sys.stdout.write("[]\n" if self.is_empty else "]\n")


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
            others = self.name_width + _SHARE + _LEAST + 3 * len(_GAP)  # a short answer fits
            self.width = min(self.width, max(_LEAST, columns - others))
        self.is_empty = True

    def row(self, asked: _Asked, answer: "Answer | ValueError | OSError") -> None:
        if isinstance(answer, Exception):
            return  # it has been named on stderr
        if self.is_empty:
            self._line("image", "question", "probability", "answer")
            self.is_empty = False
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

        from multimodal.figures.answers import answer_figure
        from multimodal.figures.page import save_figure

        figure = answer_figure(
            self.predictor.seen(asked.picture),
            answer.question,
            answer.ranked,
            torch.tensor(answer.attention),
            note=answer.note,
        )
        words = re.findall(r"[^\W_]+", f"{Path(asked.picture.name).stem} {asked.question}".lower())
        name = f"{number + 1:0{self.digits}d}-{'-'.join(words)[:_LONGEST_NAME].rstrip('-')}"
        save_figure(figure, self.folder / f"{name}.png")
