"""What a data set hands on: plain, frozen records that name their pictures and do not hold them.

A reader returns a list of examples. An example costs a few hundred bytes, travels to a worker
process as it is, and says where its picture lies: a file, a member of a zip archive that is never
unpacked, a scene of the built-in world that is drawn when it is asked for, or a set that lies in
memory. Opening a picture is the work of `multimodal.data.images.load_image`.
"""

from dataclasses import dataclass
from pathlib import Path

from multimodal.worlds.scenes import Scene


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
class PixelImage:
    """A picture of a set that is held in memory as a whole, such as MNIST.

    Args:
        source: What the set is called.
        index: Which of its pictures.

    Example:
        >>> str(PixelImage("train-images-idx3-ubyte.gz", 17))
        'train-images-idx3-ubyte.gz[17]'
    """

    source: str
    index: int

    def __str__(self) -> str:
        return f"{self.source}[{self.index}]"


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


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a picture, with what people answered.

    Args:
        text: The question as it was written.
        answers: The answers as they were written: one, or as many as there were annotators (ten in
            VQA); none where they are not published.
        question_id: The data set's own number or name of the question.
        question_type: What reports group by: the first words in VQA, the family in CLEVR.
        answer_type: ``yes/no``, ``number`` or ``other``; empty where the data set does not say.

    Example:
        >>> Question("Is there a dog?", ("yes",), 7, "is there", "yes/no").answers
        ('yes',)
    """

    text: str
    answers: tuple[str, ...]
    question_id: int | str
    question_type: str = ""
    answer_type: str = ""


@dataclass(frozen=True, slots=True)
class QuestionExample:
    """One picture with every question asked about it: the picture is encoded once for all of them.

    Args:
        image: Where the picture lies, or the scene it is drawn from.
        questions: At least one, in the order of the file.
        image_id: The data set's own name for the picture, as for `CaptionExample`.

    Example:
        >>> asked = Question("Is there a dog?", ("yes",), 7)
        >>> len(QuestionExample(ImageFile(Path("dog.jpg")), (asked,), "dog.jpg").questions)
        1
    """

    image: ImageFile | Scene
    questions: tuple[Question, ...]
    image_id: int | str


@dataclass(frozen=True, slots=True)
class TextExample:
    """One text with what is to be told from it.

    Args:
        text: A sentence or a whole review, as it was written.
        label: The name of its class, a number such as its stars, or None where it is not published.
        text_id: The data set's own name for it: an id, a file's name, or a file and line.

    Example:
        >>> TextExample("Slow at first, but it picks up pace.", "positive", "reviews.csv:2").label
        'positive'
    """

    text: str
    label: str | float | None
    text_id: str


@dataclass(frozen=True, slots=True)
class ImageExample:
    """One picture with what is to be told of it.

    Args:
        image: Where the picture lies, the scene it is drawn from, or its place in a set in memory.
        label: The name of its class; the names of several, maybe none; a number such as a count; or
            None where it is not published.
        image_id: The data set's own name for the picture: its place below the class folders, the
            name in a table, or a number.

    Example:
        >>> ImageExample(ImageFile(Path("train/dog/7.jpg")), "dog", "dog/7.jpg").label
        'dog'
    """

    image: ImageFile | Scene | PixelImage
    label: str | tuple[str, ...] | float | None
    image_id: int | str
