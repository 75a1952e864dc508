"""Options of a command: argparse, with errors as one sentence and options from a dataclass."""

import argparse
import math
import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from multimodal.inference.options import Options, Range

EXIT_USAGE = 2


class Arguments(argparse.ArgumentParser):
    """A parser whose examples keep their lines, and whose errors are short sentences.

    Args:
        verb: Name of the command after ``multimodal``.
        about: Description of the command, for the help.
        examples: Lines at the end of the help.
    """

    def __init__(self, verb: str, *, about: str, examples: str) -> None:
        super().__init__(
            prog=f"multimodal {verb}",
            description=about,
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def add_model(self, run: str, shipped: str = "") -> None:
        """Add the first argument of a command that uses a trained model.

        Args:
            run: The kind of training run, in "a checkpoint of ...".
            shipped: The name of a model that ships with the package.
        """
        name = f"{shipped}, which ships with the package; " if shipped else ""
        self.add_argument(
            "model",
            metavar="MODEL",
            type=Path,
            help=f"{name}a folder that `multimodal export` wrote; or a checkpoint of {run}",
        )

    def add_hardware(self) -> None:
        """Add ``--device`` and ``--precision``."""
        self.add_argument(
            "--device",
            default="auto",
            metavar="D",
            help="auto, cpu, cuda, cuda:1, mps (default: auto)",
        )
        self.add_argument(
            "--precision",
            choices=("float32", "bfloat16"),
            default="float32",
            help="bfloat16 is faster where the hardware has it, and less exact (default: float32)",
        )

    def add_options(
        self, kind: type[Options], defaults: Mapping[str, Any], without: Collection[str] = ()
    ) -> None:
        """Add the numeric options of a predictor's call.

        Args:
            kind: The task's options.
            defaults: Defaults that differ from those of a call.
            without: Options of a call that the command does not have.
        """
        for each in fields(kind):
            within: Range | None = each.metadata.get("within")
            if within is None or each.name in without:
                continue
            default = defaults.get(each.name, each.default)
            text = each.metadata["help"]
            if default is not None and "(default" not in text:
                text = f"{text} (default: {default:g})"
            whole = each.type in (int, int | None)
            self.add_argument(
                f"--{each.name.replace('_', '-')}",
                type=whole_number(int(within.least)) if whole else number(within),
                default=default,
                metavar=each.metadata["metavar"],
                help=text,
            )

    def error(self, message: str) -> NoReturn:
        """Write one sentence and exit with status 2, that of a wrong call."""
        sentence = _sentence(message, list(self._option_string_actions))
        sys.stderr.write(f"multimodal: {sentence} `{self.prog} --help` shows how.\n")
        raise SystemExit(EXIT_USAGE)


def whole_number(least: int) -> Callable[[str], int]:
    """Make the type of an option that is a whole number of `least` or more.

    Example:
        >>> whole_number(1)("5")
        5
    """

    def convert(text: str) -> int:
        number = int(text) if re.fullmatch(r"[+-]?\d{1,9}", text) else least - 1
        if number < least:
            raise argparse.ArgumentTypeError(
                f"must be a whole number of {least} or more, got {text!r}"
            )
        return number

    return convert


def number(within: Range) -> Callable[[str], float]:
    """Make the type of an option that is a number in a range.

    Example:
        >>> number(Range(0, 1))("0.5")
        0.5
    """

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if value not in within:
            raise argparse.ArgumentTypeError(f"must be a number, {within}, got {text!r}")
        return value

    return convert


_UNKNOWN = re.compile(r"unrecognized arguments: (\S+)")
_MISSING = re.compile(r"the following arguments are required: (.+)")
_CHOICE = re.compile(r"argument (\S+): invalid choice: (.+?) \(choose from (.+)\)")
_WRONG = re.compile(r"argument ([^:]+): (.+)")


def _sentence(message: str, options: list[str]) -> str:
    if match := _UNKNOWN.match(message):
        name = match[1].partition("=")[0]
        close = get_close_matches(name, options, n=1, cutoff=0.5)
        return f"Unknown option {name}." + (f" Did you mean {close[0]}?" if close else "")
    if match := _MISSING.match(message):
        *others, last = match[1].split(", ")
        return f"{', '.join(others)} and {last} are missing." if others else f"{last} is missing."
    if match := _CHOICE.match(message):
        choices = match[3].replace("'", "")
        return f"{match[1]} must be one of {choices}, got {match[2]}."
    if match := _WRONG.match(message):
        return f"{match[1]} {match[2]}."
    return f"{message[:1].upper()}{message[1:]}."
