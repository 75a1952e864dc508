"""Read plain text for language models: files in which a blank line ends a text.

A paragraph of prose, a stanza or a whole poem is one text; its line ends are kept. Splits are files
named like them (`train.txt`, `val.txt`, `test.txt`); without these the last tenth of all text is
held out, its first half for validation and its second for testing.
"""

from pathlib import Path

from multimodal.data.examples import TextExample
from multimodal.data.readers.file_search import file_names, read_file
from multimodal.data.readers.splits import ALL, canonical_split, split_names

_CONTENT = "Name a .txt file, or a folder or zip archive of such."
_FEW = 20  # fewer texts than this are split at lines


def read_plain_text(root: Path, split: str) -> list[TextExample]:
    """Read one split of plain text in the order of the files' names; an id is file and line.

    Args:
        root: A text file, or a folder or zip archive of them.

    Example:
        >>> examples = read_plain_text(Path("data/samples/verse.txt"), "all")
        >>> examples[0].text.splitlines()[0], examples[0].text_id
        ('The lamp is low, the page is white,', 'verse.txt:1')
    """
    split = canonical_split(split, allow_all=True)
    source, names = _files(root)
    has_splits = any(_is_named(name, "train") for name in names)
    if has_splits and split != ALL:
        names = [name for name in names if _is_named(name, split)]
    examples = [text for name in names for text in _texts(source, name)]
    if not has_splits and split != ALL:
        examples = _part(examples, split)
    if not examples:
        raise ValueError(f"{root} has no text in the split {split}; is the file empty, or short?")
    return examples


def _is_named(name: str, split: str) -> bool:
    return name.rsplit("/", 1)[-1] in [f"{other}.txt" for other in split_names(split)]


def _files(root: Path) -> tuple[Path, list[str]]:
    if root.is_file() and root.suffix != ".zip":
        return root.parent, [root.name]
    if not root.exists():
        raise FileNotFoundError(f"No file or folder {root}. {_CONTENT}")
    names = [name for name in file_names(root) if name.endswith(".txt")]
    if not names:
        raise FileNotFoundError(f"No text file in {root}. {_CONTENT}")
    return root, names


def _texts(source: Path, name: str) -> list[TextExample]:
    file = name.rsplit("/", 1)[-1]
    texts = []
    lines: list[str] = []
    for number, line in enumerate([*read_file(source, name).splitlines(), ""], 1):
        if line.strip():
            lines.append(line.rstrip())
        elif lines:
            texts.append(TextExample("\n".join(lines), None, f"{file}:{number - len(lines)}"))
            lines = []
    return texts


def _part(texts: list[TextExample], split: str) -> list[TextExample]:
    """Cut all text at 90 % and 95 % of its length and return one of the three parts."""
    joined = len(texts) < _FEW
    units = [part for text in texts for part in _lines(text)] if joined else texts
    total = sum(len(unit.text) for unit in units)
    parts: dict[str, list[TextExample]] = {"train": [], "val": [], "test": []}
    start = 0
    for unit in units:
        middle = (start + len(unit.text) / 2) / max(total, 1)
        parts["train" if middle < 0.9 else "val" if middle < 0.95 else "test"].append(unit)
        start += len(unit.text)
    chosen = parts[split]
    if joined and chosen:
        whole = "\n".join(unit.text for unit in chosen)
        return [TextExample(whole, None, chosen[0].text_id)]
    return chosen


def _lines(text: TextExample) -> list[TextExample]:
    file, line = text.text_id.rsplit(":", 1)
    return [
        TextExample(part, None, f"{file}:{int(line) + number}")
        for number, part in enumerate(text.text.split("\n"))
    ]
