"""Read COCO captions: one JSON file of images and annotations per split, and a folder of photos.

The layout of the original download: `annotations/captions_train2017.json` beside `train2017/` or
`train2017.zip`.

References:
    Chen et al., "Microsoft COCO Captions: Data Collection and Evaluation Server", 2015.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from multimodal.data.examples import CaptionExample
from multimodal.data.readers.file_search import choose_file, require_folder, some
from multimodal.data.readers.pictures import Pictures, clean_name, picture_sources
from multimodal.data.readers.sentences import clean_sentence
from multimodal.data.readers.text_files import field, identifier, json_records, read_json

_CONTENT = (
    "Put COCO there: annotations/captions_train2017.json and train2017/ or train2017.zip, and the "
    "same for val2017; data/README.md says where to get them."
)


def read_coco(
    root: Path, split: str, *, images: str = "", skip_missing: bool = False
) -> list[CaptionExample]:
    """Read one split in the layout of COCO captions, in the order of its images, with their ids.

    Args:
        root: The folder with `annotations/` and the photos.
        split: train, val (also called dev) or test; or what is between `captions_` and `.json`,
            such as train2017, where there are several of a kind.

    Example:
        >>> examples = read_coco(Path("data/samples/coco"), "train")
        >>> len(examples), examples[0].image_id
        (3, 1)
    """
    require_folder(root, _CONTENT)
    path = _find(root, "val" if split == "dev" else split)
    content = read_json(path)
    names = _images(content, path, root)
    captions: dict[int | str, list[str]] = {number: [] for number in names}
    for where, number, caption in annotated_captions(content, path):
        if number not in captions:
            raise ValueError(f"{where}: there is no image with the id {number!r} in 'images'.")
        captions[number].append(caption)
    if without := [names[number] for number, texts in captions.items() if not texts]:
        raise ValueError(
            f"{path} has {len(without):,} images without captions: {some(without)}. "
            "Add captions or remove them (COCO keeps the captions of its test images secret)."
        )
    folders = (path.stem.removeprefix("captions_"), "images")
    pictures = Pictures(picture_sources(root, folders, images)).locate(
        names.values(), path, skip_missing=skip_missing
    )
    return [
        CaptionExample(pictures[name], tuple(captions[number]), number)
        for number, name in names.items()
        if name in pictures
    ]


def annotated_captions(content: Any, path: Path) -> Iterator[tuple[str, int | str, str]]:
    """Yield file and index, the image's id and the caption of each annotation in a parsed file."""
    for where, record in json_records(content, "annotations", path):
        number = identifier(record, "image_id", where)
        yield where, number, clean_sentence(field(record, "caption", str, where), where, "caption")


def _find(root: Path, split: str) -> Path:
    files = [
        path
        for folder in (root / "annotations", root)
        for path in sorted(folder.glob("captions_*.json"))
    ]
    exact = [path for path in files if path.stem == f"captions_{split}"]
    years = [path for path in files if re.fullmatch(rf"captions_{re.escape(split)}\d+", path.stem)]
    example = years[0].stem.removeprefix("captions_") if years else ""
    return choose_file(
        root,
        exact or years,
        f"annotations/captions_{split}*.json",
        there=some([path.name for path in files]) or "no captions_*.json at all",
        missing=_CONTENT,
        several=f"Give the split in full, for example {example}.",
    )


def _images(content: Any, path: Path, root: Path) -> dict[int | str, str]:
    names: dict[int | str, str] = {}
    for where, record in json_records(content, "images", path):
        number = identifier(record, "id", where)
        name = clean_name(field(record, "file_name", str, where), root, where)
        if names.setdefault(number, name) != name:
            raise ValueError(
                f"{where}: the id {number!r} already belongs to {names[number]!r}; ids must differ."
            )
    if not names:
        raise ValueError(f"{path} has no images.")
    return names
