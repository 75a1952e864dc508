"""Texts in every accepted format: the table of readers, folds, and sources of language models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

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
from multimodal.data.readers.reviews import read_reviews
from multimodal.data.readers.splits import ALL
from multimodal.data.source import Reader, Source, open_source

READERS: Final[Mapping[str, Reader[TextExample]]] = {
    "reviews": read_reviews,
    "polarity": read_sentence_polarity,
    "movie_reviews": read_movie_reviews,
    "subjectivity": read_subjectivity,
    "imdb": read_imdb,
    "sst": read_sst,
    "table": read_text_table,
    "text": read_plain_text,
}

# These readers return all texts for the split "all", for their splits are made by a hash.
_UNSPLIT = ("polarity", "movie_reviews", "subjectivity", "table", "text")


@dataclass(frozen=True)
class TextSource:
    """A set of texts that a language model reads.

    Args:
        format: ``reviews`` (built in), ``polarity``, ``movie_reviews`` or ``subjectivity`` (of an
            NLTK data folder), ``imdb``, ``sst``, ``table`` (a CSV, TSV or JSONL file),
            ``text`` (plain text), or the import path of a reader of your own.
        root: Folder, archive or file of the data set; not used by ``reviews``.
        options: Keywords of the format's reader; see data/README.md.
        folds: Parts of a cross-validation, of which ``fold`` is tested; 0 is none.
        fold: The tested part, from 0.
        part: The texts that are read: ``train``, ``test`` or ``all``.
        seed: Seed of reviews and folds.
    """

    format: str = "reviews"
    root: str = ""
    options: dict[str, Any] | None = None
    folds: int = 0
    fold: int = 0
    part: Literal["train", "test", "all"] = "train"
    seed: int = 0

    def read(self, split: str) -> list[TextExample]:
        """Read ``train``, ``val``, ``test`` or ``all``, as `read_texts` does.

        Example:
            >>> source = TextSource("polarity", "data/samples/nltk_data", folds=4, fold=1)
            >>> len(source.read("train")), len(source.read("test"))
            (18, 6)
        """
        source = open_source(
            READERS,
            TextExample,
            format=self.format,
            root=self.root,
            options=self.options,
            shared={"seed": self.seed},
        )
        return read_texts(source, split, self.folds, self.fold, self.seed)


def read_texts(
    source: Source[TextExample], split: str, folds: int, fold: int, seed: int
) -> list[TextExample]:
    """Read a split of texts, or a part of a cross-validation.

    Args:
        source: The data set.
        split: ``train``, ``val``, ``test`` or ``all``. With folds, test is the fold and train is
            all that is not in it.
        folds: Number of parts; 0 uses the data set's own splits.
        fold: The tested part, from 0.
        seed: Seed of the folds.

    Raises:
        FileNotFoundError: The data set is not there.
        ValueError: It has no such split, as folds leave no val, or a file is wrong.
    """
    if not folds or split == ALL:
        return _read(source, split)
    if split == "val":
        raise ValueError("`folds` leave no val: set `holdout`, the share of train taken for it.")
    everything = _read(source, ALL if source.format in _UNSPLIT[:-1] else "train")
    others, tested = take_fold(everything, folds, fold, seed)
    return tested if split == "test" else others


def _read(source: Source[TextExample], split: str) -> list[TextExample]:
    if split != ALL or source.format in _UNSPLIT:
        return source.read(split)
    # All of IMDB that may be trained on: its test reviews are for testing.
    splits = ["train"] if source.format == "imdb" else ["train", "val", "test"]
    return [text for each in splits for text in source.read(each)]
