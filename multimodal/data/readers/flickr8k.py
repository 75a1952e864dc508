"""Read Flickr8k as it is distributed: 8,000 photos, five sentences each, lists of the splits.

The original pair of downloads has `Flickr8k.token.txt` (``NAME#NUMBER<tab>CAPTION``) and one list
of photos per split; another common download has `captions.txt` (CSV with the header
``image,caption``) and no lists. Both are read, with the photos in a folder or in zip archives.

References:
    Hodosh, Young and Hockenmaier, "Framing Image Description as a Ranking Task", 2013.
"""

import logging
import re
from pathlib import Path

from multimodal.data.examples import CaptionExample
from multimodal.data.readers.file_search import require_folder, some
from multimodal.data.readers.pictures import Pictures, clean_name, picture_sources
from multimodal.data.readers.sentences import clean_sentence
from multimodal.data.readers.splits import canonical_split, split_by_hash
from multimodal.data.readers.table_files import read_delimited
from multimodal.data.readers.text_files import read_lines

_LOGGER = logging.getLogger(__name__)
_FOLDERS = ("Flicker8k_Dataset", "Flickr8k_Dataset", "Images", "images")
_LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "val": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
_CONTENT = (
    "Put Flickr8k there: Flickr8k.token.txt (or captions.txt) and Flicker8k_Dataset/ or its zip "
    "files; data/README.md says where to get it."
)


def read_flickr8k(
    root: Path, split: str, *, images: str = "", skip_missing: bool = False
) -> list[CaptionExample]:
    """Read one split of Flickr8k, in the order of the split list, or of the captions.

    A photo's id is the number that its Flickr name begins with, otherwise its name.

    Args:
        root: The folder with the photos (`Flicker8k_Dataset/`, `Images/`, or zip archives) and the
            texts, which may be in its `Flickr8k_text/`.
        split: train, val (also called dev) or test. Without any split list the photos are split
            80, 10 and 10 % by a hash of their names.

    Example:
        >>> examples = read_flickr8k(Path("data/samples/flickr8k"), "dev")
        >>> examples[0].image_id, examples[0].captions[0]
        (1004, 'A yellow star shines on a blue ground .')
    """
    split = canonical_split(split)
    require_folder(root, _CONTENT)
    texts = [folder for folder in (root, root / "Flickr8k_text") if folder.is_dir()]
    captions, source = _captions(texts, root)
    names, listed_in = _names(texts, split, captions, source)
    if without := [name for name in names if not captions.get(name)]:
        raise ValueError(
            f"{listed_in} lists {len(without):,} images without captions in {source.name}: "
            f"{some(without)}. Add captions, or remove them from the list."
        )
    pictures = Pictures(picture_sources(root, _FOLDERS, images)).locate(
        names, listed_in, skip_missing=skip_missing
    )
    return [
        CaptionExample(picture, tuple(captions[name]), photo_id(name))
        for name, picture in pictures.items()
    ]


def photo_id(name: str) -> int | str:
    """Return the number of a photo on Flickr, before the underscore; or its name without one.

    Example:
        >>> photo_id("1000268201_693b08cb0e.jpg"), photo_id("dog.jpg")
        (1000268201, 'dog.jpg')
    """
    match = re.fullmatch(r"(\d+)_[0-9a-f]+\.\w+", name)
    return int(match[1]) if match else name


def _captions(texts: list[Path], root: Path) -> tuple[dict[str, list[str]], Path]:
    for name, read in (
        ("Flickr8k.token.txt", read_token_file),
        ("captions.txt", read_captions_file),
    ):
        for folder in texts:
            if (folder / name).is_file():
                return read(folder / name, root), folder / name
    raise FileNotFoundError(f"No Flickr8k.token.txt or captions.txt in {root}. {_CONTENT}")


def read_token_file(path: Path, root: Path) -> dict[str, list[str]]:
    """Read Flickr8k's token file: the captions of each photo, which is named from `root`."""
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        label, tab, caption = line.partition("\t")
        name, mark, _ = label.rpartition("#")
        if not (tab and mark):
            raise ValueError(
                f"{where} must read NAME#NUMBER, a tab and a caption, got {line[:60]!r}."
            )
        name = clean_name(name, root, where)
        captions.setdefault(name, []).append(clean_sentence(caption, where, "caption"))
    return captions


def read_captions_file(path: Path, root: Path) -> dict[str, list[str]]:
    """Read Flickr8k's captions.txt: the captions of each photo, which is named from `root`."""
    captions: dict[str, list[str]] = {}
    for line, values in read_delimited(path, ",", ("image", "caption")):
        where = f"{path}:{line}"
        caption = clean_sentence(values["caption"], where, "caption")
        captions.setdefault(clean_name(values["image"], root, where), []).append(caption)
    return captions


def _names(
    texts: list[Path], split: str, captions: dict[str, list[str]], source: Path
) -> tuple[list[str], Path]:
    """Return the photos of a split and the file that names them."""
    lists = {
        name: folder / file
        for name, file in _LISTS.items()
        for folder in texts
        if (folder / file).is_file()
    }
    if not lists:
        return _names_by_hash(captions, split, source), source
    if split not in lists:
        there = ", ".join(sorted(path.name for path in lists.values()))
        raise FileNotFoundError(
            f"No {_LISTS[split]} in {source.parent}, so there is no {split} split; there is "
            f"{there}. Use one of these splits or add the list."
        )
    listed = {name: _listed(path) for name, path in lists.items()}
    if not listed[split]:
        raise ValueError(f"{lists[split]} lists no images; write their names, one a line.")
    for other in lists:
        shared = sorted(set(listed[split]) & set(listed[other])) if other != split else []
        if shared:
            raise ValueError(
                f"{lists[split]} and {lists[other].name} both list {len(shared)} images: "
                f"{some(shared)}. Keep each in one list."
            )
    return listed[split], lists[split]


def _names_by_hash(captions: dict[str, list[str]], split: str, source: Path) -> list[str]:
    _LOGGER.info("%s has no split lists beside it: splitting by a hash of the names.", source)
    names = [name for name in captions if split_by_hash(name) == split]
    if not names:
        raise ValueError(
            f"{source} has no split lists beside it, and a split by hash puts none of its "
            f"{len(captions)} images into {split}; add {_LISTS[split]}."
        )
    return names


def _listed(path: Path) -> list[str]:
    names = (
        clean_name(line, path.parent, f"{path}:{number}")
        for number, line in enumerate(read_lines(path), 1)
        if line.strip()
    )
    return list(dict.fromkeys(names))
