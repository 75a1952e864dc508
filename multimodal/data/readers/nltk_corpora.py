"""Read corpora of an NLTK data folder, packed or unpacked; nothing is downloaded.

Three of Pang and Lee's collections: 10,662 sentences of film reviews (``sentence_polarity``, known
as MR), 2,000 whole reviews (``movie_reviews``), and 10,000 sentences, half of them of plots and
half of reviews (``subjectivity``). None has an official split: a hash of each text's letters makes
one (80 % train, 10 % val, 10 % test), or the split ``all`` reads all texts, as folds need them.
The root is the NLTK data folder, its `corpora`, or the corpus itself, as a folder or a zip archive.

References:
    Pang and Lee 2005, "Seeing stars" (sentence polarity); Pang and Lee 2004, "A sentimental
    education" (reviews, subjectivity).
"""

import re
from pathlib import Path

from multimodal.data.examples import TextExample
from multimodal.data.readers.file_search import file_names, read_file
from multimodal.data.readers.sentences import clean_text
from multimodal.data.readers.splits import canonical_split, texts_of_split


def read_sentence_polarity(root: Path, split: str) -> list[TextExample]:
    """Read sentences of film reviews, each negative or positive; an id is file and line.

    Example:
        >>> examples = read_sentence_polarity(Path("data/samples/nltk_data"), "all")
        >>> examples[0].text, examples[0].label, examples[0].text_id
        ('a dull film , badly told .', 'negative', 'rt-polarity.neg:1')
    """
    files = {"rt-polarity.neg": "negative", "rt-polarity.pos": "positive"}
    return _read_lines(root, "sentence_polarity", files, split)


def read_subjectivity(root: Path, split: str) -> list[TextExample]:
    """Read sentences that are objective (of plots) or subjective (of reviews).

    Two fifths of its subjective sentences are in `sentence_polarity` too, word for word: do not
    train on one of the corpora and test on the other.

    Example:
        >>> examples = read_subjectivity(Path("data/samples/nltk_data"), "all")
        >>> sorted({example.label for example in examples})
        ['objective', 'subjective']
    """
    files = {"plot.tok.gt9.5000": "objective", "quote.tok.gt9.5000": "subjective"}
    return _read_lines(root, "subjectivity", files, split)


def read_movie_reviews(root: Path, split: str) -> list[TextExample]:
    """Read whole film reviews, each negative or positive; an id is the file's name.

    Example:
        >>> examples = read_movie_reviews(Path("data/samples/nltk_data"), "all")
        >>> examples[0].label, examples[0].text_id
        ('negative', 'neg/cv000_1.txt')
    """
    split = canonical_split(split, allow_all=True)
    source = _find(root, "movie_reviews")
    examples = []
    for name in file_names(source):
        match = re.search(r"(?:^|/)((neg|pos)/[^/]+\.txt)$", name)
        if match:
            text = clean_text(read_file(source, name), f"{source}/{name}")
            label = {"neg": "negative", "pos": "positive"}[match[2]]
            examples.append(TextExample(text, label, match[1]))
    if not examples:
        raise FileNotFoundError(
            f"No reviews neg/*.txt and pos/*.txt in {source}. {_hint(root, 'movie_reviews')}"
        )
    return texts_of_split(examples, split)


def _read_lines(root: Path, corpus: str, files: dict[str, str], split: str) -> list[TextExample]:
    split = canonical_split(split, allow_all=True)
    source = _find(root, corpus)
    names = {name.rsplit("/", 1)[-1]: name for name in file_names(source)}
    examples = []
    for file, label in files.items():
        if file not in names:
            raise FileNotFoundError(f"No file {file} in {source}. {_hint(root, corpus)}")
        lines = read_file(source, names[file]).split("\n")
        for number, line in enumerate(lines, 1):
            if line.strip():
                text = clean_text(line, f"{source}/{names[file]}:{number}")
                examples.append(TextExample(text, label, f"{file}:{number}"))
    return texts_of_split(examples, split)


def _find(root: Path, corpus: str) -> Path:
    if root.stem == corpus and root.exists():
        return root
    for folder in (root / "corpora", root):
        for source in (folder / corpus, folder / f"{corpus}.zip"):
            if source.exists():
                return source
    raise FileNotFoundError(f"No corpus {corpus} in {root}. {_hint(root, corpus)}")


def _hint(root: Path, corpus: str) -> str:
    return (
        f"Name NLTK's data folder, which has corpora/{corpus}.zip, or run "
        f"`python -m nltk.downloader -d {root} {corpus}`."
    )
