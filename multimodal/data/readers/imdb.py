"""Read the Large Movie Review Dataset (IMDB): folders of reviews, or a zip archive of them.

A review is a file `train/pos/123_8.txt`: its number and its rating, 1 to 4 for negative ones and 7
to 10 for positive ones. `train/unsup` holds reviews without either, for language models. The
folders may lie inside any others.

References:
    Maas et al. 2011, "Learning word vectors for sentiment analysis", section 4.1.
"""

import re
from pathlib import Path
from typing import Literal

from multimodal.data.documents import without_breaks
from multimodal.data.examples import TextExample
from multimodal.data.readers.file_search import file_names, folder_and_archives, read_file
from multimodal.data.readers.sentences import clean_text
from multimodal.data.readers.splits import train_or_test

_CONTENT = (
    "Put IMDB there: aclImdb/train/pos/0_9.txt and so on, or a zip archive of it (aclImdb_v1.tar.gz"
    " must be unpacked); data/README.md says where to get it."
)
_NAME = re.compile(r"(?:^|/)((train|test)/(neg|pos|unsup)/(\d+)_(\d+)\.txt)$")
_LABELS = {"neg": "negative", "pos": "positive", "unsup": None}


def read_imdb(
    root: Path,
    split: str,
    *,
    target: Literal["label", "number"] = "label",
    unlabelled: bool = False,
) -> list[TextExample]:
    """Read one split of IMDB, sorted by the files' names, which are the ids; negative ones first.

    HTML's line breaks become spaces.

    Args:
        root: The folder with `train` and `test`, or one above it, or with a zip archive; or the
            archive itself.
        split: train or test; IMDB has no val.
        target: ``label`` for positive and negative, ``number`` for the rating, 1 to 10.
        unlabelled: Whether the reviews of `train/unsup` are read too, without labels.

    Example:
        >>> examples = read_imdb(Path("data/samples/imdb"), "train", target="number")
        >>> examples[0].label, examples[0].text_id
        (2.0, 'train/neg/0_2.txt')
    """
    split = train_or_test(split, root, "IMDB")
    examples = []
    for source in folder_and_archives(root, _CONTENT):
        for name in file_names(source):
            match = _NAME.search(name)
            if match is None or match[2] != split or (match[3] == "unsup" and not unlabelled):
                continue
            text = without_breaks(read_file(source, name))
            label = _LABELS[match[3]]
            rating = float(match[5]) if label and target == "number" else label
            examples.append(TextExample(clean_text(text, f"{source}/{name}"), rating, match[1]))
        if examples:
            return examples
    raise FileNotFoundError(f"No reviews {split}/pos/*.txt in {root}. {_CONTENT}")
