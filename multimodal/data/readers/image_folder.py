"""Read pictures from a folder for each class, or from zip archives of such folders.

The layout is that of torchvision's ImageFolder: `train/dog/7.jpg`, `val/cat/8.jpg`; or without
folders for the splits `dog/7.jpg`, and then a hash of each picture's name below the split's folder
decides (80 % train, 10 % val, 10 % test). Outer folders that contain all pictures are ignored.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from multimodal.data.archives import folder_names, member_names
from multimodal.data.examples import ImageExample, ImageFile
from multimodal.data.readers.file_search import archives_in, some
from multimodal.data.readers.splits import SPLITS, canonical_split, split_by_hash, split_names

_KINDS = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
)
_CONTENT = (
    "Put a folder of pictures for each class there (train/dog/1.jpg, val/dog/2.jpg, ... or just "
    "dog/1.jpg), or a zip archive of them."
)
_SPLIT_OF = {name: split for split in SPLITS for name in split_names(split)}


@dataclass(frozen=True, slots=True)
class _Picture:
    split: str  # the split that its folder names; empty for none
    label: str
    name: str  # below the split's folder
    image: ImageFile


def read_image_folder(root: Path, split: str) -> list[ImageExample]:
    """Read one split of pictures by class and name; an id is the name below the split's folder.

    Args:
        root: The folder with `train`, `val` and `test`, or with the classes; or with zip
            archives of such, or the archive.
        split: train, val (also called dev) or test. One that has no folder while others have is
            empty.

    Example:
        >>> examples = read_image_folder(Path("data/samples/folder"), "train")
        >>> examples[0].label, examples[0].image_id, len(examples)
        ('circle', 'circle/blue.png', 4)
    """
    split = canonical_split(split)
    pictures = [picture for path in _roots(root) for picture in _pictures(path)]
    if not pictures:
        raise FileNotFoundError(f"No picture in a class folder in {root}. {_CONTENT}")
    named = any(picture.split for picture in pictures)
    stray = [str(picture.image) for picture in pictures if named and not picture.split]
    if stray:
        raise ValueError(
            f"{root} has folders for splits, and {len(stray):,} pictures beside them: "
            f"{some(stray)}. Move them into train, val or test."
        )
    return [
        ImageExample(picture.image, picture.label, picture.name)
        for picture in sorted(pictures, key=lambda picture: picture.name)
        if split == (picture.split or split_by_hash(picture.name))
    ]


def _roots(root: Path) -> list[Path]:
    """Return the folder, or its archives if it has no folders: an unpacked archive comes first."""
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise FileNotFoundError(f"No folder {root}. {_CONTENT}")
    folders = (path for path in root.iterdir() if path.is_dir() and path.name[0] != ".")
    return [root] if any(folders) else archives_in(root)


def _pictures(root: Path) -> Iterator[_Picture]:
    names, folders = _walk(root) if root.is_dir() else (member_names(root), folder_names(root))
    pictures = [name for name in names if _is_picture(name)]
    skipped = _shared(pictures)
    if pictures:
        _check_folders(root, folders, pictures, skipped)
    for name in pictures:
        split, inner = _without_split(PurePosixPath(name).parts[skipped:-1])
        if not inner:
            raise ValueError(
                f"{root}/{name} lies in no class folder. Move it into one, or remove it."
            )
        below = "/".join([*inner, PurePosixPath(name).name])
        image = ImageFile(root, name) if root.is_file() else ImageFile(root / name)
        yield _Picture(split, inner[0], below, image)


def _walk(root: Path) -> tuple[list[str], list[str]]:
    """List the files and the folders below a folder, hidden ones passed over."""
    files: list[str] = []
    folders: list[str] = []
    for path, inner, names in os.walk(root, followlinks=True):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        below = PurePosixPath(Path(path).relative_to(root).as_posix())
        folders += [str(below / name) for name in inner]
        files += [str(below / name) for name in sorted(names)]
    return files, folders


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in _KINDS and not path.name.startswith(".")


def _shared(names: list[str]) -> int:
    """Count the outer folders that contain all pictures, before those of splits or classes."""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    shared = 0
    while (
        len({parts[shared : shared + 1] for parts in folders}) == 1
        and all(len(parts) > shared + 1 for parts in folders)
        and folders[0][shared].lower() not in _SPLIT_OF
    ):
        shared += 1
    return shared


def _without_split(folders: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    # Pictures directly in a folder `train` are pictures of trains.
    split = _SPLIT_OF.get(folders[0].lower(), "") if len(folders) > 1 else ""
    return split, folders[1:] if split else folders


def _check_folders(root: Path, folders: list[str], pictures: list[str], skipped: int) -> None:
    """Refuse a class folder without a picture: its class would silently be missing."""
    filled = {parent for name in pictures for parent in PurePosixPath(name).parents}
    for folder in sorted(map(PurePosixPath, folders), key=lambda path: (-len(path.parts), path)):
        inner = folder.parts[skipped:]
        below_split = len(inner) == 2 and inner[0].lower() in _SPLIT_OF
        if (len(inner) == 1 or below_split) and folder not in filled:
            raise ValueError(
                f"The class folder {root / folder} has no picture (JPEG, PNG, WebP, GIF, BMP, "
                "TIFF, PPM). Put some there, or remove it."
            )
