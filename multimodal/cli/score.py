"""multimodal score: measure a results file, of captions or of answers."""

from importlib import import_module

from multimodal.cli.arguments import Arguments

_KINDS = {
    "captions": ("multimodal.cli.score_captions", "captions of images: COCO's results format"),
    "vqa": ("multimodal.cli.score_answers", "answers to questions: VQA's results format"),
}

_EXAMPLES = """\
  multimodal score captions results.json captions_val2017.json
  multimodal score vqa results.json v2_mscoco_val2014_annotations.json
  multimodal score vqa --help
"""


def run(arguments: list[str]) -> int:
    """Find out what is to be scored, and leave the rest to its verb.

    Args:
        arguments: What follows ``score`` on the command line.

    Returns:
        The exit code: 0.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If a file is not in its format, or the two do not belong together.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    place = next((n for n, argument in enumerate(arguments) if argument in _KINDS), None)
    if place is None:
        _parser().parse_args(arguments)
        raise AssertionError("the parser lets no call through that names no kind")
    rest = arguments[:place] + arguments[place + 1 :]
    return int(import_module(_KINDS[arguments[place]][0]).run(rest))


def _parser() -> Arguments:
    parser = Arguments(
        "score",
        about="Score a results file. `multimodal score KIND --help` tells the options of a kind.",
        examples=_EXAMPLES,
    )
    kinds = "; ".join(f"{kind}: {text}" for kind, (_, text) in _KINDS.items())
    parser.add_argument("kind", metavar="KIND", choices=list(_KINDS), help=kinds)
    parser.add_argument("results", metavar="RESULTS", help="what the model wrote")
    parser.add_argument("references", metavar="REFERENCES", help="what people wrote")
    return parser
