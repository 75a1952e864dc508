"""Examples of data sets: plain, frozen records that name their pictures and do not hold them.

A reader returns a list of examples. An example takes a few hundred bytes, can be sent to a worker
process, and names its picture: a file, a member of a zip archive, a scene of the built-in world, or
an image of a set in memory. `multimodal.data.images.load_image` opens pictures.
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
    """A picture of a set in memory, such as MNIST.

    Args:
        source: The set's name.
        index: The picture's index in it.

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
        image: The picture's file, or its scene.
        captions: The sentences as they were written, at least one, in the order of the file.
        image_id: The data set's own id of the picture: COCO's number, or the file name.

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
    """A question about a picture, with people's answers.

    Args:
        text: The question as it was written.
        answers: The answers as they were written: one, or as many as there were annotators (ten in
            VQA); none where they are not published.
        question_id: The data set's own number or name of the question.
        question_type: The group in reports: the first words in VQA, the family in CLEVR.
        answer_type: ``yes/no``, ``number`` or ``other``; empty where the data set has no types.

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
        image: The picture's file, or its scene.
        questions: At least one, in the order of the file.
        image_id: The data set's own id of the picture, as for `CaptionExample`.

    Example:
        >>> question = Question("Is there a dog?", ("yes",), 7)
        >>> len(QuestionExample(ImageFile(Path("dog.jpg")), (question,), "dog.jpg").questions)
        1
    """

    image: ImageFile | Scene
    questions: tuple[Question, ...]
    image_id: int | str


@dataclass(frozen=True, slots=True)
class TextExample:
    """One text with its target.

    Args:
        text: A sentence or a whole review, as it was written.
        label: The name of its class, a number such as its stars, or None where it is not published.
        text_id: The data set's own id of the text, a file's name, or a file and line.

    Example:
        >>> TextExample("Slow at first, but it picks up pace.", "positive", "reviews.csv:2").label
        'positive'
    """

    text: str
    label: str | float | None
    text_id: str


@dataclass(frozen=True, slots=True)
class ImageExample:
    """One picture with its target.

    Args:
        image: The picture's file, its scene, or its index in a set in memory.
        label: The name of its class; the names of any number of labels; a number such as a count;
            or None where it is not published.
        image_id: The data set's own id of the picture: its path below the class folders, the name
            in a table, or a number.

    Example:
        >>> ImageExample(ImageFile(Path("train/dog/7.jpg")), "dog", "dog/7.jpg").label
        'dog'
    """

    image: ImageFile | Scene | PixelImage
    label: str | tuple[str, ...] | float | None
    image_id: int | str
