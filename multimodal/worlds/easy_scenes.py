"""Images and questions like those of easy-VQA: one shape, one colour, simple questions.

easy-VQA shows one of three shapes in one of eight colours in 64 x 64 pixels, and asks for the shape
or the colour, or whether one is present or absent. Wordings, paints and drawing are our own; the
layout and the numbers are the published set's: 4,000 and 1,000 images, about 9.65 questions each,
of which 7.1 are yes/no, 107 wordings, 13 answers. So the question alone predicts about two answers
of three. An image and its questions are a function of (seed, split, number).

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
# The probability of each wording that fits an image.
_YES_NO_CHANCE = 7.1 / (8 * (len(SHAPES) + len(PAINTS)))
_COLOUR_CHANCE = 1.275 / (2 * len(_COLOURS))
_SHAPE_CHANCE = 1.275 / len(_SHAPES)

_JITTER = 12  # of 255, off the named colour
_GROUND = 225  # the darkest background
_SMALLEST, _LARGEST = 12, 44  # pixels of a shape's sides
_FINE = 4  # samples along each side of a pixel


@dataclass(frozen=True, slots=True)
class EasyScene:
    """One shape on a light background.

    Args:
        box: Left, top, right and bottom of the shape in pixels.
        paint: Its RGB, a little off the named colour.
    """

    shape: str
    colour: str
    box: tuple[int, int, int, int]
    paint: tuple[int, int, int]
    ground: tuple[int, int, int]


def sample_easy_scene(seed: int, split: str, number: int) -> EasyScene:
    """Sample a scene: every shape and colour equally often, of any size at any place.

    Example:
        >>> scene = sample_easy_scene(0, "train", 0)
        >>> scene.colour, scene.shape
        ('green', 'triangle')
    """
    draws = Random(f"{seed} {split} {number} scene")
    shape, colour = draws.choice(SHAPES), draws.choice(sorted(PAINTS))
    width, height = (draws.randint(_SMALLEST, _LARGEST) for _ in range(2))
    if shape == "circle":
        height = width
    left, top = draws.randint(1, SIDE - 1 - width), draws.randint(1, SIDE - 1 - height)
    red, green, blue = (
        min(max(level + draws.randint(-_JITTER, _JITTER), 0), 255) for level in PAINTS[colour]
    )
    ground = (draws.randint(_GROUND, 255), draws.randint(_GROUND, 255), draws.randint(_GROUND, 255))
    box = (left, top, left + width, top + height)
    return EasyScene(shape, colour, box, (red, green, blue), ground)


def draw_easy_scene(scene: EasyScene) -> Image.Image:
    """Render a scene as an RGB image of 64 x 64 pixels."""
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
    """Draw questions with their answers: 9.65 on average, each wording at most once.

    Example:
        >>> scene = sample_easy_scene(0, "train", 0)
        >>> ask_easy_scene(scene, 0, "train", 0)[1]
        ('what shape is there?', 'triangle')
    """
    draws = Random(f"{seed} {split} {number} questions")
    pairs = [
        (question, answer)
        for question, answer, chance in _fitting(scene)
        if draws.random() < chance
    ]
    draws.shuffle(pairs)
    return pairs


def write_easy_vqa(root: Path, *, train: int = 4_000, test: int = 1_000, seed: int = 0) -> str:
    """Write numbers of train and test images in the published layout; return a summary sentence.

    Raises:
        FileExistsError: If the folder is not empty.
        ValueError: If a number of images is below 1.
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
    """List every wording that fits a scene, its answer and its probability."""
    fitting = []
    things = [(shape, shape == scene.shape) for shape in SHAPES]
    things += [(f"{colour} shape", colour == scene.colour) for colour in PAINTS]
    for thing, present in things:
        answers = ("yes", "no") if present else ("no", "yes")
        for wordings, answer in zip((_PRESENT, _ABSENT), answers, strict=True):
            fitting += [(wording.format(thing), answer, _YES_NO_CHANCE) for wording in wordings]
    for name in (scene.shape, "shape"):
        fitting += [(words.format(name), scene.colour, _COLOUR_CHANCE) for words in _COLOURS]
    return fitting + [(words, scene.shape, _SHAPE_CHANCE) for words in _SHAPES]


def _write_split(folder: Path, split: str, count: int, seed: int) -> int:
    (folder / "images").mkdir(parents=True)
    records = []
    for number in range(count):
        scene = sample_easy_scene(seed, split, number)
        draw_easy_scene(scene).save(folder / "images" / f"{number}.png")
        pairs = ask_easy_scene(scene, seed, split, number)
        records += [[question, answer, number] for question, answer in pairs]
    (folder / "questions.json").write_text(json.dumps(records), encoding="utf-8")
    return len(records)
