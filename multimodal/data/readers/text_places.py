"""Read text files of a folder or of a zip archive, which is not unpacked.

Corpora of texts come as thousands of small files. A place is a folder or an archive; a file in it
has a name with forward slashes either way.
"""

from pathlib import Path

from multimodal.data.archives import member_names, read_member
from multimodal.data.readers.text_files import decode_text

MAX_BYTES = 1 << 30


def file_names(place: Path) -> list[str]:
    """List the names of a place's files, relative to it and sorted.

    Raises:
        FileNotFoundError: The archive is missing.
        ValueError: It is no zip archive.

    Example:
        >>> [name for name in file_names(Path("data/samples/imdb")) if "train/neg" in name]
        ['train/neg/0_2.txt', 'train/neg/1_3.txt']
    """
    if place.is_dir():
        files = (path for path in place.rglob("*") if path.is_file())
        return sorted(path.relative_to(place).as_posix() for path in files)
    return sorted(member_names(place))


def read_place(place: Path, name: str) -> str:
    """Read a text file of a place.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no UTF-8 text, or damaged; the message names file and line.

    Example:
        >>> read_place(Path("data/samples/imdb"), "train/neg/0_2.txt")[:22]
        'Two hours that felt li'
    """
    if place.is_dir():
        try:
            data = (place / name).read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(f"No file {place / name}. Check the path.") from None
    else:
        data = read_member(place, name, max_bytes=MAX_BYTES, noun="text file")
    return decode_text(data, f"{place}/{name}")
