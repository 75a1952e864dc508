"""multimodal explain: draw which parts of a picture or a text support a prediction.

The prediction is each word of a caption, an answer or a label. The drawing is written to a file,
the numbers on request as JSON.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from multimodal.attribution.methods import METHODS, Method
from multimodal.cli.arguments import Arguments
from multimodal.cli.printing import printable
from multimodal.tasks import TASKS

if TYPE_CHECKING:
    from multimodal.attribution.explanation import Explanation

_SUFFIXES = (".png", ".jpg", ".pdf", ".svg")
_MOST_WORDS = 10  # with their values, in the printed sentence

_EXAMPLES = """\
  multimodal explain captioning-scenes photo.jpg --output why.png
  multimodal explain vqa-scenes photo.jpg "What colour is the ring?" --output why.png
  multimodal explain sentiment-reviews "Slow at first, but great fun." --output why.png
  multimodal explain best.ckpt photo.jpg --method grad_cam --output why.png --json
"""


def run(arguments: list[str]) -> int:
    """Explain the prediction for one input, draw it, and return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.output.suffix.lower() not in _SUFFIXES:
        parser.error(
            f"argument --output: must end in {', '.join(_SUFFIXES)}, got "
            f"{printable(str(options.output))}"
        )
    # Imported late: torch takes a second to import.
    from multimodal.attribution.explanation import explain
    from multimodal.hardware import tune_cpu
    from multimodal.inference.result import as_json
    from multimodal.loading import from_saved
    from multimodal.saving import read_model

    tune_cpu()
    saved = read_model(options.model)
    predictor = from_saved(saved, str(options.model), device=options.device)
    takes_pictures = TASKS[saved.task].inputs.startswith("images")
    given = _picture(options.given) if takes_pictures else options.given
    why = explain(predictor, given, options.question, method=options.method)
    why.save(options.output)
    if options.json:
        values = {**why.to_dict(), "picture": str(options.output)}
        sys.stdout.write(f"{as_json(values)}\n")
    else:
        sys.stdout.write(f"{_sentence(why)}\nWrote {options.output}.\n")
    return 0


def _parser() -> Arguments:
    parser = Arguments(
        "explain",
        about="Draw which parts of a picture or a text support the prediction of a trained model.",
        examples=_EXAMPLES,
    )
    parser.add_model("captioning, visual question answering, sentiment or classification")
    parser.add_argument("given", metavar="INPUT", help="a picture file, or a text in quotes")
    parser.add_argument(
        "question",
        metavar="QUESTION",
        nargs="?",
        default="",
        help="a question in quotes, for a model that answers questions",
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
        choices=tuple(METHODS),
        default="occlusion",
        help=f"{'; '.join(map(_usage, METHODS.values()))} (default: occlusion)",
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


def _usage(method: Method) -> str:
    only = "" if "words" in method.parts else " (pictures only)"
    return f"{method.name}{only} {method.usage}"


def _picture(given: str) -> Path:
    """Return the path, or refuse a text for a model that takes pictures."""
    if len(given.split()) > 1 and not os.path.exists(given):  # noqa: PTH110 - may be too long for a Path
        raise FileNotFoundError(
            f"No picture {printable(given[:60])!r}. This model takes pictures: give a file."
        )
    return Path(given)


def _sentence(why: "Explanation") -> str:
    """Write the prediction and the words that contribute most."""
    sentence = f"{why.prediction}. {why.note}"
    if not why.contributions:
        return printable(sentence)
    pairs = zip(why.words, why.contributions, strict=True)
    ordered = sorted(pairs, key=lambda pair: -abs(pair[1]))[:_MOST_WORDS]
    words = ", ".join(f"{word} {value:+.2f}" for word, value in ordered)
    return printable(f"{sentence} {words}")
