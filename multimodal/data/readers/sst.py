"""Read the Stanford Sentiment Treebank: as trees, or as the tab-separated files of GLUE's SST-2.

A tree gives every phrase of a sentence a label from 0 (very negative) to 4 (very positive):
``(3 (2 It) (4 (4 works) (2 .)))``. Tables have the columns sentence and label, 0 or 1. Training on
the phrases changes results by several points, so that it is an option, off by default.

References:
    Socher et al. 2013, "Recursive deep models for semantic compositionality over a sentiment
    treebank", section 3; Wang et al. 2019, "GLUE", section 3.1 (SST-2).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from multimodal.data.examples import TextExample
from multimodal.data.readers.file_search import file_names, folder_and_archives, read_file
from multimodal.data.readers.sentences import clean_text
from multimodal.data.readers.splits import canonical_split, split_names, text_key
from multimodal.data.readers.text_files import closest

Classes = Literal[2, 3, 5]

_CONTENT = (
    "Put the treebank there: train.txt, dev.txt and test.txt with trees (or "
    "trainDevTestTrees_PTB.zip), or GLUE's train.tsv, dev.tsv and test.tsv."
)
_NAMES: dict[int, tuple[str, ...]] = {
    2: ("negative", "negative", "", "positive", "positive"),
    3: ("negative", "negative", "neutral", "positive", "positive"),
    5: ("very negative", "negative", "neutral", "positive", "very positive"),
}
_PIECE = re.compile(r"\(|\)|[^\s()]+")
_ESCAPES = {"-LRB-": "(", "-RRB-": ")"}


def read_sst(
    root: Path, split: str, *, classes: int = 2, phrases: bool = False
) -> list[TextExample]:
    """Read one split of the treebank, in order; an id is file and line, and a phrase's number.

    Args:
        root: The folder of the three files, or of a zip archive with them; or the archive.
        split: train, val (dev) or test.
        classes: 2 for negative and positive, leaving neutral sentences out; 3 with neutral; 5 with
            very negative and very positive.
        phrases: Whether to read the phrases of the training trees too, each once.

    Returns:
        The sentences; GLUE's test sentences have no label.

    Example:
        >>> examples = read_sst(Path("data/samples/sst"), "train", classes=5)
        >>> examples[0].text, examples[0].label
        ('It works ( mostly ) .', 'positive')
        >>> phrases = read_sst(Path("data/samples/sst"), "train", classes=5, phrases=True)
        >>> phrases[1].text, phrases[1].text_id
        ('works ( mostly ) .', 'train.txt:1:1')
    """
    split = canonical_split(split)
    if classes not in _NAMES:
        raise ValueError(f"The treebank's `classes` can be 2, 3 or 5, got {classes}.")
    source, name = _find(root, split)
    if name.endswith(".tsv"):
        if classes != 2 or phrases:
            raise ValueError(
                f"{source}/{name} has two classes and no trees; set `classes` to 2 and leave out "
                "`phrases`, or get the trees."
            )
        examples = list(_read_table(source, name, split))
    else:
        phrases = phrases and split == "train"
        examples = _read_trees(source, name, _NAMES[classes], phrases=phrases)
    if not examples:
        raise ValueError(
            f"{source}/{name} has no sentence with a label; copy or download it again."
        )
    return examples


class _Phrase(NamedTuple):
    label: int
    text: str


def _read_trees(
    source: Path, name: str, names: tuple[str, ...], *, phrases: bool
) -> list[TextExample]:
    file = name.rsplit("/", 1)[-1]
    examples = []
    known: set[tuple[str, int]] = set()
    for number, line in enumerate(read_file(source, name).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{source}/{name}:{number}"
        # The whole sentence is the last phrase to end.
        for count, phrase in enumerate(reversed(_parse(line, where))):
            key = (text_key(phrase.text), phrase.label)
            if names[phrase.label] and not (count and key in known):
                known.add(key)
                text_id = f"{file}:{number}:{count}" if count else f"{file}:{number}"
                examples.append(TextExample(phrase.text, names[phrase.label], text_id))
            if not phrases:
                break
    return examples


def _parse(line: str, where: str) -> list[_Phrase]:
    """Parse a tree's phrases, in the order in which they end."""
    phrases: list[_Phrase] = []
    open_: list[tuple[int, int]] = []  # the label of each open phrase, and its first word's index
    words: list[str] = []
    label_next = False
    for piece in _PIECE.findall(line):
        if label_next:
            open_.append((_label(piece, where), len(words)))
            label_next = False
        elif piece == "(" and (open_ or not phrases):
            label_next = True
        elif piece == ")" and open_ and len(words) > open_[-1][1]:
            label, start = open_.pop()
            phrases.append(_Phrase(label, " ".join(words[start:])))
        elif piece not in "()" and open_:
            words.append(_ESCAPES.get(piece, piece.replace("\\/", "/").replace("\\*", "*")))
        else:
            break
    else:
        if phrases and not open_ and not label_next:
            return phrases
    raise ValueError(
        f"{where} is not a tree such as (3 (2 It) (4 works)): brackets or words are missing."
    )


def _label(piece: str, where: str) -> int:
    if piece not in ("0", "1", "2", "3", "4"):
        raise ValueError(f"{where}: a label must be from 0 to 4, got {piece!r}.")
    return int(piece)


def _read_table(source: Path, name: str, split: str) -> Iterator[TextExample]:
    """Read a table as GLUE writes it, without quoting: a quote is a character like all others."""
    header, *lines = read_file(source, name).replace("\r\n", "\n").split("\n")
    columns = header.split("\t")
    needed = ["sentence"] if split == "test" else ["sentence", "label"]
    for column in needed:
        if column not in columns:
            raise ValueError(
                f"{source}/{name}:1 has no column '{column}'{closest(column, columns)}"
            )
    file = name.rsplit("/", 1)[-1]
    for number, line in enumerate(lines, 2):
        where = f"{source}/{name}:{number}"
        if not line.strip():
            continue
        values = dict(zip(columns, line.split("\t"), strict=False))
        if len(values) != len(columns):
            raise ValueError(f"{where} has {len(values)} fields, the header has {len(columns)}.")
        value = values.get("label")
        if value not in ("0", "1", None):
            raise ValueError(f"{where}: a label must be 0 or 1, got {value!r}.")
        label = None if value is None else _NAMES[2][4 * int(value)]
        yield TextExample(clean_text(values["sentence"], where), label, f"{file}:{number}")


def _find(root: Path, split: str) -> tuple[Path, str]:
    candidates = [f"{name}{kind}" for kind in (".txt", ".tsv") for name in split_names(split)]
    for source in folder_and_archives(root, _CONTENT):
        names = {name.rsplit("/", 1)[-1]: name for name in reversed(file_names(source))}
        for name in candidates:
            if name in names:
                return source, names[name]
    raise FileNotFoundError(f"No {split}.txt or {split}.tsv in {root}. {_CONTENT}")
