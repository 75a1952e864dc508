"""multimodal score: measure a results file, of captions or of answers."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from multimodal.cli.arguments import Arguments

if TYPE_CHECKING:
    from multimodal.metrics.vqa_accuracy import TypeScore

_CAPTION_NAMES = {
    "bleu1": "BLEU-1",
    "bleu2": "BLEU-2",
    "bleu3": "BLEU-3",
    "bleu4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr-D",
    "meteor": "METEOR (nltk)",  # never just METEOR: COCO's numbers are of another one
}
_ANSWER_NAMES = {
    "vqa_accuracy": "VQA accuracy",
    "accuracy": "accuracy",
    "wups_0.9": "WUPS 0.9",
    "wups_0.0": "WUPS 0.0",
}
_EXAMPLES = """\
  multimodal score captions results.json captions_val2017.json
  multimodal score vqa results.json v2_mscoco_val2014_annotations.json
  multimodal score vqa --help
"""
_CAPTION_EXAMPLES = """\
  multimodal predict --config captioning_flickr8k --ckpt_path runs/.../best.ckpt
  multimodal score captions runs/.../results.json Flickr8k.token.txt --partial
  multimodal score captions results.json captions_val2017.json --json
"""
_ANSWER_EXAMPLES = """\
  multimodal score vqa runs/.../results.json v2_mscoco_val2014_annotations.json
  multimodal score vqa results.json questions.csv --partial --json
  multimodal score vqa results.json daquar_annotations.json --wups
"""


def run(arguments: list[str]) -> int:
    """Score a results file and print tables, or JSON.

    Args:
        arguments: Command-line arguments after ``score``.

    Returns:
        The exit code: 0.

    Raises:
        FileNotFoundError: If a file is missing, or WordNet for WUPS.
        ValueError: If a file is not in its format, or the two do not belong together.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    place = next((n for n, argument in enumerate(arguments) if argument in _KINDS), None)
    if place is None:
        _parser().parse_args(arguments)
        raise AssertionError("the parser lets no call through that names no kind")
    kind = _KINDS[arguments[place]]
    options = kind.parser().parse_args(arguments[:place] + arguments[place + 1 :])
    sys.stdout.write(kind.score(options))
    return 0


def _parser() -> Arguments:
    parser = Arguments(
        "score",
        about="Score a results file. `multimodal score KIND --help` tells the options of a kind.",
        examples=_EXAMPLES,
    )
    kinds = "; ".join(f"{name}: {kind.about}" for name, kind in _KINDS.items())
    parser.add_argument("kind", metavar="KIND", choices=list(_KINDS), help=kinds)
    parser.add_argument("results", metavar="RESULTS", help="what the model wrote")
    parser.add_argument("references", metavar="REFERENCES", help="what people wrote")
    return parser


def _caption_parser() -> Arguments:
    parser = Arguments(
        "score captions",
        about="Score captions in COCO's results format against reference captions.",
        examples=_CAPTION_EXAMPLES,
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
    _add_json(parser)
    return parser


def _answer_parser() -> Arguments:
    parser = Arguments(
        "score vqa",
        about="Score answers in VQA's results format against people's answers: the official VQA "
        "accuracy (where questions have four answers or more) and how often the most common answer "
        "was given, overall and by type.",
        examples=_ANSWER_EXAMPLES,
    )
    parser.add_argument(
        "results",
        metavar="RESULTS",
        type=Path,
        help='a JSON list of {"question_id": ..., "answer": ...}, one answer per question',
    )
    parser.add_argument(
        "annotations",
        metavar="ANNOTATIONS",
        type=Path,
        help="VQA's annotations JSON, or a CSV, TSV or JSONL with question_id and answer "
        "(several answers separated by |)",
    )
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="normalise answers also where all people wrote the same; the official evaluation "
        "then asks for exactly that",
    )
    parser.add_argument(
        "--partial",
        action="store_true",
        help="score the questions that RESULTS has, instead of asking for all of ANNOTATIONS",
    )
    parser.add_argument(
        "--wups", action="store_true", help="add WUPS at 0.9 and 0.0, which needs nltk's WordNet"
    )
    _add_json(parser)
    return parser


def _add_json(parser: Arguments) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print JSON, with scores as fractions and not times 100"
    )


def _score_captions(options: Namespace) -> str:
    # Imported late: torch, torchmetrics and nltk take seconds to import.
    from multimodal.data.readers.flickr8k import photo_id
    from multimodal.data.readers.results import read_references, read_results
    from multimodal.metrics.captions import caption_scores
    from multimodal.metrics.meteor import wordnet_is_there
    from multimodal.text import tokenize

    captions = read_results(options.results, "image_id", "caption")
    references = read_references(options.references)
    if captions.keys().isdisjoint(references):  # `predict` names Flickr8k's photos by their numbers
        references = {str(photo_id(name)): texts for name, texts in references.items()}
    _check_ids(captions, references, options, ("image", "caption"))
    scores = caption_scores(
        [tokenize(caption) for caption in captions.values()],
        [[tokenize(text) for text in references[image_id]] for image_id in captions],
        with_meteor=not options.no_meteor,
    )
    if options.json:
        return json.dumps({"images": len(captions), **scores}, indent=2) + "\n"
    lines = [f"{options.results}: {len(captions):,} captions; scores times 100, as in papers"]
    lines += _rows(_CAPTION_NAMES, scores)
    if not options.no_meteor and not wordnet_is_there():
        lines.append(
            "METEOR (nltk) was left out: WordNet is missing. Get it with "
            "`python -m nltk.downloader wordnet`."
        )
    return "\n".join(lines) + "\n"


def _score_answers(options: Namespace) -> str:
    from multimodal.data.readers.results import read_answers, read_results
    from multimodal.metrics.vqa_accuracy import (
        mean_scores,
        mean_wups,
        question_scores,
        scores_by_type,
    )

    predictions = read_results(options.results, "question_id", "answer")
    annotations = read_answers(options.annotations)
    _check_ids(predictions, annotations, options, ("question", "answer"))
    people = [annotations[question_id] for question_id in predictions]
    answers = [annotation.answers for annotation in people]
    given = list(predictions.values())
    by_question = question_scores(given, answers, lenient=options.lenient)
    scores = mean_scores(by_question) | (mean_wups(given, answers) if options.wups else {})
    tables = {
        "answer type": scores_by_type(by_question, [one.answer_type for one in people]),
        "question type": scores_by_type(by_question, [one.question_type for one in people]),
    }
    if options.json:
        data: dict[str, Any] = {"questions": len(given), **scores}
        for title, rows in tables.items():
            data[f"per_{title.replace(' ', '_')}"] = {row.name: _as_data(row) for row in rows}
        return json.dumps(data, indent=2) + "\n"
    official = "vqa_accuracy" in scores
    mode = " (VQA accuracy: lenient)" if options.lenient and official else ""
    lines = [f"{options.results}: {len(given):,} answers; scores times 100, as in papers{mode}"]
    lines += _rows(_ANSWER_NAMES, scores)
    for title, rows in tables.items():
        if rows:
            lines += ["", *_type_table(title, rows, official=official)]
    return "\n".join(lines) + "\n"


class _Kind(NamedTuple):
    about: str
    parser: Callable[[], Arguments]
    score: Callable[[Namespace], str]


_KINDS = {
    "captions": _Kind(
        "captions of images: COCO's results format", _caption_parser, _score_captions
    ),
    "vqa": _Kind("answers to questions: VQA's results format", _answer_parser, _score_answers),
}


def _check_ids(
    results: dict[str, str], expected: dict[str, Any], options: Namespace, nouns: tuple[str, str]
) -> None:
    """Refuse results without a counterpart, and unless `partial` is set missing ones."""
    noun, text = nouns
    people = options.references if noun == "image" else options.annotations
    unknown = [key for key in results if key not in expected]
    if unknown:
        raise ValueError(
            f"{people} has no {noun}_id {_some(unknown, noun)}, which {options.results} has. "
            f"Are both of the same set, with the same {noun} ids?"
        )
    missing = [key for key in expected if key not in results]
    if missing and not options.partial:
        raise ValueError(
            f"{options.results} has no {text} for {noun}_id {_some(missing, noun)} of {people}. "
            f"Give every {noun} one, or pass --partial to score only those that are there."
        )


def _some(ids: list[str], noun: str) -> str:
    more = f", ... ({len(ids):,} {noun}s)" if len(ids) > 3 else ""
    return f"{', '.join(ids[:3])}{more}"


def _rows(names: dict[str, str], scores: dict[str, float]) -> list[str]:
    width = max(len(names[name]) for name in scores)
    return [
        f"{title:<{width}}  {100 * scores[name]:6.2f}"
        for name, title in names.items()
        if name in scores
    ]


def _as_data(row: "TypeScore") -> dict[str, int | float]:
    scores: dict[str, int | float] = {"questions": row.questions, "accuracy": row.accuracy}
    if row.vqa_accuracy is not None:
        scores["vqa_accuracy"] = row.vqa_accuracy
    return scores


def _type_table(title: str, rows: Sequence["TypeScore"], *, official: bool) -> list[str]:
    width = max(len(title), *(len(row.name) for row in rows))
    lines = [f"{title:<{width}}  questions" + "  VQA accuracy" * official + "  accuracy"]
    for row in rows:
        line = f"{row.name:<{width}}  {row.questions:>9,}"
        if official:
            line += "  " + f"{_times_100(row.vqa_accuracy):>12}"
        lines.append(f"{line}  {_times_100(row.accuracy):>8}")
    return lines


def _times_100(score: float | None) -> str:
    return "-" if score is None else f"{100 * score:.2f}"
