"""Find a data set's pictures: in folders, or in zip archives that are not unpacked.

A data set names its pictures; each name is searched in a list of places, and missing ones are
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
    r"""Return a picture's name relative to the data set's folder, with single forward slashes.

    Args:
        name: The name as the data set writes it; backslashes separate folders too.
        root: The folder that it must not leave.
        where: File and line or key, for messages.

    Raises:
        ValueError: The name is empty or leads out of the folder.

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
    """The places of a data set's pictures, searched in order.

    Args:
        places: Folders and zip archives; missing ones are passed over.

    Example:
        >>> Pictures([Path("nowhere")]).find("dog.jpg") is None
        True
    """

    def __init__(self, places: Sequence[Path]) -> None:
        self.places = [place for place in places if place.exists()]
        self._archives = {place for place in self.places if place.is_file()}
        self._folders: dict[str, frozenset[str]] = {}
        self._members: dict[Path, dict[str, list[str]]] = {}

    def find(self, name: str) -> ImageFile | None:
        """Find one picture; None where no place has it.

        Args:
            name: Its name as `clean_name` returns it. In an archive, the folders before it may be
                left out: ``dog.jpg`` finds ``photos/dog.jpg``.

        Raises:
            ValueError: An archive has two pictures of that name.
        """
        for place in self.places:
            if place not in self._archives:
                folder, _, own = name.rpartition("/")
                if own in self._listing(posixpath.join(place.as_posix(), folder)):
                    return ImageFile(place / name)
            elif member := self._member(place, name):
                return ImageFile(place, member)
        return None

    def locate(
        self, names: Iterable[str], listed_in: Path, *, skip_missing: bool = False
    ) -> dict[str, ImageFile]:
        """Find all pictures of a data set, in the order given.

        Args:
            names: Names as `clean_name` returns them.
            listed_in: The file that names them, for the message.
            skip_missing: Whether to leave missing ones out, with a warning, as long as any is
                there.

        Raises:
            FileNotFoundError: Some are missing; the message says how many and names three.
        """
        pictures = {name: self.find(name) for name in names}
        found = {name: picture for name, picture in pictures.items() if picture is not None}
        missing = [name for name in pictures if name not in found]
        if not missing:
            return found
        counted = f"{listed_in} names {len(missing):,} images (of {len(pictures):,}) that"
        if found and skip_missing:
            message = "%s are not there and were left out: %s."
            _LOGGER.warning(message, counted, some(missing), extra={"missing": missing})
            return found
        places = ", ".join(map(str, self.places)) or "vain: there is no folder or zip of images"
        raise FileNotFoundError(f"{counted} are not there: {some(missing)}. Looked in {places}.")

    def locate_numbered(
        self,
        numbers: Iterable[int | str],
        patterns: Sequence[str],
        listed_in: Path,
        *,
        skip_missing: bool = False,
    ) -> dict[int | str, ImageFile]:
        """Find pictures that a data set names by number and not by file name.

        Args:
            numbers: The pictures' ids.
            patterns: Names with the id in braces, such as ``COCO_val2014_{id:012d}.jpg``. The
                pattern that finds most of the first hundred is used, the first of equal ones.
            listed_in: The file that names them, for the message.
            skip_missing: As for `locate`.

        Raises:
            FileNotFoundError: Some are missing.
            ValueError: A name leads out of the folder.
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
            by_own_name: dict[str, list[str]] = {}
            for member in member_names(archive):
                by_own_name.setdefault(member.rpartition("/")[2], []).append(member)
            self._members[archive] = by_own_name
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


def places_of(root: Path, folders: Sequence[str], images: str = "") -> list[Path]:
    """List where to search for pictures.

    Args:
        root: The data set's folder.
        folders: Usual names of its picture folders.
        images: The folder or archive that the user named; the only place if not empty.

    Raises:
        FileNotFoundError: The named place is missing.

    Example:
        >>> [place.as_posix() for place in places_of(Path("data"), ["images"])]
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
