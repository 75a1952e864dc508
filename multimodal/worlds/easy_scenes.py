"""Pictures and questions in the way of easy-VQA: one shape, one colour, simple questions.

easy-VQA has 64 x 64 pictures of one of three shapes in one of eight colours, and asks what shape or
what colour it is, or whether a shape or colour is there (or is not there), in many wordings. This
draws a set of that kind and writes it in the layout in which easy-VQA is published. The wordings,
the paints and the drawing are our own; the numbers (4,000 and 1,000 pictures, about 9.65 questions
each of which 7.1 are yes/no, 107 wordings, 13 answers) are those of the published set, and so the
question alone can tell about two answers of three. A picture and what is asked about it are a
function of (seed, split, number).

References:
    Zhou, "easy-VQA", 2019, https://github.com/vzhou842/easy-VQA.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from PIL import Image, ImageDraw

SHAPES: Final = ("circle", "rectangle", "triangle")
PAINTS: Final = {
    "black": (16, 16, 16),
    "blue": (20, 40, 220),
    "brown": (130, 75, 25),
    "gray": (128, 128, 128),
    "green": (20, 160, 40),
    "red": (220, 25, 25),
    "teal": (10, 130, 130),
    "yellow": (235, 215, 20),
}
ANSWERS: Final = (*SHAPES, *PAINTS, "no", "yes")
SIDE: Final = 64

_PRESENT = (
    "is there a {}?",
    "is a {} present?",
    "does the image contain a {}?",
    "does the image show a {}?",
)
_ABSENT = (
    "is there no {}?",
    "is no {} present?",
    "does the image not contain a {}?",
    "does the image not show a {}?",
)
_COLOURS = (
    "what color is the {}?",
    "what is the color of the {}?",
    "which color does the {} have?",
)
_SHAPES = (
    "what shape is there?",
    "which shape is present?",
    "what shape is in the image?",
    "what is the shape in the image?",
    "what shape does the image contain?",
    "which shape does the image show?",
    "what is the present shape?",
)
# How often each wording that fits is asked of a picture.
_YES_NO_SHARE = 7.1 / (8 * (len(SHAPES) + len(PAINTS)))
_COLOUR_SHARE = 1.275 / (2 * len(_COLOURS))
_SHAPE_SHARE = 1.275 / len(_SHAPES)

_JITTER = 12  # of 255, off the named colour
_GROUND = 225  # the darkest ground
_SMALLEST, _LARGEST = 12, 44  # pixels of a shape's sides
_FINE = 4  # samples along each side of a pixel


@dataclass(frozen=True, slots=True)
class EasyScene:
    """One shape on a light ground.

    Args:
        shape: circle, rectangle or triangle.
        colour: The name of its colour.
        box: Left, top, right and bottom of the shape in pixels.
        paint: Its red, green and blue, a little off the named colour.
        ground: The ground's.
    """

    shape: str
    colour: str
    box: tuple[int, int, int, int]
    paint: tuple[int, int, int]
    ground: tuple[int, int, int]


def sample_easy_scene(seed: int, split: str, number: int) -> EasyScene:
    """Draw lots for a picture.

    Args:
        seed: Another seed makes another set.
        split: train or test.
        number: The picture's number.

    Returns:
        The scene: every shape and colour equally often, of any size at any place.

    Example:
        >>> scene = sample_easy_scene(0, "train", 0)
        >>> scene.colour, scene.shape
        ('green', 'triangle')
    """
    lots = Random(f"{seed} {split} {number} scene")
    shape, colour = lots.choice(SHAPES), lots.choice(sorted(PAINTS))
    width, height = (lots.randint(_SMALLEST, _LARGEST) for _ in range(2))
    if shape == "circle":
        height = width
    left, top = lots.randint(1, SIDE - 1 - width), lots.randint(1, SIDE - 1 - height)
    red, green, blue = (
        min(max(level + lots.randint(-_JITTER, _JITTER), 0), 255) for level in PAINTS[colour]
    )
    ground = (lots.randint(_GROUND, 255), lots.randint(_GROUND, 255), lots.randint(_GROUND, 255))
    box = (left, top, left + width, top + height)
    return EasyScene(shape, colour, box, (red, green, blue), ground)


def draw_easy_scene(scene: EasyScene) -> Image.Image:
    """Paint a scene.

    Args:
        scene: The scene.

    Returns:
        An RGB picture of 64 x 64 pixels.

    Example:
        >>> draw_easy_scene(sample_easy_scene(0, "train", 0)).size
        (64, 64)
    """
    image = Image.new("RGB", (SIDE * _FINE, SIDE * _FINE), scene.ground)
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = (_FINE * edge for edge in scene.box)
    if scene.shape == "circle":
        draw.ellipse((left, top, right - 1, bottom - 1), fill=scene.paint)
    elif scene.shape == "rectangle":
        draw.rectangle((left, top, right - 1, bottom - 1), fill=scene.paint)
    else:
        tip = (left + right) // 2
        draw.polygon([(tip, top), (right - 1, bottom - 1), (left, bottom - 1)], fill=scene.paint)
    return image.reduce(_FINE)


def ask_easy_scene(scene: EasyScene, seed: int, split: str, number: int) -> list[tuple[str, str]]:
    """Ask about a scene.

    Args:
        scene: The scene.
        seed: As for `sample_easy_scene`.
        split: train or test.
        number: The picture's number.

    Returns:
        Questions with their answers: 9.65 on average, each wording at most once.

    Example:
        >>> scene = sample_easy_scene(0, "train", 0)
        >>> ask_easy_scene(scene, 0, "train", 0)[1]
        ('what shape is there?', 'triangle')
    """
    lots = Random(f"{seed} {split} {number} questions")
    asked = []
    for question, answer, share in _fitting(scene):
        if lots.random() < share:
            asked.append((question, answer))
    lots.shuffle(asked)
    return asked


def write_easy_vqa(root: Path, *, train: int = 4_000, test: int = 1_000, seed: int = 0) -> str:
    """Write a whole set in the published layout.

    Args:
        root: A new folder.
        train: Pictures to train on.
        test: Pictures to test on.
        seed: Another seed makes another set.

    Returns:
        What was written, in one sentence.

    Raises:
        FileExistsError: There is something in the folder.
        ValueError: A number of pictures is below 1.
    """
    if min(train, test) < 1:
        raise ValueError(f"`train` and `test` must be at least 1, got {train} and {test}.")
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty; name a new folder.")
    counts = [
        _write_split(root / "data" / split, split, n, seed)
        for split, n in (("train", train), ("test", test))
    ]
    (root / "data" / "answers.txt").write_text("\n".join(ANSWERS) + "\n", encoding="utf-8")
    return (
        f"{train:,} train images with {counts[0]:,} questions and {test:,} test images with "
        f"{counts[1]:,} in {root}"
    )


def _fitting(scene: EasyScene) -> list[tuple[str, str, float]]:
    """Every wording that can be asked of a scene, its answer, and how often it is asked."""
    fitting = []
    things = [(shape, shape == scene.shape) for shape in SHAPES]
    things += [(f"{colour} shape", colour == scene.colour) for colour in PAINTS]
    for thing, there in things:
        answers = ("yes", "no") if there else ("no", "yes")
        for wordings, answer in zip((_PRESENT, _ABSENT), answers, strict=True):
            fitting += [(wording.format(thing), answer, _YES_NO_SHARE) for wording in wordings]
    for name in (scene.shape, "shape"):
        fitting += [(words.format(name), scene.colour, _COLOUR_SHARE) for words in _COLOURS]
    return fitting + [(words, scene.shape, _SHAPE_SHARE) for words in _SHAPES]


def _write_split(folder: Path, split: str, count: int, seed: int) -> int:
    (folder / "images").mkdir(parents=True)
    records = []
    for number in range(count):
        scene = sample_easy_scene(seed, split, number)
        draw_easy_scene(scene).save(folder / "images" / f"{number}.png")
        asked = ask_easy_scene(scene, seed, split, number)
        records += [[question, answer, number] for question, answer in asked]
    (folder / "questions.json").write_text(json.dumps(records), encoding="utf-8")
    return len(records)
