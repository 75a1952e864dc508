"""Read the JSON files in which Flickr8k, Flickr30k and COCO are usually split for captioning.

One file holds everything: ``{"images": [{"filename", "split", "sentences": [{"raw"}], ...}]}``.
COCO's file adds ``filepath`` (the folder) and ``cocoid``, and a fourth split, restval, which
is used for training.

References:
    Karpathy and Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image Descriptions", 2015,
    section 4: the splits.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multimodal.data.examples import CaptionExample
from multimodal.data.readers.file_search import choose_file, require_folder
from multimodal.data.readers.flickr8k import photo_id
from multimodal.data.readers.pictures import Pictures, clean_name, picture_sources
from multimodal.data.readers.sentences import clean_sentence
from multimodal.data.readers.splits import canonical_split
from multimodal.data.readers.text_files import field, json_records, read_json

_FOLDERS = ("images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k-images")
_CONTENT = (
    "Put dataset_flickr8k.json (or another file in Karpathy's layout) and its images there; "
    "data/README.md says where to get them."
)


def read_karpathy(
    root: Path, split: str, *, file: str = "", images: str = "", skip_missing: bool = False
) -> list[CaptionExample]:
    """Read one split of a file in Karpathy's layout, in the order of the file.

    A picture's id is its COCO number, its Flickr number, or its name.

    Args:
        root: The folder with the file and the pictures (in `images/`, `Flicker8k_Dataset/`, the
            folders that the file names, or zip archives).
        split: train (restval included), val (also called dev) or test.
        file: The JSON file, relative to the root; empty takes the only `dataset*.json`.

    Example:
        >>> examples = read_karpathy(Path("data/samples/karpathy"), "train")
        >>> len(examples), examples[0].image_id
        (2, 1001)
    """
    split = canonical_split(split)
    require_folder(root, _CONTENT)
    path = root / file if file else _find(root)
    entries: dict[str, _Entry] = {}
    for where, record in json_records(read_json(path), "images", path):
        entry = _entry(record, root, where)
        known = entries.setdefault(entry.name, entry)
        if known.split != entry.split:
            raise ValueError(f"{where}: {entry.name!r} is in two splits; keep it in one.")
        known.captions.extend(_captions(record, where))
    sources = Pictures(picture_sources(root, _FOLDERS, images))
    chosen = {
        entry.name if sources.find(entry.name) else entry.filename: entry
        for entry in entries.values()
        if entry.split == split
    }
    if not chosen:
        raise ValueError(f"{path} has no image whose 'split' is {split!r}.")
    pictures = sources.locate(chosen, path, skip_missing=skip_missing)
    return [
        CaptionExample(picture, tuple(chosen[name].captions), chosen[name].image_id)
        for name, picture in pictures.items()
    ]


@dataclass(slots=True)
class _Entry:
    name: str  # with its folder, where the file names one; the folder need not exist
    filename: str
    split: str
    image_id: int | str
    captions: list[str] = dataclasses.field(default_factory=list)


def _entry(record: Any, root: Path, where: str) -> _Entry:
    filename = clean_name(field(record, "filename", str, where), root, where)
    folder = record.get("filepath", "")
    split = field(record, "split", str, where)
    number = record.get("cocoid")
    return _Entry(
        name=clean_name(f"{folder}/{filename}", root, where) if folder else filename,
        filename=filename,
        split="train" if split == "restval" else canonical_split(split, where),
        image_id=number if isinstance(number, int) else photo_id(filename),
    )


def _find(root: Path) -> Path:
    return choose_file(
        root,
        sorted(root.glob("dataset*.json")),
        "dataset*.json",
        there="no such file",
        missing=_CONTENT,
        several="Name one with `file`.",
    )


def _captions(record: dict[str, Any], where: str) -> list[str]:
    sentences = field(record, "sentences", list, where)
    if not sentences:
        raise ValueError(f"{where}: the image has no captions; add some or remove it.")
    captions = []
    for number, sentence in enumerate(sentences):
        inner = f"{where}.sentences[{number}]"
        captions.append(clean_sentence(field(sentence, "raw", str, inner), inner, "caption"))
    return captions
