"""multimodal score captions: measure a file of captions against a file of references."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from multimodal.cli.arguments import Arguments

if TYPE_CHECKING:
    import argparse

_NAMES = {
    "bleu1": "BLEU-1",
    "bleu2": "BLEU-2",
    "bleu3": "BLEU-3",
    "bleu4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr-D",
    "meteor": "METEOR (nltk)",  # never just METEOR: COCO's numbers are of another one
}

_EXAMPLES = """\
  multimodal predict --config captioning_flickr8k --ckpt_path runs/.../best.ckpt
  multimodal score captions runs/.../results.json Flickr8k.token.txt --partial
  multimodal score captions results.json captions_val2017.json --json
"""


def run(arguments: list[str]) -> int:
    """Score a results file and print a table, or JSON.

    Args:
        arguments: What follows ``score captions`` on the command line.

    Returns:
        The exit code: 0.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If a file is not in its format, or the two do not belong together.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    options = _parser().parse_args(arguments)
    # Only now: torchmetrics and nltk take seconds to import.
    from multimodal.metrics import read_results, score_results, wordnet_is_there

    scores = score_results(
        options.results,
        options.references,
        partial=options.partial,
        with_meteor=not options.no_meteor,
    )
    images = len(read_results(options.results))
    if options.json:
        sys.stdout.write(json.dumps({"images": images, **scores}, indent=2) + "\n")
        return 0
    sys.stdout.write(_table(scores, images, options))
    if not options.no_meteor and not wordnet_is_there():
        sys.stdout.write(
            "METEOR (nltk) was left out: WordNet is missing. Get it with "
            "`python -m nltk.downloader wordnet`.\n"
        )
    return 0


def _parser() -> Arguments:
    parser = Arguments(
        "score captions",
        about="Score captions in COCO's results format against reference captions.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "results",
        metavar="RESULTS",
        type=Path,
        help='a JSON list of {"image_id": ..., "caption": ...}, one caption per image',
    )
    parser.add_argument(
        "references",
        metavar="REFERENCES",
        type=Path,
        help="COCO's captions JSON, or Flickr8k's token file or captions.txt",
    )
    parser.add_argument(
        "--partial",
        action="store_true",
        help="score the images that RESULTS has, instead of asking for all of REFERENCES",
    )
    parser.add_argument(
        "--no-meteor", action="store_true", help="leave METEOR out; it takes longest"
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, with scores as fractions and not times 100"
    )
    return parser


def _table(scores: dict[str, float], images: int, options: "argparse.Namespace") -> str:
    width = max(len(_NAMES[name]) for name in scores)
    rows = [f"{_NAMES[name]:<{width}}  {100 * score:6.2f}" for name, score in scores.items()]
    title = f"{options.results}: {images:,} captions; scores times 100, as in papers"
    return "\n".join([title, *rows]) + "\n"
