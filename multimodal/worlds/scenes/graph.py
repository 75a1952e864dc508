"""The scene graph: one to five coloured shapes on a lit background, as plain frozen data.

Pixels, captions, questions and answers are computed from it. Positions and radii are fractions of
the image's side, all multiples of 1/1024, so that they are exact in floating point; y grows
downwards.

References:
    CLEVR (Johnson et al. 2017, section 3) introduced scenes with a known graph; ShapeWorld (Kuhnle
    and Copestake 2017) did so for captions of flat coloured shapes.
"""

import io
from dataclasses import dataclass
from typing import Final, Literal, get_args

Shape = Literal["circle", "square", "triangle", "star", "cross", "ring"]
Colour = Literal["red", "orange", "yellow", "green", "cyan", "blue", "purple", "white"]
Size = Literal["small", "large"]
Texture = Literal["solid", "striped", "dotted"]
Relation = Literal["left of", "right of", "above", "below"]
Split = Literal["train", "val", "test", "comp_train", "comp_val", "comp_test"]
RGB = tuple[int, int, int]

SHAPES: Final[tuple[Shape, ...]] = get_args(Shape)
COLOURS: Final[tuple[Colour, ...]] = get_args(Colour)
SIZES: Final[tuple[Size, ...]] = get_args(Size)
TEXTURES: Final[tuple[Texture, ...]] = get_args(Texture)
RELATIONS: Final[tuple[Relation, ...]] = get_args(Relation)
SPLITS: Final[tuple[Split, ...]] = get_args(Split)
CONVERSE: Final[dict[Relation, Relation]] = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
}

UNITS: Final = 1024  # positions and radii are whole multiples of 1/UNITS
MAX_OBJECTS: Final = 5

# Least distance of centres at which captions state a relation, and at which the checker accepts it:
# between the two it is too close to call, and no captioner is blamed for it.
STATED_MARGIN: Final = 0.12
TRUE_MARGIN: Final = 0.04


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One shape of a scene.

    Args:
        x: The centre, as a fraction of the image's width from the left.
        y: The centre, as a fraction of the image's height from the top.
        radius: That of the circle around all its points, as a fraction of the image's side.
        angle: Clockwise rotation in degrees, below the shape's own symmetry (90 for a square).
        rgb: The paint, a little off the named colour.
    """

    shape: Shape
    colour: Colour
    size: Size
    texture: Texture
    x: float
    y: float
    radius: float
    angle: float
    rgb: RGB

    @property
    def name(self) -> str:
        """Colour and shape, as captions name an object."""
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True, slots=True)
class Background:
    """A gradient of two muted colours behind the shapes."""

    start: RGB
    end: RGB
    direction: Literal["right", "down"]


@dataclass(frozen=True, slots=True)
class Lighting:
    """Brightness, the direction of the light, and the camera's noise.

    Args:
        brightness: Light in the middle of the image in 1/128; 128 leaves the colours as they are.
        slope_x: Brightness of the right edge relative to the middle, in 1/128.
        slope_y: Brightness of the lower edge relative to the middle, in 1/128.
        noise: Standard deviation of the noise in grey levels, 0 to 8; 0 switches it off.
        noise_offset: The start of the noise in the bank of noise, below 65536.
    """

    brightness: int
    slope_x: int
    slope_y: int
    noise: int
    noise_offset: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole image as data; the key (seed, index, split) draws it again."""

    objects: tuple[SceneObject, ...]
    background: Background
    lighting: Lighting
    seed: int
    index: int
    split: Split

    def _repr_png_(self) -> bytes:
        """Show the image in a notebook."""
        from PIL import Image

        from multimodal.worlds.scenes.render import render_scene  # which imports this file

        file = io.BytesIO()
        Image.fromarray(render_scene(self, 256)).save(file, "PNG")
        return file.getvalue()

    def select(
        self,
        *,
        shape: Shape | None = None,
        colour: Colour | None = None,
        size: Size | None = None,
        texture: Texture | None = None,
    ) -> tuple[SceneObject, ...]:
        """Return the objects that have all the given attributes, in the scene's order."""
        return tuple(
            thing
            for thing in self.objects
            if (shape is None or thing.shape == shape)
            and (colour is None or thing.colour == colour)
            and (size is None or thing.size == size)
            and (texture is None or thing.texture == texture)
        )


def offset(relation: Relation, first: SceneObject, second: SceneObject) -> float:
    """Measure the distance of `first` from `second` in the relation's direction.

    It is a fraction of the image's side, and negative if the relation is the wrong way round.

    Example:
        >>> paint = (220, 40, 40)
        >>> ring = SceneObject("ring", "red", "small", "solid", 0.25, 0.5, 0.125, 0.0, paint)
        >>> star = SceneObject("star", "red", "small", "solid", 0.75, 0.5, 0.125, 0.0, paint)
        >>> offset("left of", ring, star)
        0.5
    """
    if relation == "left of":
        return second.x - first.x
    if relation == "right of":
        return first.x - second.x
    if relation == "above":
        return second.y - first.y
    return first.y - second.y


def relations(
    first: SceneObject, second: SceneObject, *, margin: float = STATED_MARGIN
) -> tuple[Relation, ...]:
    """List the relations of `first` to `second`: at most one horizontal and one vertical.

    `margin` is the least distance of the centres, as a fraction of the image's side.
    """
    return tuple(relation for relation in RELATIONS if offset(relation, first, second) >= margin)
