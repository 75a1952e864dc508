"""The built-in scenes as data sets: described, asked about, or labelled.

Nothing is read from disk. A scene is a function of (seed, number, split), so that every machine has
the same ones; a picture is drawn when a batch needs it.
"""

from pathlib import Path

from multimodal.data.examples import CaptionExample, ImageExample, Question, QuestionExample
from multimodal.data.readers.scene_labels import SceneLabel, read_scenes
from multimodal.data.readers.table import ImageTarget
from multimodal.worlds.scenes import Scene, ask, describe, sample_scene


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
        root: Not used.
        split: train, val or test.
        train: Number of training scenes.
        val: Number of validation scenes.
        test: Number of test scenes.
        compositional: Whether training leaves out some pairs of colour and shape, which the test
            scenes show.
        seed: Another seed draws other scenes.

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
        root: Not used.
        split: train, val or test.
        train: Number of training scenes.
        val: Number of validation scenes.
        test: Number of test scenes.
        questions: Questions about each scene.
        compositional: As in `read_scene_captions`.
        seed: Another seed draws other scenes and questions.

    Example:
        >>> (example,) = read_scene_questions(Path(), "train", train=1, questions=2)
        >>> len(example.questions)
        2
    """
    number = {"train": train, "val": val, "test": test}[split]
    examples = []
    for index, scene in enumerate(_sample(split, number, seed, compositional=compositional)):
        asked = tuple(
            Question(each.text, (each.answer,), questions * index + place, each.kind)
            for place, each in enumerate(ask(scene, questions))
        )
        examples.append(QuestionExample(scene, asked, index))
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

    Args:
        root: Not used.
        split: train, val or test.
        train: Number of training scenes.
        val: Number of validation scenes.
        test: Number of test scenes.
        label: The ``shape`` or ``colour`` of the largest object, the ``count`` of objects, which
            ``shapes`` or ``colours`` occur, or the brightness (``light``).
        compositional: As in `read_scene_captions`.
        target: Kind of label.
        seed: Another seed draws other scenes.

    Example:
        >>> [example.label for example in read_scene_labels(Path(), "train", train=3)]
        ['triangle', 'circle', 'triangle']
    """
    number = {"train": train, "val": val, "test": test}[split]
    world = _world(split, compositional=compositional)
    return read_scenes(world, number, label=label, target=target, seed=seed)


def _sample(split: str, number: int, seed: int, *, compositional: bool) -> list[Scene]:
    world = _world(split, compositional=compositional)
    return [sample_scene(seed, index, world) for index in range(number)]


def _world(split: str, *, compositional: bool) -> str:
    return f"comp_{split}" if compositional else split
