"""The grammar of scene captions: five forms of caption for each scene.

The content of a caption follows from the scene by a visible rule, so that a captioner is not
punished for an arbitrary choice: lists run from left to right, relations are those of the outermost
objects with the smaller one as the subject, counts follow the order of `SHAPES`. The grammar, which
`parser` reads, allows a little more than `describe` writes::

    caption  = list ["and nothing else"]
             | "nothing but" list
             | mention ["is"] relation mention
             | mention "is" (relation "the middle" | "in the middle")
             | "there" ("is" | "are") (number ("shape" | "shapes") ["including" list] | list)
             | "a picture of" list
    list     = mention { ["and"] mention }
    mention  = ("a" | "an" | number) [size] [colour] shape
    relation = "left of" | "right of" | "above" | "below"
"""

from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Final

from multimodal.worlds.scenes.graph import (
    COLOURS,
    CONVERSE,
    MAX_OBJECTS,
    RELATIONS,
    SHAPES,
    SIZES,
    STATED_MARGIN,
    Colour,
    Relation,
    Scene,
    SceneObject,
    Shape,
    Size,
    offset,
)

NUMBERS: Final = ("one", "two", "three", "four", "five")
MIDDLE: Final = "in the middle"
PLACE_MARGIN: Final = 0.1  # a lone object at least this far from the middle is beside it

PLURALS: Final[dict[Shape, str]] = {
    shape: shape + ("es" if shape == "cross" else "s") for shape in SHAPES
}

WORDS: Final[tuple[str, ...]] = tuple(
    sorted(
        {*COLOURS, *SIZES, *SHAPES, *PLURALS.values(), *NUMBERS}
        | {word for relation in RELATIONS for word in relation.split()}
        | {"a", "an", "and", "are", "but", "else", "in", "including", "is", "middle", "nothing"}
        | {"of", "picture", "shape", "shapes", "the", "there"}
    )
)


@dataclass(frozen=True, slots=True)
class Mention:
    """One group of objects as a caption names it.

    Args:
        count: The number; None for "a" and "an", which mean at least one.

    Example:
        >>> print(Mention("star", "orange"), Mention("cross", size="small", count=2), sep=", ")
        an orange star, two small crosses
    """

    shape: Shape
    colour: Colour | None = None
    size: Size | None = None
    count: int | None = None

    def __str__(self) -> str:
        noun = PLURALS[self.shape] if (self.count or 1) > 1 else self.shape
        words = " ".join(filter(None, (self.size, self.colour, noun)))
        if self.count is not None:
            return f"{NUMBERS[self.count - 1]} {words}"
        return f"an {words}" if words.startswith("orange") else f"a {words}"

    def matches(self, thing: SceneObject) -> bool:
        """Return whether an object has the named shape, colour and size."""
        return (
            thing.shape == self.shape
            and (self.colour is None or thing.colour == self.colour)
            and (self.size is None or thing.size == self.size)
        )


def describe(scene: Scene) -> tuple[str, str, str, str, str]:
    """Write five true captions of a scene, of 5 to 16 lower-case words, each in another form.

    They are two relations (for a single object its place, and that it is the only one), the list of
    all objects from left to right, their number with the first two kinds in full, and the number of
    each shape.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> for caption in describe(sample_scene(0, 4, "train")):
        ...     print(caption)
        a small orange square is left of a small orange square
        an orange square above an orange square
        two orange squares and an orange triangle
        there are three shapes including two small orange squares and a large orange triangle
        a picture of two squares and a triangle
    """
    things = sorted(scene.objects, key=_reading_order)
    listed = _list([(thing.shape, thing.colour, None) for thing in things])
    shapes = sorted((SHAPES.index(thing.shape), thing.shape) for thing in things)
    picture = f"a picture of {_list([(shape, None, None) for _, shape in shapes])}"
    total = _total(things)
    if len(things) == 1:
        (thing,) = things
        place = f"{_mention(thing.shape, thing.colour, thing.size, None)} is {_place(thing)}"
        return place, f"{listed} and nothing else", f"nothing but {listed}", total, picture
    full, short = _relations(things)
    if len({thing.name for thing in things}) == 1:
        listed = f"nothing but {listed}"
    return full, short, listed, total, picture


_Kind = tuple[Shape, Colour | None, Size | None]

_reading_order = attrgetter("x", "y")


@lru_cache(maxsize=4096)
def _mention(shape: Shape, colour: Colour | None, size: Size | None, count: int | None) -> str:
    return str(Mention(shape, colour, size, count))


def _list(kinds: list[_Kind], *, limit: int = MAX_OBJECTS) -> str:
    """Join kinds in order of first appearance; equal ones become one counted mention."""
    words = []
    for kind in dict.fromkeys(kinds):
        count = kinds.count(kind)
        words.append(_mention(*kind, count if count > 1 else None))
    words = words[:limit]
    return " ".join(words) if len(words) == 1 else f"{' '.join(words[:-1])} and {words[-1]}"


def _total(things: list[SceneObject]) -> str:
    """State the number of objects, and name the first two kinds in full."""
    kinds: list[_Kind] = [(thing.shape, thing.colour, thing.size) for thing in things]
    if kinds.count(kinds[0]) == len(kinds):
        return f"there {'is' if len(kinds) == 1 else 'are'} {_mention(*kinds[0], len(kinds))}"
    return f"there are {NUMBERS[len(kinds) - 1]} shapes including {_list(kinds, limit=2)}"


def _place(thing: SceneObject) -> str:
    """Describe a single object's place relative to the middle, on the axis where it is further."""
    right, down = thing.x - 0.5, thing.y - 0.5
    if max(abs(right), abs(down)) < PLACE_MARGIN:
        return MIDDLE
    if abs(right) >= abs(down):
        return f"{'right of' if right > 0 else 'left of'} the middle"
    return f"{'below' if down > 0 else 'above'} the middle"


def _relations(things: list[SceneObject]) -> tuple[str, str]:
    """State a horizontal relation in full and a vertical one in short.

    Objects do not touch, so the outermost two are clearly apart on at least one axis; if only on
    one, that relation is stated in both directions.
    """
    across = _outermost("left of", things[0], things[-1])
    topmost = min(things, key=_from_top)
    down = _outermost("above", topmost, max(things, key=_from_top))
    if across is None:
        assert down is not None
        across, down = down, _swapped(down)
    elif down is None:
        down = _swapped(across)
    first, relation, second = across
    full = (
        f"{_mention(first.shape, first.colour, first.size, None)} is {relation} "
        f"{_mention(second.shape, second.colour, second.size, None)}"
    )
    first, relation, second = down
    short = (
        f"{_mention(first.shape, first.colour, None, None)} {relation} "
        f"{_mention(second.shape, second.colour, None, None)}"
    )
    return full, short


_Triple = tuple[SceneObject, Relation, SceneObject]

_from_top = attrgetter("y", "x")


def _outermost(relation: Relation, first: SceneObject, second: SceneObject) -> _Triple | None:
    """State a relation with the smaller object as its subject; None if the margin is small."""
    if offset(relation, first, second) < STATED_MARGIN:
        return None
    triple = (first, relation, second)
    return _swapped(triple) if (first.size, second.size) == ("large", "small") else triple


def _swapped(triple: _Triple) -> _Triple:
    first, relation, second = triple
    return second, CONVERSE[relation], first
