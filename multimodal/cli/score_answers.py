"""multimodal score vqa: measure a file of answers against what people answered."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from multimodal.cli.arguments import Arguments

if TYPE_CHECKING:
    from multimodal.metrics import AnswerReport, TypeScore

_NAMES = {
    "vqa_accuracy": "VQA accuracy",
    "accuracy": "accuracy",
    "wups_0.9": "WUPS 0.9",
    "wups_0.0": "WUPS 0.0",
}

_EXAMPLES = """\
  multimodal score vqa runs/.../results.json v2_mscoco_val2014_annotations.json
  multimodal score vqa results.json questions.csv --partial --json
  multimodal score vqa results.json daquar_annotations.json --wups
"""


def run(arguments: list[str]) -> int:
    """Score a results file and print tables, or JSON.

    Args:
        arguments: What follows ``score vqa`` on the command line.

    Returns:
        The exit code: 0.

    Raises:
        FileNotFoundError: If a file is not there, or WordNet for WUPS.
        ValueError: If a file is not in its format, or the two do not belong together.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    options = _parser().parse_args(arguments)
    # Only now: torchmetrics takes seconds to import.
    from multimodal.metrics import score_answers

    report = score_answers(
        options.results,
        options.annotations,
        lenient=options.lenient,
        partial=options.partial,
        with_wups=options.wups,
    )
    if options.json:
        sys.stdout.write(json.dumps(_as_data(report), indent=2) + "\n")
    else:
        sys.stdout.write(_tables(report, options.results, lenient=options.lenient))
    return 0


def _parser() -> Arguments:
    parser = Arguments(
        "score vqa",
        about="Score answers in VQA's results format against people's answers: the official VQA "
        "accuracy (where questions have four answers or more) and how often the most common answer "
        "was given, overall and by type.",
        examples=_EXAMPLES,
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
    parser.add_argument(
        "--json", action="store_true", help="print JSON, with scores as fractions and not times 100"
    )
    return parser


def _as_data(report: "AnswerReport") -> dict[str, object]:
    tables = {
        "per_answer_type": report.per_answer_type,
        "per_question_type": report.per_question_type,
    }
    by_type = {name: {row.name: _row_as_data(row) for row in rows} for name, rows in tables.items()}
    return {"questions": report.questions, **report.scores, **by_type}


def _row_as_data(row: "TypeScore") -> dict[str, int | float]:
    scores: dict[str, int | float] = {"questions": row.questions, "accuracy": row.accuracy}
    if row.vqa_accuracy is not None:
        scores["vqa_accuracy"] = row.vqa_accuracy
    return scores


def _tables(report: "AnswerReport", results: Path, *, lenient: bool) -> str:
    official = "vqa_accuracy" in report.scores
    mode = " (VQA accuracy: lenient)" if lenient and official else ""
    lines = [f"{results}: {report.questions:,} answers; scores times 100, as in papers{mode}"]
    width = max(len(_NAMES[name]) for name in report.scores)
    lines += [
        f"{_NAMES[name]:<{width}}  {100 * report.scores[name]:6.2f}"
        for name in _NAMES
        if name in report.scores
    ]
    for title, rows in (
        ("answer type", report.per_answer_type),
        ("question type", report.per_question_type),
    ):
        if rows:
            lines += ["", *_table(title, rows, official=official)]
    return "\n".join(lines) + "\n"


def _table(title: str, rows: Sequence["TypeScore"], *, official: bool) -> list[str]:
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
