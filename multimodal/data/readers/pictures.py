"""Find a data set's pictures: in folders, or in zip archives that are not unpacked.

A data set names its pictures; each name is searched in a list of sources, and missing ones are
reported before training starts. A name can never lead out of the data set's folder. Each folder is
listed once instead of checking every picture, which matters on network disks.
"""

import logging
import os
import posixpath
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from multimodal.data.archives import member_names
from multimodal.data.examples import ImageFile
from multimodal.data.readers.file_search import archives_in, some

_LOGGER = logging.getLogger(__name__)


def clean_name(name: str, root: Path, where: str) -> str:
    r"""Return a picture's name relative to the folder `root`, with single forward slashes.

    An empty name, and one that leads out of the folder, is an error at `where` (file and line or
    key).

    Example:
        >>> clean_name(r".\photos\dog.jpg", Path("data"), "captions.csv:2")
        'photos/dog.jpg'
        >>> clean_name("../../etc/dog.jpg", Path("data"), "captions.csv:3")
        Traceback (most recent call last):
        ValueError: captions.csv:3: the image '../../etc/dog.jpg' lies outside data; move it inside.
    """
    if _PLAIN.fullmatch(name):
        return name
    plain = name.strip().replace("\\", "/")
    if not plain or "\0" in plain:
        raise ValueError(f"{where}: the image has no name; write one or remove the line.")
    plain = _without_root(posixpath.normpath(plain), root)
    if plain in (".", "..") or re.match(r"/|\.\./|[A-Za-z]:", plain):
        raise ValueError(f"{where}: the image {name!r} lies outside {root}; move it inside.")
    return plain


# Names without folders, backslashes, drive letters or outer spaces need no further check.
_PLAIN = re.compile(r"(?!\.)[\w\-.()+@=,#]+")


def _without_root(path: str, root: Path) -> str:
    for folder in (root.absolute(), root.resolve()):
        path = path.removeprefix(folder.as_posix().rstrip("/") + "/")
    return path


class Pictures:
    """The pictures of a data set in folders and zip archives, which are searched in order."""

    def __init__(self, sources: Sequence[Path]) -> None:
        self.sources = [source for source in sources if source.exists()]
        self._archives = {source for source in self.sources if source.is_file()}
        self._folders: dict[str, frozenset[str]] = {}
        self._members: dict[Path, dict[str, list[str]]] = {}

    def find(self, name: str) -> ImageFile | None:
        """Find one picture by its name from `clean_name`; None if no source has it.

        In an archive the folders before the name may be left out: ``dog.jpg`` matches
        ``photos/dog.jpg``, unless two pictures match, which is an error.
        """
        for source in self.sources:
            if source not in self._archives:
                folder, _, file = name.rpartition("/")
                if file in self._listing(posixpath.join(source.as_posix(), folder)):
                    return ImageFile(source / name)
            elif member := self._member(source, name):
                return ImageFile(source, member)
        return None

    def locate(
        self, names: Iterable[str], listed_in: Path, *, skip_missing: bool = False
    ) -> dict[str, ImageFile]:
        """Find all pictures that the file `listed_in` names, in the order given.

        Missing pictures are an error, or with `skip_missing` a warning as long as any picture
        exists; the message counts them and names three.
        """
        pictures = {name: self.find(name) for name in names}
        located = {name: picture for name, picture in pictures.items() if picture is not None}
        missing = [name for name in pictures if name not in located]
        if not missing:
            return located
        counted = f"{listed_in} names {len(missing):,} images (of {len(pictures):,}) that"
        if located and skip_missing:
            message = "%s are not there and were left out: %s."
            _LOGGER.warning(message, counted, some(missing), extra={"missing": missing})
            return located
        sources = ", ".join(map(str, self.sources)) or "vain: there is no folder or zip of images"
        raise FileNotFoundError(f"{counted} are not there: {some(missing)}. Looked in {sources}.")

    def locate_numbered(
        self,
        numbers: Iterable[int | str],
        patterns: Sequence[str],
        listed_in: Path,
        *,
        skip_missing: bool = False,
    ) -> dict[int | str, ImageFile]:
        """Find pictures that a data set identifies by number and not by file name.

        Patterns are names with the id in braces, such as ``COCO_val2014_{id:012d}.jpg``. The
        pattern that matches most of the first hundred pictures is used, the first one if several
        match equally many.
        """
        ids = list(dict.fromkeys(numbers))
        pattern = max(
            patterns,
            key=lambda pattern: sum(
                self.find(name) is not None for name in _named(ids[:100], pattern, listed_in)
            ),
        )
        names = _named(ids, pattern, listed_in)
        pictures = self.locate(names, listed_in, skip_missing=skip_missing)
        return {names[name]: picture for name, picture in pictures.items()}

    def _listing(self, folder: str) -> frozenset[str]:
        if folder not in self._folders:
            try:
                with os.scandir(folder) as entries:
                    names = frozenset(entry.name for entry in entries)
            except (FileNotFoundError, NotADirectoryError):
                names = frozenset()
            self._folders[folder] = names
        return self._folders[folder]

    def _member(self, archive: Path, name: str) -> str | None:
        if archive not in self._members:
            by_file_name: dict[str, list[str]] = {}
            for member in member_names(archive):
                by_file_name.setdefault(member.rpartition("/")[2], []).append(member)
            self._members[archive] = by_file_name
        candidates = self._members[archive].get(name.rpartition("/")[2], [])
        if name in candidates:
            return name
        ends = [member for member in candidates if member.endswith(f"/{name}")]
        if len(ends) > 1:
            raise ValueError(
                f"{archive} has {len(ends)} images called {name!r} ({some(ends)}); "
                "name the image with its folder."
            )
        return ends[0] if ends else None


def _named(numbers: Iterable[int | str], pattern: str, listed_in: Path) -> dict[str, int | str]:
    """Map the name of each picture to its number."""
    try:
        names = {pattern.format(id=number): number for number in numbers}
    except ValueError:  # a text where the pattern needs a number
        names = {str(number): number for number in numbers}
    root = listed_in.parent
    return {clean_name(name, root, str(listed_in)): number for name, number in names.items()}


def picture_sources(root: Path, folders: Sequence[str], images: str = "") -> list[Path]:
    """List where to search for pictures: `folders`, archives and the root; or only `images`.

    Example:
        >>> [source.as_posix() for source in picture_sources(Path("data"), ["images"])]
        ['data/images', 'data/images.zip', 'data']
    """
    if not images:
        # The archive named like the split's folder comes first: other splits may reuse its names.
        usual = [root / name for folder in folders for name in (folder, f"{folder}.zip")]
        return [*usual, root, *archives_in(root)]
    named = root / images
    if not named.exists():
        raise FileNotFoundError(f"No folder or archive {named}; `images` names where images lie.")
    return [named]
