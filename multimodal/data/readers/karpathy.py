"""Read the JSON files in which Flickr8k, Flickr30k and COCO are usually split for captioning.

One file holds everything: ``{"images": [{"filename", "split", "sentences": [{"raw"}], ...}]}``.
COCO's file adds ``filepath`` (the folder) and ``cocoid``, and a fourth split, restval, which
everyone trains on.

References:
    Karpathy and Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image Descriptions", 2015,
    section 4: the splits.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multimodal.data.examples import CaptionExample
from multimodal.data.readers.flickr8k import photo_id
from multimodal.data.readers.pictures import Pictures, clean_name, places_of, require_folder
from multimodal.data.readers.sentences import clean_sentence
from multimodal.data.readers.splits import canonical_split
from multimodal.data.readers.text_files import field, read_json

_FOLDERS = ("images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k-images")
_CONTENT = (
    "Put dataset_flickr8k.json (or another file in Karpathy's layout) and its images there; "
    "data/README.md says where to get them."
)


def read_karpathy(
    root: Path, split: str, *, file: str = "", images: str = "", skip_missing: bool = False
) -> list[CaptionExample]:
    """Read one split of a file in Karpathy's layout.

    Args:
        root: The folder with the file and the pictures (in `images/`, `Flicker8k_Dataset/`, the
            folders that the file names, or zip archives).
        split: train (restval included), val (also called dev) or test.
        file: The JSON file, relative to the root; empty takes the only `dataset*.json`.
        images: Another folder or archive of the pictures, relative to the root.
        skip_missing: Whether pictures that are not there are left out, with one line in the log,
            instead of stopping.

    Returns:
        Examples in the order of the file. A picture's id is its COCO number, its Flickr number, or
        its name.

    Raises:
        FileNotFoundError: The folder, the file or pictures are not there.
        ValueError: The file is not in this layout; the message names the place in it.

    Example:
        >>> examples = read_karpathy(Path("data/samples/karpathy"), "train")
        >>> len(examples), examples[0].image_id
        (2, 1001)
    """
    split = canonical_split(split)
    require_folder(root, _CONTENT)
    path = _find(root, file)
    found: dict[str, _Entry] = {}
    for index, record in enumerate(field(read_json(path), "images", list, str(path))):
        where = f"{path}: images[{index}]"
        entry = _entry(record, root, where)
        known = found.setdefault(entry.name, entry)
        if known.split != entry.split:
            raise ValueError(f"{where}: {entry.name!r} is in two splits; keep it in one.")
        known.captions.extend(_captions(record, where))
    places = Pictures(places_of(root, _FOLDERS, images))
    chosen = {
        entry.name if places.find(entry.name) else entry.filename: entry
        for entry in found.values()
        if entry.split == split
    }
    if not chosen:
        raise ValueError(f"{path} has no image whose 'split' is {split!r}.")
    pictures = places.locate(chosen, path, skip_missing=skip_missing)
    return [
        CaptionExample(picture, tuple(chosen[name].captions), chosen[name].image_id)
        for name, picture in pictures.items()
    ]


@dataclass(slots=True)
class _Entry:
    name: str  # with its folder, where the file says one; the folder need not exist
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


def _find(root: Path, file: str) -> Path:
    if file:
        return root / file
    files = sorted(root.glob("dataset*.json"))
    if not files:
        raise FileNotFoundError(f"No dataset*.json in {root}. {_CONTENT}")
    if len(files) > 1:
        names = ", ".join(path.name for path in files)
        raise ValueError(f"{root} has several data sets: {names}. Name one with `file`.")
    return files[0]


def _captions(record: dict[str, Any], where: str) -> list[str]:
    sentences = field(record, "sentences", list, where)
    if not sentences:
        raise ValueError(f"{where}: the image has no captions; add some or remove it.")
    places = [f"{where}.sentences[{number}]" for number in range(len(sentences))]
    return [
        clean_sentence(field(sentence, "raw", str, place), place, "caption")
        for sentence, place in zip(sentences, places, strict=True)
    ]
