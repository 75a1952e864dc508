"""multimodal explain: the picture of why a model says what it says, for any of the four tasks.

What is explained is what the model says of the input: each word of its caption, its answer, its
label, its verdict. The picture goes into a file, the numbers on request into JSON.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from multimodal.cli.arguments import Arguments
from multimodal.cli.printing import printable

if TYPE_CHECKING:
    from multimodal.explain.explaining import Explanation

_METHODS = ("saliency", "integrated_gradients", "grad_cam", "occlusion")
_SUFFIXES = (".png", ".jpg", ".pdf", ".svg")
_MOST_WORDS = 10  # in the sentence that is printed

_EXAMPLES = """\
  multimodal explain captioning-scenes photo.jpg --output why.png
  multimodal explain vqa-scenes photo.jpg "What colour is the ring?" --output why.png
  multimodal explain sentiment-reviews "Slow at first, but great fun." --output why.png
  multimodal explain best.ckpt photo.jpg --method grad_cam --output why.png --json
"""


def run(arguments: list[str]) -> int:
    """Explain what a model says of one input, and draw it.

    Args:
        arguments: What follows ``explain`` on the command line.

    Returns:
        The exit code.

    Raises:
        FileNotFoundError: If there is no such model or picture.
        ValueError: If model or picture cannot be used, or do not fit each other.
        OSError: If the picture cannot be written.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.output.suffix.lower() not in _SUFFIXES:
        parser.error(
            f"argument --output: must end in {', '.join(_SUFFIXES)}, got "
            f"{printable(str(options.output))}"
        )
    # Only now: torch takes a second to import.
    from multimodal.explain.explaining import explain
    from multimodal.hardware import tune_cpu
    from multimodal.inference.result import as_json
    from multimodal.loading import load
    from multimodal.sentiment.predictor import SentimentPredictor

    tune_cpu()
    predictor = load(options.model, device=options.device)
    given = options.given
    if not isinstance(predictor, SentimentPredictor):
        given = _picture(given)
    why = explain(predictor, given, options.question, method=options.method)
    why.save(options.output)
    if options.json:
        values = {**why.to_dict(), "picture": str(options.output)}
        sys.stdout.write(f"{as_json(values)}\n")
    else:
        sys.stdout.write(f"{_told(why)}\nWrote {options.output}.\n")
    return 0


def _parser() -> Arguments:
    parser = Arguments(
        "explain",
        about="Draw why a trained model says what it says of a picture or a text.",
        examples=_EXAMPLES,
    )
    parser.add_model("captioning, visual question answering, sentiment or classification")
    parser.add_argument("given", metavar="INPUT", help="a picture's file; or a text in quotes")
    parser.add_argument(
        "question",
        metavar="QUESTION",
        nargs="?",
        default="",
        help="a question in quotes, for a model that answers some",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="PICTURE",
        help="the file to draw into: .png, .jpg, .pdf or .svg",
    )
    parser.add_argument(
        "--method",
        choices=_METHODS,
        default="occlusion",
        help="occlusion hides one part after the other; integrated_gradients adds up exactly; "
        "grad_cam (pictures only) and saliency are the fastest (default: occlusion)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON object: task, method, said, unit, maps, words, contributions, ranked, "
        "asked, picture",
    )
    parser.add_argument(
        "--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (default: auto)"
    )
    return parser


def _picture(given: str) -> Path:
    """See that it names a file: a text for a model of pictures is told so."""
    if len(given.split()) > 1 and not os.path.exists(given):  # noqa: PTH110 - may be too long for a Path
        raise FileNotFoundError(
            f"No picture {printable(given[:60])!r}. This model looks at pictures: give a file."
        )
    return Path(given)


def _told(why: "Explanation") -> str:
    """What was said, and the words that count most for it."""
    said = f"{why.said}. {why.note}"
    if not why.contributions:
        return printable(said)
    pairs = zip(why.words, why.contributions, strict=True)
    ordered = sorted(pairs, key=lambda pair: -abs(pair[1]))[:_MOST_WORDS]
    words = ", ".join(f"{word} {value:+.2f}" for word, value in ordered)
    return printable(f"{said} {words}")
