"""Find a data set's pictures: in folders, or in zip archives that stay packed.

A data set names its pictures; this finds each name in a list of places and says before training
starts which are not there. A name can never lead out of the data set's folder. Folders are listed
once, not asked for every picture, which matters on network disks.
"""

import logging
import os
import posixpath
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from multimodal.data.archives import member_names
from multimodal.data.examples import ImageFile

_LOGGER = logging.getLogger(__name__)


def require_folder(root: Path, content: str) -> None:
    """Check that a data set's folder is there.

    Args:
        root: The folder.
        content: What belongs into it, for the message.

    Raises:
        FileNotFoundError: It is not there or not a folder.

    Example:
        >>> require_folder(Path("nowhere"), "Put captions.csv there.")
        Traceback (most recent call last):
        FileNotFoundError: No folder nowhere. Put captions.csv there.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"No folder {root}. {content}")


def clean_name(name: str, root: Path, where: str) -> str:
    r"""Return a picture's name relative to the data set's folder.

    Args:
        name: The name as the data set writes it; backslashes separate folders too.
        root: The folder that it must not leave.
        where: File and line or key, for messages.

    Returns:
        The name with single forward slashes, without ``.`` and ``..``.

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


# Names without folders, backslashes, drive letters or outer spaces need no further look.
_PLAIN = re.compile(r"(?!\.)[\w\-.()+@=,#]+")


def _without_root(path: str, root: Path) -> str:
    for folder in (root.absolute(), root.resolve()):
        path = path.removeprefix(folder.as_posix().rstrip("/") + "/")
    return path


class Pictures:
    """The places of a data set's pictures, searched in order.

    Args:
        places: Folders and zip archives; those that are not there are passed over.

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
        """Find one picture.

        Args:
            name: Its name as `clean_name` returns it. In an archive, folders before it are passed
                over: ``photos/dog.jpg`` answers to ``dog.jpg``.

        Returns:
            The picture, or None where no place has it.

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
        """Find all pictures of a data set.

        Args:
            names: Names as `clean_name` returns them.
            listed_in: The file that names them, for the message.
            skip_missing: Whether those that are not there are left out, with one line in the log,
                as long as any is there.

        Returns:
            Where each lies, by name, in the order given.

        Raises:
            FileNotFoundError: Some are not there; the message says how many and names three.
        """
        pictures = {name: self.find(name) for name in names}
        found = {name: picture for name, picture in pictures.items() if picture is not None}
        if missing := [name for name in pictures if name not in found]:
            counted = f"{listed_in} names {len(missing):,} images (of {len(pictures):,}) that"
            if found and skip_missing:
                said = "%s are not there and were left out: %s."
                _LOGGER.warning(said, counted, some(missing), extra={"missing": missing})
                return found
            places = ", ".join(map(str, self.places)) or "vain: there is no folder or zip of images"
            raise FileNotFoundError(
                f"{counted} are not there: {some(missing)}. Looked in {places}."
            )
        return found

    def locate_numbered(
        self,
        numbers: Iterable[int | str],
        patterns: Sequence[str],
        listed_in: Path,
        *,
        skip_missing: bool = False,
    ) -> dict[int | str, ImageFile]:
        """Find pictures that a data set calls by number and not by file name.

        Args:
            numbers: The pictures' ids.
            patterns: Names with the id in braces, such as ``COCO_val2014_{id:012d}.jpg``. The one
                under which most of the first hundred lie is taken, of equal ones the first.
            listed_in: The file that names them, for the message.
            skip_missing: As for `locate`.

        Returns:
            Where each lies, by id, in the order given.

        Raises:
            FileNotFoundError: Some are not there.
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
    """The number behind each name."""
    try:
        names = {pattern.format(id=number): number for number in numbers}
    except ValueError:  # a text where the pattern wants a number
        names = {str(number): number for number in numbers}
    root = listed_in.parent
    return {clean_name(name, root, str(listed_in)): number for name, number in names.items()}


def archives_in(root: Path) -> list[Path]:
    """List a folder's zip archives by name.

    Args:
        root: The folder.

    Returns:
        Their paths, sorted.

    Example:
        >>> archives_in(Path("nowhere"))
        []
    """
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.suffix.lower() == ".zip")


def places_of(root: Path, folders: Sequence[str], images: str = "") -> list[Path]:
    """List where to look for pictures.

    Args:
        root: The data set's folder.
        folders: Usual names of its picture folders.
        images: The one folder or archive that the user named; the only place if not empty.

    Returns:
        The named place, or the usual folders, the root itself and the archives beside them.

    Raises:
        FileNotFoundError: The named place is not there.

    Example:
        >>> [place.as_posix() for place in places_of(Path("data"), ["images"])]
        ['data/images', 'data/images.zip', 'data']
    """
    if not images:
        # The archive called like the split's folder comes first: other splits may reuse its names.
        usual = [root / name for folder in folders for name in (folder, f"{folder}.zip")]
        return [*usual, root, *archives_in(root)]
    named = root / images
    if not named.exists():
        raise FileNotFoundError(f"No folder or archive {named}; `images` names where images lie.")
    return [named]


def some(names: Sequence[str]) -> str:
    """Write out up to three names.

    Args:
        names: What is written.

    Returns:
        The first three, with dots if there are more.

    Example:
        >>> some(["a", "b", "c", "d"])
        'a, b, c ...'
    """
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
