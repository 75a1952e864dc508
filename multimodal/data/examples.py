"""What a data set hands on: plain, frozen records that name their pictures and do not hold them.

A reader returns a list of examples. An example costs a few hundred bytes, travels to a worker
process as it is, and says where its picture lies: a file, a member of a zip archive that is never
unpacked, or a scene of the built-in world that is drawn when it is asked for. Opening a picture is
the work of `multimodal.data.images.load_image`.
"""

from dataclasses import dataclass
from pathlib import Path

from multimodal.data.scenes import Scene


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A picture on disk: a file of its own, or a member of a zip archive.

    Args:
        path: The picture, or the zip archive that holds it.
        member: The picture's full name inside the archive; None for a file of its own.

    Example:
        >>> str(ImageFile(Path("photos.zip"), "photos/dog.jpg"))
        'photos.zip/photos/dog.jpg'
    """

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """The picture's own file name, without folders.

        Example:
            >>> ImageFile(Path("photos.zip"), "photos/dog.jpg").name
            'dog.jpg'
        """
        return self.path.name if self.member is None else self.member.rsplit("/", 1)[-1]

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}/{self.member}"


@dataclass(frozen=True, slots=True)
class CaptionExample:
    """One picture with every sentence that describes it.

    Args:
        image: Where the picture lies, or the scene it is drawn from.
        captions: The sentences as they were written, at least one, in the order of the file.
        image_id: The data set's own name for the picture: COCO's number, otherwise the file name
            that the data set uses.

    Example:
        >>> example = CaptionExample(ImageFile(Path("dog.jpg")), ("A dog runs .",), "dog.jpg")
        >>> example.image.name, len(example.captions)
        ('dog.jpg', 1)
    """

    image: ImageFile | Scene
    captions: tuple[str, ...]
    image_id: int | str
