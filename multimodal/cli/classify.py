"""multimodal classify: what pictures, folders and zip archives show, as a table or as JSON.

Rows appear batch by batch, so a folder of any size starts to answer at once. A picture that cannot
be used is named on stderr, the others are classified all the same, and the exit code is 1.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.caption import find_pictures, printable

if TYPE_CHECKING:
    from multimodal.classification.predictor import ClassificationPredictor
    from multimodal.classification.result import Classification
    from multimodal.inference.devices import Precision

EXIT_ERROR = 1

_GAP = "  "
_SHARE = len("probability")
_LEAST = 12  # columns of a name in a narrow terminal
_USES = {
    "captioning": "let it write captions: multimodal caption {model} IMAGE",
    "vqa": "ask it: multimodal ask {model} IMAGE QUESTION...",
}

_EXAMPLES = """\
  multimodal classify classification-digits photo.jpg
  multimodal classify best.ckpt holiday/ more.zip --top 1
  multimodal classify best.ckpt holiday/ --json > labels.json
"""


def run(arguments: list[str]) -> int:
    """Classify pictures and print a table, or JSON.

    Args:
        arguments: What follows ``classify`` on the command line.

    Returns:
        The exit code: 0 if every picture was classified, 1 if one was not, 2 for a wrong call.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If the model cannot be used.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    options = _parser().parse_args(arguments)
    predictor = _open(options.model, options.device, options.precision)
    pictures, problems = find_pictures(options.images)
    for problem in problems:
        _complain(problem)
    found = predictor.stream(pictures, top=options.top, batch_size=options.batch_size)
    names = [printable(str(picture)) for picture in pictures]
    printer = _Json(len(names)) if options.json else _Table(predictor, names)
    try:
        failed = len(problems) + _print_all(names, found, printer)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the table, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    return EXIT_ERROR if failed else 0


def _parser() -> Arguments:
    parser = Arguments(
        "classify",
        about="Say what pictures show with a trained model.",
        examples=_EXAMPLES,
    )
    parser.add_model("a run of image classification", "classification-digits")
    parser.add_argument(
        "images",
        metavar="IMAGE_OR_FOLDER",
        type=Path,
        nargs="+",
        help="a picture, a folder (searched with all folders in it), or a zip archive",
    )
    parser.add_argument(
        "--top",
        type=whole_number(1),
        default=3,
        metavar="N",
        help="how many labels to show, the likeliest first (default: 3)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON array, an object a line: image, label, probability, labels (all that "
        "it has), top; or the value of a count or a number (or error)",
    )
    parser.add_argument(
        "--batch-size",
        type=whole_number(1),
        default=32,
        metavar="N",
        help="pictures that go through the model together (default: 32)",
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


def _open(model: Path, device: str, precision: "Precision") -> "ClassificationPredictor":
    # Only now: torch takes a second to import.
    from multimodal.classification.predictor import ClassificationPredictor
    from multimodal.hardware import tune_cpu
    from multimodal.saving import read_model

    saved = read_model(model)
    if saved.task != "classification":
        use = _USES.get(saved.task, "").format(model=model)
        raise ValueError(
            f"{model} is a checkpoint of the task {saved.task!r} and classifies no pictures. Give "
            f"a classifier's{', or ' * bool(use)}{use}."
        )
    tune_cpu()
    return ClassificationPredictor.from_saved(saved, str(model), device=device, precision=precision)


def _complain(problem: object) -> None:
    sys.stderr.write(f"multimodal: {printable(str(problem))}\n")


def _print_all(
    names: Sequence[str],
    found: Iterator["Classification | ValueError | OSError"],
    printer: "_Json | _Table",
) -> int:
    """Print each classification, or what went wrong, as it comes; return how often it did."""
    failed = 0
    for name, classification in zip(names, found, strict=True):
        if isinstance(classification, Exception):
            failed += 1
            _complain(classification)
        printer.row(name, classification)
    printer.end()
    return failed


class _Json:
    """One array, an object a line, so that it can be read while it is written."""

    def __init__(self, rows: int) -> None:
        self.left = rows
        self.is_empty = True

    def row(self, name: str, found: "Classification | ValueError | OSError") -> None:
        values: dict[str, object] = {"image": name}
        values |= {"error": str(found)} if isinstance(found, Exception) else self._values(found)
        self.left -= 1
        start, end = "[\n" * self.is_empty, "," * (self.left > 0)
        sys.stdout.write(f"{start}{json.dumps(values, ensure_ascii=False)}{end}\n")
        self.is_empty = False

    def end(self) -> None:
        sys.stdout.write("[]\n" if self.is_empty else "]\n")

    def _values(self, found: "Classification") -> dict[str, object]:
        if found.value is not None:
            return {"value": round(found.value, 4)}
        return {
            "label": found.label,
            "probability": round(found.probability, 4),
            "labels": list(found.labels),
            "top": [{"label": label, "probability": round(share, 4)} for label, share in found.top],
        }


class _Table:
    """Columns: image if there are several, probability and label, or the value."""

    def __init__(self, predictor: "ClassificationPredictor", names: Sequence[str]) -> None:
        self.kind = "label" if predictor.labels else predictor.target
        self.name_width = max(map(len, names)) if len(names) > 1 else 0
        if sys.stdout.isatty():
            columns = shutil.get_terminal_size().columns
            most = max(map(len, [*map(printable, predictor.labels), "label"]))
            others = _SHARE + most + 2 * len(_GAP)
            self.name_width = min(self.name_width, max(_LEAST, columns - others))
        self.is_empty = True

    def row(self, name: str, found: "Classification | ValueError | OSError") -> None:
        if isinstance(found, Exception):
            return  # it has been named on stderr
        if self.is_empty:
            self._line("image", "probability", self.kind)
            self.is_empty = False
        if len(name) > self.name_width:  # the end of a path tells more than its beginning
            name = f"...{name[3 - self.name_width :]}"
        if found.value is not None:
            self._line(name, "", str(found))
        for number, (label, share) in enumerate(found.top):
            self._line(name if number == 0 else "", f"{100 * share:.1f} %", printable(label))

    def end(self) -> None:
        pass

    def _line(self, name: str, share: str, label: str) -> None:
        first = f"{name:<{self.name_width}}{_GAP}" if self.name_width else ""
        middle = f"{share:>{_SHARE}}{_GAP}" if self.kind == "label" else ""
        sys.stdout.write(f"{first}{middle}{label}\n")
