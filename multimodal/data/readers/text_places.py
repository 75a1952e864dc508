"""Text files in a folder or in a zip archive, which is read as it is.

Corpora of texts come as thousands of small files. Here a place is a folder or an archive; a file in
it has a name with forward slashes either way.
"""

from pathlib import Path

from multimodal.data.archives import member_names, read_member
from multimodal.data.readers.text_files import decode_text

MAX_CHARACTERS = 100_000
MAX_BYTES = 1 << 30


def file_names(place: Path) -> list[str]:
    """List the files of a place.

    Args:
        place: A folder or a zip archive.

    Returns:
        Names relative to it, sorted.

    Raises:
        FileNotFoundError: The archive is not there.
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

    Args:
        place: A folder or a zip archive.
        name: The file's name in it.

    Returns:
        Its text.

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


def clean_text(text: str, where: str) -> str:
    """Return a text without spaces around it; it may have many lines.

    Args:
        text: The text as the file has it, in any language.
        where: File and line or key, for messages.

    Returns:
        The text; letters, signs and line ends are left as they are.

    Raises:
        ValueError: The text is empty, longer than 100,000 characters, or not text.

    Example:
        >>> clean_text(" ", "reviews.csv:2")
        Traceback (most recent call last):
        ValueError: reviews.csv:2: the text is empty; write one or remove it.
    """
    text = text.strip()
    if not text:
        raise ValueError(f"{where}: the text is empty; write one or remove it.")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(
            f"{where}: the text has {len(text):,} characters, the limit is {MAX_CHARACTERS:,}; "
            "shorten it, part it or remove it."
        )
    # JSON's \u escapes can spell half a surrogate pair, which no file can be written with later.
    wrong = next((c for c in text if c == "\0" or "\ud800" <= c <= "\udfff"), None)
    if wrong is not None:
        raise ValueError(
            f"{where}: the text holds U+{ord(wrong):04X}, which is no character; remove it."
        )
    return text
