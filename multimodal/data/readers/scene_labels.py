"""Label scenes of the built-in world for classification: one label, several, or a number.

Scenes whose label is ambiguous are left out: the shape or colour of the largest object needs one
large object among small ones, or only one object.
"""

from itertools import count
from typing import Literal, get_args

from multimodal.data.examples import ImageExample
from multimodal.data.readers.table import ImageTarget, Label
from multimodal.worlds.scenes import Scene, SceneObject, sample_scene

SceneLabel = Literal["shape", "colour", "count", "shapes", "colours", "light"]

_TARGETS: dict[str, tuple[ImageTarget, ...]] = {
    "shape": ("label",),
    "colour": ("label",),
    "count": ("label", "number"),
    "shapes": ("labels",),
    "colours": ("labels",),
    "light": ("number",),
}


def read_scenes(
    split: str, number: int, *, label: str = "shape", target: ImageTarget = "label", seed: int = 0
) -> list[ImageExample]:
    """Return the first scenes of the built-in world that have a label; an id is a scene's number.

    Args:
        split: A split of the built-in world, such as train or comp_test.
        number: The number of scenes.
        label: The ``shape`` or ``colour`` of the largest object, the ``count`` of objects, which
            ``shapes`` or ``colours`` there are, or how much ``light``.
        target: ``label`` for shape, colour and count; ``labels`` for shapes and colours; ``number``
            for count and light.
        seed: The seed of the world.

    Raises:
        ValueError: There is no such label, or not as this target.

    Example:
        >>> examples = read_scenes("train", 3)
        >>> [(example.label, example.image_id) for example in examples]
        [('triangle', 0), ('circle', 2), ('triangle', 3)]
        >>> [example.label for example in read_scenes("train", 3, label="count", target="number")]
        [5.0, 4.0, 1.0]
    """
    if label not in _TARGETS:
        names = ", ".join(get_args(SceneLabel))
        raise ValueError(f"`options.label` must be one of {names}, got {label!r}.")
    if target not in _TARGETS[label]:
        targets = " or ".join(_TARGETS[label])
        raise ValueError(
            f"With `options.label` {label}, `target` must be {targets}, got {target!r}."
        )
    examples: list[ImageExample] = []
    for index in count():
        if len(examples) == number:
            break
        scene = sample_scene(seed, index, split)
        value = _label(scene, label, target)
        if value is not None:
            examples.append(ImageExample(scene, value, index))
    return examples


def _label(scene: Scene, label: str, target: ImageTarget) -> Label:
    match label:
        case "count":
            number = len(scene.objects)
            return float(number) if target == "number" else str(number)
        case "shapes":
            return tuple(sorted({thing.shape for thing in scene.objects}))
        case "colours":
            return tuple(sorted({thing.colour for thing in scene.objects}))
        case "light":
            return scene.lighting.brightness / 128
    largest = _largest(scene)
    if largest is None:
        return None
    return largest.shape if label == "shape" else largest.colour


def _largest(scene: Scene) -> SceneObject | None:
    large = scene.select(size="large") if len(scene.objects) > 1 else scene.objects
    return large[0] if len(large) == 1 else None
