"""multimodal data check: check a configuration's data before training on it.

Missing pictures are left out and named, all others are opened once, and no weights are loaded. The
exit code is 1 if pictures cannot be used or a split has no example. Overlap between splits and
words that the vocabulary lacks are reported but do not fail the check.
"""

import json
import logging
import sys
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Trainer
from typing_extensions import override

from multimodal.cli.arguments import Arguments
from multimodal.cli.lightning import Command, command, run_with_messages
from multimodal.cli.printing import printable
from multimodal.data.checking import MAX_NAMED, SPLITS, examine
from multimodal.data.readers import pictures
from multimodal.tables import markdown_table

EXIT_ERROR = 1
_BAR = 40  # characters of the longest bar

_EXAMPLES = """\
  multimodal data check --config captioning_csv --data.root my_folder
  multimodal data check --config classification_folder --data.root photos.zip --json
  multimodal data check --config sentiment_reviews --no-pictures
"""


def check(arguments: list[str]) -> int:
    """Check all examples of a configuration's data.

    Returns:
        The exit code: 0 if nothing is wrong, 1 if pictures are missing or broken or a split has no
        example, 2 for a wrong call.
    """
    options, rest = _parser().parse_known_args(arguments)
    failed = False

    def examine_data() -> None:
        nonlocal failed
        missing = _MissingPictures()
        logger = logging.getLogger(pictures.__name__)
        logger.addHandler(missing)
        try:
            data = command(["fit", *rest], DataAlone).datamodule
            findings = examine(data, missing.names, open_pictures=not options.no_pictures)
        finally:
            logger.removeHandler(missing)
        text = _report(findings)
        if options.json:
            text = json.dumps(findings, ensure_ascii=False, indent=2)
        sys.stdout.write(f"{text}\n")
        failed = not findings["ok"]

    code = run_with_messages(examine_data)
    return code or (EXIT_ERROR if failed else 0)


class _Builder(Trainer):
    """A trainer that trains nothing: the verb only builds the data."""

    @override
    def fit(self, model: Any, *_: Any, **__: Any) -> None:
        """Leave the model unchanged."""


class DataAlone(Command):
    """A command that builds a configuration's data, and its network only as far as it is fast."""

    trainer_of_verbs = _Builder

    @override
    def before_instantiate_classes(self) -> None:
        """Leave missing pictures out instead of stopping at them; load no features, no weights."""
        super().before_instantiate_classes()
        config = self.config[self.config.subcommand]
        arguments = config.data.get("init_args", {})
        for name, value in (("on_bad_image", "skip"), ("cache", "")):
            if name in arguments:
                arguments[name] = value
        if "weights" in (encoder := config.model.get("init_args.settings.encoder", {})):
            encoder["weights"] = "none"

    @override
    def after_fit(self) -> None:
        """Print nothing about checkpoints: there are none."""


class _MissingPictures(logging.Handler):
    """Collects the names of missing pictures from the readers' warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Collect the names of one warning."""
        self.names += getattr(record, "missing", [])


def _parser() -> Arguments:
    parser = Arguments(
        "data check",
        about="Look at all examples of a configuration's data: pictures that are missing or "
        "broken, lengths, words, labels, and examples that are in two splits. All other options "
        "are those of `multimodal fit`.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "--no-pictures", action="store_true", help="open no pictures, which takes most of the time"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON object: ok, missing, broken, problems, vocabulary, splits",
    )
    return parser


def _report(findings: dict[str, Any]) -> str:
    """Format the findings as text."""
    splits = findings["splits"]
    parts = [_overview(splits)]
    if lengths := splits["train"].get("lengths"):
        parts.append(_histogram("train", lengths))
    if findings["vocabulary"]:
        parts.append(f"vocabulary: {findings['vocabulary']:,} tokens, built from train")
        parts += [_unknown_words(split, splits[split]) for split in SPLITS[1:]]
    parts.append(_labels(splits["train"]["labels"]))
    parts += [_overlap(split, splits[split]["in_train"]) for split in SPLITS[1:]]
    for name in ("missing", "broken"):
        if sentences := findings[name]:
            parts.append(f"{name} pictures: {len(sentences):,}\n" + _first(sentences, "\n"))
    parts += map(printable, findings["problems"])
    parts.append("nothing is wrong" if findings["ok"] else "something is wrong: see above")
    return "\n\n".join(part.rstrip("\n") for part in parts if part)


def _overview(splits: dict[str, dict[str, Any]]) -> str:
    rows = [["", "examples", "pictures", "copies", "texts", "median words", "words known"]]
    for split, counts in splits.items():
        known = counts["known_words"] / counts["words"] if counts.get("words") else None
        lengths = counts.get("lengths")
        rows.append(
            [
                split,
                f"{counts['examples']:,}",
                f"{counts['pictures']:,}" if counts.get("pictures") else "",
                f"{counts['copies']:,}" if counts.get("pictures") else "",
                f"{counts['texts']:,}" if counts["texts"] else "",
                f"{lengths['median']:,}" if lengths else "",
                "" if known is None else f"{100 * known:.1f} %",
            ]
        )
    columns = [
        index for index in range(len(rows[0])) if not index or any(r[index] for r in rows[1:])
    ]
    return markdown_table([[row[index] for index in columns] for row in rows])


def _histogram(split: str, lengths: dict[str, Any]) -> str:
    most = max(count for *_, count in lengths["bins"])
    width = len(f"{lengths['longest']}")
    lines = [f"words in a text of {split}: {lengths['shortest']:,} to {lengths['longest']:,}"]
    for low, high, count in lengths["bins"]:
        bar = "#" * -(-_BAR * count // most)
        lines.append(f"  {low:>{width}} to {high:>{width}}  {count:>9,}  {bar}".rstrip())
    return "\n".join(lines)


def _unknown_words(split: str, counts: dict[str, Any]) -> str:
    if not counts.get("unknown"):
        return ""
    words = [f"{word} ({count:,})" for word, count in counts["unknown"]]
    return f"words of {split} that the vocabulary lacks, most frequent first: " + _first(
        words, ", "
    )


def _labels(labels: dict[str, int]) -> str:
    if not labels:
        return ""
    total, rows = sum(labels.values()), [["label", "in train", "share"]]
    for label, count in list(labels.items())[:MAX_NAMED]:
        rows.append([printable(label), f"{count:,}", f"{100 * count / total:.1f} %"])
    more = len(labels) - MAX_NAMED
    return markdown_table(rows) + (f"and {more:,} more" if more > 0 else "")


def _overlap(split: str, pairs: Sequence[Sequence[str]]) -> str:
    if not pairs:
        return ""
    named = [f"{other} is {train} of train" for train, other in pairs]
    return f"{len(pairs):,} of {split} are in train, too:\n" + _first(named, "\n")


def _first(lines: Sequence[str], separator: str) -> str:
    more = f"{separator}and {len(lines) - MAX_NAMED:,} more" if len(lines) > MAX_NAMED else ""
    return separator.join(map(printable, lines[:MAX_NAMED])) + more
