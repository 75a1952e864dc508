"""multimodal sentiment: verdicts on texts, as a table or as JSON, with each word's share, or drawn.

Texts are judged as they come, a batch at a time, so that a file or a pipe of any length starts to
answer at once. A text that cannot be judged is named on stderr, the others are judged all the same,
and the exit code is 1.
"""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.caption import printable
from multimodal.cli.text_sources import Line, TextSources

if TYPE_CHECKING:
    from multimodal.inference.devices import Precision
    from multimodal.sentiment.predictor import SentimentPredictor
    from multimodal.sentiment.result import Sentiment

EXIT_ERROR = 1

_GAP = "  "
_SHARE = len("probability")
_LEAST = 20  # columns of a text in a narrow terminal
_LONGEST = 1_000  # letters of a text where no terminal bounds it
_TOGETHER = 32

_EXAMPLES = """\
  multimodal sentiment sentiment-reviews "Slow in the beginning, but picks up pace later on."
  multimodal sentiment best.ckpt "A good film." --explain --picture why.png
  multimodal sentiment best.ckpt --file reviews.txt --json > verdicts.jsonl
  zcat reviews.gz | multimodal sentiment best.ckpt -
"""


def run(arguments: list[str]) -> int:
    """Judge texts and print a table, or JSON.

    Args:
        arguments: What follows ``sentiment`` on the command line.

    Returns:
        The exit code: 0 if every text got its verdict, 1 if one did not, 2 for a wrong call.

    Raises:
        FileNotFoundError: If there is no such model, or no such file of texts.
        ValueError: If the model cannot be used, or there is no text.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    _check_call(parser, options.texts, options.file, options.picture)
    sources = TextSources(options.texts, options.file)
    predictor = _open(options.model, options.device, options.precision)
    found = predictor.stream(
        sources.texts(),
        explain=options.explain or options.picture is not None,
        batch_size=options.batch_size or (1 if sources.is_typed else _TOGETHER),
    )
    printer = _Json(options.explain) if options.json else _Table(predictor, options.explain)
    complaints = _Complaints()
    try:
        for sentiment in found:
            line = sources.next_line()
            verdict = line.problem or sentiment
            complaints.look_at(line, verdict)
            printer.row(line, verdict)
            sys.stdout.flush()  # someone may wait at the other end of a pipe
            if options.picture is not None and not isinstance(verdict, Exception):
                verdict.save(options.picture)
    except BrokenPipeError:  # whoever read the table, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    complaints.sum_up()
    return EXIT_ERROR if complaints.failed else 0


def _parser() -> Arguments:
    parser = Arguments(
        "sentiment",
        about="Judge texts with a trained model: which label, how sure, and why.",
        examples=_EXAMPLES,
    )
    parser.add_model("a sentiment run", "sentiment-reviews")
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
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON object a line: text, label, probability, probabilities (or value), "
        "unknown_words, cut (or error); file and line of what was read from one",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="show what each word contributed: coloured in a terminal, numbers elsewhere, tokens "
        "and contributions in JSON",
    )
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="PICTURE",
        help="draw the same of one text: .png, .pdf, .svg",
    )
    parser.add_argument(
        "--batch-size",
        type=whole_number(1),
        metavar="N",
        help=f"texts that go through the model together (default: {_TOGETHER}; 1 while one types)",
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


def _check_call(
    parser: Arguments, texts: Sequence[str], files: Sequence[Path], picture: Path | None
) -> None:
    """Leave with 2 where the arguments can hardly be what was meant."""
    if not texts and not files:
        parser.error("TEXT is missing, or --file")
    file = next((given for given in texts if os.path.isfile(given)), None)  # noqa: PTH113 - a text may be too long for a Path
    if file is not None:
        name = printable(file)
        parser.error(f"expected a text, got the file {name}; to judge its lines, --file {name}")
    if picture is not None and (len(texts) != 1 or texts[0] == "-" or files):
        parser.error("argument --picture: draws one text, given in quotes")


def _open(model: Path, device: str, precision: "Precision") -> "SentimentPredictor":
    # Only now: torch takes a second to import.
    from multimodal.hardware import tune_cpu
    from multimodal.saving import read_model
    from multimodal.sentiment.predictor import SentimentPredictor

    saved = read_model(model)
    if saved.task == "language_model":
        raise ValueError(
            f"{model} is a language model and judges no texts. Train a classifier that starts from "
            f"it, or let it write: multimodal write {model} PROMPT"
        )
    if saved.task != "sentiment":
        raise ValueError(
            f"{model} is a checkpoint of the task {saved.task!r} and judges no texts. Give one of "
            "a sentiment run."
        )
    tune_cpu()
    return SentimentPredictor.from_saved(saved, str(model), device=device, precision=precision)


class _Complaints:
    """Sentences on stderr: of a text in quotes at once, of the lines of a file all together."""

    def __init__(self) -> None:
        self.failed = False
        self.lines = self.unknown = self.cut = 0

    def look_at(self, line: Line, verdict: "Sentiment | ValueError") -> None:
        """Say what is wrong with a text, or count it."""
        if isinstance(verdict, Exception):
            self.failed = True
            self._say(f"{line.place}: {verdict}" if line.place else str(verdict))
        elif line.place:
            self.lines += 1
            self.unknown += bool(verdict.unknown_words)
            self.cut += verdict.cut
        elif said := verdict.note:
            self._say(said)

    def sum_up(self) -> None:
        """Say how many texts there was something to say about."""
        for count, what in (
            (self.unknown, "have words that the model never saw"),
            (self.cut, "are longer than the model reads, and were read in part"),
        ):
            if count:
                self._say(f"{count:,} of {self.lines:,} texts {what}; --json says which.")

    def _say(self, sentence: str) -> None:
        sys.stderr.write(f"multimodal: {printable(sentence)}\n")


class _Json:
    """An object a line, each complete when it is written."""

    def __init__(self, explain: bool) -> None:
        self.explain = explain

    def row(self, line: Line, verdict: "Sentiment | ValueError") -> None:
        values: dict[str, object] = {"file": line.file, "line": line.number} if line.place else {}
        values["text"] = line.text
        if isinstance(verdict, Exception):
            values["error"] = str(verdict)
        else:
            values |= self._values(verdict)
        sys.stdout.write(f"{json.dumps(values, ensure_ascii=False)}\n")

    def _values(self, verdict: "Sentiment") -> dict[str, object]:
        values: dict[str, object] = {}
        if verdict.value is None:
            values["label"] = verdict.label
            values["probability"] = round(verdict.probability, 4)
            shares = verdict.probabilities.items()
            values["probabilities"] = {label: round(share, 4) for label, share in shares}
        else:
            values["value"] = round(verdict.value, 4)
        values |= {"unknown_words": list(verdict.unknown_words), "cut": verdict.cut}
        if self.explain:
            values["tokens"] = list(verdict.tokens)
            values["contributions"] = [round(share, 4) for share in verdict.contributions]
        return values


class _Table:
    """Columns: label, probability (or the value alone), text."""

    def __init__(self, predictor: "SentimentPredictor", explain: bool) -> None:
        self.explain = explain
        in_terminal = sys.stdout.isatty()
        self.colour = in_terminal and not os.environ.get("NO_COLOR")
        self.labels = [printable(label) for label in predictor.labels]
        self.width = max(map(len, [*self.labels, "label" if self.labels else "value"]))
        self.width = max(self.width, 0 if self.labels else _SHARE)
        self.space = _LONGEST
        if in_terminal:
            columns = shutil.get_terminal_size().columns
            others = self.width + len(_GAP) + (_SHARE + len(_GAP)) * bool(self.labels)
            self.space = max(_LEAST, columns - others)
        self.is_empty = True

    def row(self, line: Line, verdict: "Sentiment | ValueError") -> None:
        if isinstance(verdict, Exception):
            return  # it has been named on stderr
        if self.is_empty:
            self._head()
            self.is_empty = False
        if self.explain:
            # Only now: what draws the same in a picture takes a while to import.
            from multimodal.figures.texts import text_line

            text = text_line(verdict.tokens, verdict.contributions, colour=self.colour)
        else:
            text = " ".join(printable(line.text[: 4 * self.space]).split())
            text = text if len(text) <= self.space else f"{text[: self.space - 3]}..."
        self._line(printable(str(verdict)), f"{100 * verdict.probability:.1f} %", text)

    def _head(self) -> None:
        what = "the label" if self.labels else "a higher value"
        legend = f" (blue speaks for {what}, orange against it)" if self.colour else ""
        first = "label" if self.labels else "value"
        self._line(first, "probability", f"text{legend if self.explain else ''}")

    def _line(self, verdict: str, share: str, text: str) -> None:
        middle = f"{_GAP}{share:>{_SHARE}}" if self.labels else ""
        sys.stdout.write(f"{verdict:<{self.width}}{middle}{_GAP}{text}\n")
