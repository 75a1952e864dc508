"""multimodal write: let a language model go on where a prompt ends."""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from multimodal.cli.arguments import Arguments, whole_number
from multimodal.cli.caption import printable

if TYPE_CHECKING:
    from multimodal.inference.devices import Precision
    from multimodal.language_model.predictor import Writer
    from multimodal.language_model.result import Passage

EXIT_ERROR = 1

_EXAMPLES = """\
  multimodal write best.ckpt "The film begins slowly"
  multimodal write verse.ckpt "Shall I compare thee" --temperature 0.7 --top-k 20 --count 3
  multimodal write verse.ckpt "" --seed 7
"""


def run(arguments: list[str]) -> int:
    """Write texts and print them, or JSON.

    Args:
        arguments: What follows ``write`` on the command line.

    Returns:
        The exit code: 0 if the texts were written, 1 if nobody read them, 2 for a wrong call.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If the model cannot be used.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if len(options.prompt) > 1:
        given = printable(" ".join(options.prompt))
        parser.error(f'a prompt stands in quotes: "{given}"')
    writer = _open(options.model, options.device, options.precision)
    passages = writer(
        options.prompt * options.count,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
        max_length=options.max_length,
    )
    if note := prompt_note(passages[0]):
        sys.stderr.write(f"multimodal: {printable(note)}\n")
    try:
        for number, passage in enumerate(passages):
            sys.stdout.write(_as_json(passage) if options.json else _as_text(passage, number))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the texts, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    return 0


def prompt_note(passage: "Passage") -> str:
    """Say what of a prompt the model could not read.

    Args:
        passage: What was written.

    Returns:
        Sentences; empty if there is nothing to say.

    Example:
        >>> from multimodal.language_model.result import Passage
        >>> prompt_note(Passage("", "", (), 0.0, True, 0, unknown=("gnu",), cut=True))
        'The model never saw gnu. Of the long prompt it read the end.'
    """
    said = []
    if passage.unknown:
        said.append(f"The model never saw {', '.join(passage.unknown[:10])}.")
    if passage.cut:
        said.append("Of the long prompt it read the end.")
    return " ".join(said)


def _parser() -> Arguments:
    parser = Arguments(
        "write",
        about="Let a language model write: it goes on where the prompt ends.",
        examples=_EXAMPLES,
    )
    parser.add_model("a run of a language model")
    parser.add_argument(
        "prompt",
        metavar="PROMPT",
        nargs="+",
        help='how the text begins, in quotes; "" begins anew',
    )
    parser.add_argument(
        "--temperature",
        type=_number(0.0, math.inf),
        default=1.0,
        metavar="T",
        help="below 1 likely words grow likelier, above 1 rarer ones; 0 always takes the likeliest "
        "(default: 1)",
    )
    parser.add_argument(
        "--top-k",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="draw from the N likeliest words only (default: 0, from all)",
    )
    parser.add_argument(
        "--top-p",
        type=_number(0.001, 1.0),
        default=1.0,
        metavar="P",
        help="draw from the fewest words that together have this probability (default: 1)",
    )
    parser.add_argument(
        "--seed",
        type=whole_number(0),
        metavar="N",
        help="repeats a text (default: another one each time)",
    )
    parser.add_argument(
        "--max-length",
        type=whole_number(1),
        metavar="N",
        help="longest text after the prompt (default: 60 words, or 400 characters)",
    )
    parser.add_argument(
        "--count", type=whole_number(1), default=1, metavar="N", help="how many texts (default: 1)"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON object a line: text, prompt, seed, log_prob, ended, unknown",
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


def _number(least: float, most: float) -> Callable[[str], float]:
    """Make the type of an option that is a number in a range."""

    def convert(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most or math.isinf(number):
            bound = f"{least:g} or more" if math.isinf(most) else f"from {least:g} to {most:g}"
            raise argparse.ArgumentTypeError(f"must be a number, {bound}, got {text!r}")
        return number

    return convert


def _open(model: Path, device: str, precision: "Precision") -> "Writer":
    # Only now: torch takes a second to import.
    from multimodal.hardware import tune_cpu
    from multimodal.language_model.predictor import Writer
    from multimodal.saving import read_model

    saved = read_model(model)
    if saved.task != "language_model":
        raise ValueError(
            f"{model} is a checkpoint of the task {saved.task!r} and writes no texts. Give one of "
            "a language model."
        )
    tune_cpu()
    return Writer.from_saved(saved, str(model), device=device, precision=precision)


def _as_text(passage: "Passage", number: int) -> str:
    """The text, its lines kept, after an empty line if it is not the first."""
    lines = "\n".join(map(printable, passage.text.split("\n")))
    gap = "\n" * (number > 0)
    return f"{gap}{lines}\n"


def _as_json(passage: "Passage") -> str:
    values = {
        "text": passage.text,
        "prompt": passage.prompt,
        "seed": passage.seed,
        "log_prob": round(passage.log_prob, 4),
        "ended": passage.ended,
        "unknown": list(passage.unknown),
    }
    return f"{json.dumps(values, ensure_ascii=False)}\n"
