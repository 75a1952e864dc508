"""Where texts come from: the formats that a data module of texts accepts, as plain settings."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from multimodal.data.examples import TextExample
from multimodal.data.readers import (
    read_imdb,
    read_movie_reviews,
    read_plain_text,
    read_sentence_polarity,
    read_sst,
    read_subjectivity,
    read_text_table,
    take_fold,
)
from multimodal.data.readers.splits import ALL
from multimodal.data.readers.table import Target, TextColumns
from multimodal.worlds.reviews import sample_review

TextFormat = Literal[
    "reviews", "polarity", "movie_reviews", "subjectivity", "imdb", "sst", "table", "text"
]
_UNSPLIT = {
    "polarity": read_sentence_polarity,
    "movie_reviews": read_movie_reviews,
    "subjectivity": read_subjectivity,
}


@dataclass(frozen=True)
class ReviewCounts:
    """How many built-in reviews each split has.

    Args:
        train: Training reviews.
        val: Validation reviews.
        test: Test reviews.
    """

    train: int = 8_000
    val: int = 500
    test: int = 1_000

    def number(self, split: str) -> int:
        """Return how many reviews ``train``, ``val`` or ``test`` has."""
        return {"train": self.train, "val": self.val, "test": self.test}[split]


@dataclass(frozen=True)
class TextSource:
    """A set of texts.

    Args:
        format: ``reviews`` (built in), ``polarity``, ``movie_reviews`` or ``subjectivity`` (of an
            NLTK data folder), ``imdb``, ``sst``, ``table`` (a CSV, TSV or JSONL file of one's own)
            or ``text`` (plain text, for language models).
        root: Folder, archive or file of the data set; not used by ``reviews``.
        file: The table inside ``root``, where it has not the usual name.
        columns: Columns of a table.
        target: ``label`` for classes, ``number`` for a real number, as stars are.
        classes: Of the treebank: 2, 3 or 5.
        phrases: Whether the treebank's training phrases are read too.
        unlabelled: Whether IMDB's reviews without labels are read with the training ones.
        reviews: Numbers of the built-in reviews.
        folds: Parts of a cross-validation, of which ``fold`` is tested on; 0 is none.
        fold: Which one, from 0.
        part: Which texts a language model reads of this source: the ``train`` ones, the ``test``
            ones, or ``all``.
        seed: Seed of reviews and folds.
    """

    format: TextFormat = "reviews"
    root: str = ""
    file: str = ""
    columns: TextColumns = field(default_factory=TextColumns)
    target: Target = "label"
    classes: int = 2
    phrases: bool = False
    unlabelled: bool = False
    reviews: ReviewCounts = field(default_factory=ReviewCounts)
    folds: int = 0
    fold: int = 0
    part: Literal["train", "test", "all"] = "train"
    seed: int = 0

    def read(self, split: str) -> list[TextExample]:
        """Read the texts of a split.

        With folds, train is all that is not in the fold, and test is the fold.

        Args:
            split: ``train``, ``val``, ``test`` or ``all``.

        Returns:
            The texts.

        Raises:
            FileNotFoundError: The data set is not there.
            ValueError: It has no such split, as folds leave no val, or a file is wrong.

        Example:
            >>> source = TextSource("polarity", "data/samples/nltk_data", folds=4, fold=1)
            >>> len(source.read("train")), len(source.read("test"))
            (18, 6)
        """
        if not self.folds or split == ALL:
            return self._read(split)
        if split == "val":
            raise ValueError(
                "`folds` leave no val: set `holdout`, the share of train taken for it."
            )
        everything = self._read(ALL if self.format in (*_UNSPLIT, "table") else "train")
        others, tested = take_fold(everything, self.folds, self.fold, self.seed)
        return tested if split == "test" else others

    def _read(self, split: str) -> list[TextExample]:
        root = Path(self.root)
        read_unsplit = _UNSPLIT.get(self.format)
        if read_unsplit:
            return read_unsplit(root, split)
        match self.format:
            case "table":
                return read_text_table(
                    root, split, file=self.file, columns=self.columns, target=self.target
                )
            case "text":
                return read_plain_text(root, split)
            case "reviews" | "imdb" | "sst":
                splits = _SPLITS[self.format] if split == ALL else [split]
                return [text for each in splits for text in self._read_one(each)]
        formats = ", ".join(get_args(TextFormat))
        raise ValueError(f"`format` must be one of {formats}, got {self.format!r}.")

    def _read_one(self, split: str) -> list[TextExample]:
        if self.format == "imdb":
            unlabelled = self.unlabelled and split == "train"
            return read_imdb(Path(self.root), split, target=self.target, unlabelled=unlabelled)
        if self.format == "sst":
            return read_sst(Path(self.root), split, classes=self.classes, phrases=self.phrases)
        drawn = (sample_review(self.seed, n, split) for n in range(self.reviews.number(split)))
        numbers = self.target == "number"
        return [
            TextExample(review.text, review.stars if numbers else review.label, f"{split}/{n}")
            for n, review in enumerate(drawn)
        ]


# All of IMDB is what may be learned from: its test reviews are for testing.
_SPLITS: dict[str, list[str]] = {
    "reviews": ["train", "val", "test"],
    "imdb": ["train"],
    "sst": ["train", "val", "test"],
}
