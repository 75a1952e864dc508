"""Read text files of a folder or of a zip archive, which is not unpacked.

Corpora consist of thousands of small files. A source is a folder or an archive; the names of its
files have forward slashes either way.
"""

from pathlib import Path

from multimodal.data.archives import member_names, read_member
from multimodal.data.readers.text_files import decode_text

MAX_BYTES = 1 << 30


def file_names(source: Path) -> list[str]:
    """List the names of a source's files, relative to it and sorted."""
    if source.is_dir():
        files = (path for path in source.rglob("*") if path.is_file())
        return sorted(path.relative_to(source).as_posix() for path in files)
    return sorted(member_names(source))


def read_file(source: Path, name: str) -> str:
    """Read a text file of a source; errors give its name and the line."""
    if source.is_dir():
        try:
            data = (source / name).read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(f"No file {source / name}. Check the path.") from None
    else:
        data = read_member(source, name, max_bytes=MAX_BYTES, noun="text file")
    return decode_text(data, f"{source}/{name}")
