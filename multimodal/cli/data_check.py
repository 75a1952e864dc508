"""multimodal data check: what a configuration would train on, before it does.

Pictures that are not there are left out and named, all others are opened once, and no weights are
loaded. The exit code says whether something is wrong: pictures that cannot be used, or a part of
the data without an example. What stands in two parts, and words that training never shows, are told
and left to judge.
"""

import json
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import torch
from lightning.pytorch import Trainer
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]  # it brings no types
from typing_extensions import override

from multimodal.cli.arguments import Arguments
from multimodal.cli.caption import printable
from multimodal.cli.lightning import Command, command, told
from multimodal.data.checking import (
    AnyImage,
    Example,
    Opened,
    cover,
    digests_of_texts,
    image_of,
    labels_of,
    measure,
    named_texts,
    open_all,
    overlap,
    texts_of,
)
from multimodal.data.examples import PixelImage, TextExample
from multimodal.data.images import load_image
from multimodal.data.readers import pictures
from multimodal.tables import markdown_table
from multimodal.text import tokenize
from multimodal.worlds.scenes import Scene

EXIT_ERROR = 1

SPLITS: Final = ("train", "val", "test")
_NAMED = 10  # pictures, words and labels that people are shown
_BAR = 40  # letters of the longest bar

_EXAMPLES = """\
  multimodal data check --config captioning_csv --data.root my_folder
  multimodal data check --config classification_folder --data.root photos.zip --json
  multimodal data check --config sentiment_reviews --no-pictures
"""


def check(arguments: list[str]) -> int:
    """Look at all examples of a configuration's data.

    Args:
        arguments: What follows ``data check`` on the command line.

    Returns:
        The exit code: 0 if nothing is wrong, 1 if pictures are missing or broken or a part has no
        example, 2 for a wrong call.

    Raises:
        FileNotFoundError: If the configuration or the data are not there.
        ValueError: If a file of the data is wrong.
        SystemExit: With 2 and a sentence for a wrong call, with 0 after the help.
    """
    options, rest = _parser().parse_known_args(arguments)
    wrong = False

    def look() -> None:
        nonlocal wrong
        missing = _Missing()
        logger = logging.getLogger(pictures.__name__)
        logger.addHandler(missing)
        try:
            data = command(["fit", *rest], DataAlone).datamodule
            found = examine(data, missing.names, open_pictures=not options.no_pictures)
        finally:
            logger.removeHandler(missing)
        text = json.dumps(found, ensure_ascii=False, indent=2) if options.json else _written(found)
        sys.stdout.write(f"{text}\n")
        wrong = not found["ok"]

    code = told(look)
    return code or (EXIT_ERROR if wrong else 0)


def examine(data: Any, missing: Sequence[str], *, open_pictures: bool) -> dict[str, Any]:
    """Look at all examples of a data module.

    Args:
        data: The data module.
        missing: Names of pictures that its readers did not find; filled while they read.
        open_pictures: Whether to open every picture.

    Returns:
        JSON types: ``ok``, ``missing`` and ``broken`` (pictures), ``problems`` (sentences about
        parts that cannot be read), ``splits`` (a dictionary each), ``vocabulary`` (its size;
        nothing for pictures alone).

    Raises:
        ValueError: If the data have no examples to look at.
    """
    if not hasattr(data, "examples"):
        raise ValueError(
            f"{type(data).__name__} has no examples to check; check data of captioning, "
            "questions, sentiment or classification."
        )
    problems: list[str] = []
    examples = {split: _read(data, split, problems) for split in SPLITS}
    words = data.words if hasattr(data, "words") else None
    parse = getattr(data, "parse", tokenize)  # a language model may read characters
    tokens = {split: _tokenised(some, parse) for split, some in examples.items()}
    splits = {split: _counted(some) for split, some in examples.items()}
    for split, found in splits.items():
        if sentences := tokens[split]:
            found["lengths"] = measure([len(sentence) for sentence in sentences])._asdict()
        if words is not None:
            covered = cover(sentences, words.__contains__)
            found["words"], found["known_words"] = covered.words, covered.known
            found["unknown"] = [list(pair) for pair in covered.unknown[:_NAMED]]
    opened = (
        {split: _opened(data, some) for split, some in examples.items()} if open_pictures else {}
    )
    _tell_overlap(splits, examples, opened)
    broken = [sentence for found in opened.values() for sentence in found.broken]
    return {
        "ok": not (missing or broken or problems),
        "missing": list(dict.fromkeys(missing)),
        "broken": list(dict.fromkeys(broken)),
        "problems": problems,
        "vocabulary": None if words is None else len(words),
        "splits": splits,
    }


class _Builder(Trainer):
    """A trainer that trains nothing: the verb is there for the data that it builds."""

    @override
    def fit(self, model: Any, *_: Any, **__: Any) -> None:
        """Leave the model as it is."""


class DataAlone(Command):
    """A command that builds a configuration's data, and of its network nothing that takes long."""

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
        """Say nothing of checkpoints: there are none."""


class _Missing(logging.Handler):
    """Keeps the names of the pictures that a reader did not find."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Take the names from a reader's warning."""
        self.names += getattr(record, "missing", [])


def _read(data: Any, split: str, problems: list[str]) -> list[Example]:
    """A part's examples; what is wrong with one that is not trained on does not hide the others."""
    try:
        found: list[Example] = data.examples(split)
    except (ValueError, OSError) as error:
        if split == "train":
            raise
        problems.append(f"{split}: {error}")
        return []
    if not found:
        problems.append(f"{split} has no example.")
    return found


def _tokenised(examples: Iterable[Example], parse: Callable[[str], list[str]]) -> list[list[str]]:
    return [parse(text) for example in examples for text in texts_of(example)]


def _counted(examples: Sequence[Example]) -> dict[str, Any]:
    """How many examples, texts and labels there are."""
    labels = Counter(label for example in examples for label in labels_of(example))
    return {
        "examples": len(examples),
        "texts": sum(len(texts_of(example)) for example in examples),
        "labels": dict(labels.most_common()),
    }


def _opened(data: Any, examples: Sequence[Example]) -> Opened:
    """Open every picture that lies in a file or in memory; scenes are drawn, and always can be."""
    images = [image_of(example) for example in examples]
    files = [image for image in images if image is not None and not isinstance(image, Scene)]

    def load(image: AnyImage) -> Tensor:
        if isinstance(image, PixelImage):
            return torch.from_numpy(data.sets[image.source].images[image.index])
        if isinstance(image, Scene):
            raise TypeError("A scene lies in no file.")
        return load_image(image)

    shown = sys.stderr.isatty()
    return open_all(tqdm(files, unit=" pictures", disable=not shown, leave=False), load)


def _tell_overlap(
    splits: dict[str, dict[str, Any]],
    examples: dict[str, list[Example]],
    opened: dict[str, Opened],
) -> None:
    """Note what of a part stands in the training part, too."""
    texts = {
        split: digests_of_texts(named_texts(some))
        for split, some in examples.items()
        if some and isinstance(some[0], TextExample)
    }
    for split in SPLITS[1:]:
        parts = [{key: found.digests for key, found in opened.items()}, texts]
        pairs = [
            pair
            for part in parts
            if split in part and "train" in part
            for pair in overlap(part["train"], part[split])
        ]
        splits[split]["in_train"] = [list(pair) for pair in pairs]
    for split, found in opened.items():
        splits[split]["pictures"] = len(found.digests) + found.copies
        splits[split]["copies"] = found.copies


def _parser() -> Arguments:
    parser = Arguments(
        "data check",
        about="Look at all examples of a configuration's data: pictures that are missing or "
        "broken, lengths, words, labels, and what stands in two parts. All other options are those "
        "of `multimodal fit`.",
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


def _written(found: dict[str, Any]) -> str:
    """The same for people."""
    splits = found["splits"]
    parts = [_overview(splits)]
    if lengths := splits["train"].get("lengths"):
        parts.append(_histogram("train", lengths))
    if found["vocabulary"]:
        parts.append(f"vocabulary: {found['vocabulary']:,} tokens, built from train")
        parts += [_unknown(split, splits[split]) for split in SPLITS[1:]]
    parts.append(_labels(splits["train"]["labels"]))
    parts += [_twice(split, splits[split]["in_train"]) for split in SPLITS[1:]]
    for name in ("missing", "broken"):
        if sentences := found[name]:
            parts.append(f"{name} pictures: {len(sentences):,}\n" + _some(sentences, "\n"))
    parts += map(printable, found["problems"])
    parts.append("nothing is wrong" if found["ok"] else "something is wrong: see above")
    return "\n\n".join(part.rstrip("\n") for part in parts if part)


def _overview(splits: dict[str, dict[str, Any]]) -> str:
    rows = [["", "examples", "pictures", "copies", "texts", "median words", "words known"]]
    for split, found in splits.items():
        known = found["known_words"] / found["words"] if found.get("words") else None
        lengths = found.get("lengths")
        rows.append(
            [
                split,
                f"{found['examples']:,}",
                f"{found['pictures']:,}" if found.get("pictures") else "",
                f"{found['copies']:,}" if found.get("pictures") else "",
                f"{found['texts']:,}" if found["texts"] else "",
                f"{lengths['median']:,}" if lengths else "",
                "" if known is None else f"{100 * known:.1f} %",
            ]
        )
    kept = [place for place in range(len(rows[0])) if place == 0 or any(r[place] for r in rows[1:])]
    return markdown_table([[row[place] for place in kept] for row in rows])


def _histogram(split: str, lengths: dict[str, Any]) -> str:
    most = max(count for *_, count in lengths["bins"])
    width = len(f"{lengths['longest']}")
    lines = [f"words in a text of {split}: {lengths['shortest']:,} to {lengths['longest']:,}"]
    for low, high, count in lengths["bins"]:
        bar = "#" * -(-_BAR * count // most)
        lines.append(f"  {low:>{width}} to {high:>{width}}  {count:>9,}  {bar}".rstrip())
    return "\n".join(lines)


def _unknown(split: str, found: dict[str, Any]) -> str:
    if not found.get("unknown"):
        return ""
    words = [f"{word} ({count:,})" for word, count in found["unknown"]]
    return f"words of {split} that the vocabulary lacks, most frequent first: " + _some(words, ", ")


def _labels(labels: dict[str, int]) -> str:
    if not labels:
        return ""
    total, rows = sum(labels.values()), [["label", "in train", "share"]]
    for label, count in list(labels.items())[:_NAMED]:
        rows.append([printable(label), f"{count:,}", f"{100 * count / total:.1f} %"])
    more = len(labels) - _NAMED
    return markdown_table(rows) + (f"and {more:,} more" if more > 0 else "")


def _twice(split: str, pairs: Sequence[Sequence[str]]) -> str:
    if not pairs:
        return ""
    named = [f"{ours} is {theirs} of train" for theirs, ours in pairs]
    return f"{len(pairs):,} of {split} stand in train, too:\n" + _some(named, "\n")


def _some(lines: Sequence[str], between: str) -> str:
    more = f"{between}and {len(lines) - _NAMED:,} more" if len(lines) > _NAMED else ""
    return between.join(map(printable, lines[:_NAMED])) + more
