"""The built-in scenes as data sets: described, asked about, or labelled.

Nothing is read from disk. A scene is a function of (seed, number, split), so that every machine has
the same ones; a picture is drawn when a batch needs it. `train`, `val` and `test` are numbers of
scenes in each split; another seed draws other scenes.
"""

from itertools import count
from pathlib import Path
from typing import Literal, get_args

from multimodal.data.examples import CaptionExample, ImageExample, Question, QuestionExample
from multimodal.data.readers.table import ImageTarget, Label
from multimodal.worlds.scenes import Scene, SceneObject, ask, describe, sample_scene

SceneLabel = Literal["shape", "colour", "count", "shapes", "colours", "light"]

_TARGETS: dict[str, tuple[ImageTarget, ...]] = {
    "shape": ("label",),
    "colour": ("label",),
    "count": ("label", "number"),
    "shapes": ("labels",),
    "colours": ("labels",),
    "light": ("number",),
}


def read_scene_captions(
    root: Path,  # noqa: ARG001 (every reader takes one)
    split: str,
    *,
    train: int = 16_000,
    val: int = 500,
    test: int = 1_000,
    compositional: bool = False,
    seed: int = 0,
) -> list[CaptionExample]:
    """Describe scenes in a few sentences each.

    Args:
        compositional: Whether training leaves out some pairs of colour and shape that the test
            scenes show.

    Example:
        >>> [example.captions[0] for example in read_scene_captions(Path(), "train", train=1)]
        ['a small green circle is left of a large green triangle']
    """
    number = {"train": train, "val": val, "test": test}[split]
    return [
        CaptionExample(image=scene, captions=describe(scene), image_id=index)
        for index, scene in enumerate(_sample(split, number, seed, compositional=compositional))
    ]


def read_scene_questions(
    root: Path,  # noqa: ARG001 (every reader takes one)
    split: str,
    *,
    train: int = 16_000,
    val: int = 500,
    test: int = 1_000,
    questions: int = 10,
    compositional: bool = False,
    seed: int = 0,
) -> list[QuestionExample]:
    """Ask questions about scenes.

    Args:
        questions: Questions about each scene.

    Example:
        >>> (example,) = read_scene_questions(Path(), "train", train=1, questions=2)
        >>> len(example.questions)
        2
    """
    number = {"train": train, "val": val, "test": test}[split]
    examples = []
    for index, scene in enumerate(_sample(split, number, seed, compositional=compositional)):
        of_scene = tuple(
            Question(each.text, (each.answer,), questions * index + number, each.kind)
            for number, each in enumerate(ask(scene, questions))
        )
        examples.append(QuestionExample(scene, of_scene, index))
    return examples


def read_scene_labels(
    root: Path,  # noqa: ARG001 (every reader takes one)
    split: str,
    *,
    train: int = 16_000,
    val: int = 500,
    test: int = 1_000,
    label: SceneLabel = "shape",
    compositional: bool = False,
    target: ImageTarget = "label",
    seed: int = 0,
) -> list[ImageExample]:
    """Label scenes with a class, several classes or a number.

    Scenes whose label is ambiguous are left out: the shape or colour of the largest object needs
    one large object and otherwise small ones, or a single object.

    Args:
        label: The ``shape`` or ``colour`` of the largest object, the ``count`` of objects, which
            ``shapes`` or ``colours`` occur, or the brightness (``light``).
        target: ``label`` for shape, colour and count; ``labels`` for shapes and colours; ``number``
            for count and light.

    Example:
        >>> [example.label for example in read_scene_labels(Path(), "train", train=3)]
        ['triangle', 'circle', 'triangle']
    """
    if label not in _TARGETS:
        names = ", ".join(get_args(SceneLabel))
        raise ValueError(f"`label` must be one of {names}, got {label!r}.")
    if target not in _TARGETS[label]:
        targets = " or ".join(_TARGETS[label])
        raise ValueError(
            f"The target of `label` {label} must be {targets}; set `target`, got {target!r}."
        )
    number = {"train": train, "val": val, "test": test}[split]
    world = _world(split, compositional=compositional)
    examples: list[ImageExample] = []
    for index in count():
        if len(examples) == number:
            break
        scene = sample_scene(seed, index, world)
        value = _label(scene, label, target)
        if value is not None:
            examples.append(ImageExample(scene, value, index))
    return examples


def _sample(split: str, number: int, seed: int, *, compositional: bool) -> list[Scene]:
    world = _world(split, compositional=compositional)
    return [sample_scene(seed, index, world) for index in range(number)]


def _world(split: str, *, compositional: bool) -> str:
    return f"comp_{split}" if compositional else split


def _label(scene: Scene, label: str, target: ImageTarget) -> Label:
    match label:
        case "count":
            number = len(scene.objects)
            return float(number) if target == "number" else str(number)
        case "shapes":
            return tuple(sorted({each.shape for each in scene.objects}))
        case "colours":
            return tuple(sorted({each.colour for each in scene.objects}))
        case "light":
            return scene.lighting.brightness / 128
    largest = _largest(scene)
    if largest is None:
        return None
    return largest.shape if label == "shape" else largest.colour


def _largest(scene: Scene) -> SceneObject | None:
    large = scene.select(size="large") if len(scene.objects) > 1 else scene.objects
    return large[0] if len(large) == 1 else None
