"""Sample scenes: a scene is a pure function of (seed, index, split).

Splits are disjoint by construction. Each object has a code of four bits made from its shape,
colour, size and place (a cell of an 8 x 8 grid); the sum of the codes modulo 16 decides which of
train, val and test may contain the scene. So no test scene has the same kinds of objects in the
same cells as any training scene, for any seeds. The compositional splits follow the same rule;
besides, `comp_train` and `comp_val` never contain the colour-shape pairs of `HELD_OUT_PAIRS`, and
every scene of `comp_test` contains at least one.

References:
    CLEVR-CoGenT (Johnson et al. 2017, section 4.7) tests held-out pairs of attributes.
"""

import itertools
from typing import Final, NamedTuple, cast

from multimodal.worlds.draws import GOLDEN, MASK, Draws, check_key
from multimodal.worlds.scenes.graph import (
    COLOURS,
    MAX_OBJECTS,
    RGB,
    SHAPES,
    SPLITS,
    UNITS,
    Background,
    Colour,
    Lighting,
    Scene,
    SceneObject,
    Shape,
    Size,
    Split,
    Texture,
)

HELD_OUT_PAIRS: Final[tuple[tuple[Colour, Shape], ...]] = tuple(
    (colour, SHAPES[number % len(SHAPES)]) for number, colour in enumerate(COLOURS)
)

_PAINT: Final[dict[Colour, RGB]] = {
    "red": (222, 36, 40),
    "orange": (246, 132, 24),
    "yellow": (246, 222, 48),
    "green": (44, 168, 62),
    "cyan": (64, 212, 222),
    "blue": (44, 84, 224),
    "purple": (160, 52, 196),
    "white": (240, 240, 240),
}
# Circumscribed radius in 1/64 of the nominal one: shapes of one size then cover similar areas.
_REACH: Final[dict[Shape, int]] = {
    "circle": 64,
    "square": 76,
    "triangle": 88,
    "star": 92,
    "cross": 82,
    "ring": 70,
}
# Degrees after which a shape looks the same again (circle and ring: their stripes do).
_PERIOD: Final[dict[Shape, int]] = {
    "circle": 180,
    "square": 90,
    "triangle": 120,
    "star": 72,
    "cross": 90,
    "ring": 180,
}
# Nominal radii in UNITS to try in turn: a large object without a free place becomes a small one.
_RADII: Final[tuple[tuple[tuple[Size, int], ...], ...]] = (
    (("small", 84),),
    (("small", 94),),
    (("large", 140), ("small", 84)),
    (("large", 152), ("small", 94)),
)
_KINDS: Final = tuple(itertools.product(SHAPES, COLOURS, _RADII))
_TURNS: Final = 12
_GAP: Final = 32  # between two objects, and to the border; two pixels at 64
_PLACE_TRIES: Final = 3
_OBJECT_TRIES: Final = 48
_TEXTURE_BAG: Final[tuple[Texture, ...]] = ("solid", "solid", "striped", "dotted")

# Which sums of codes (modulo 16) belong to a split.
_RESIDUES: Final[dict[str, range]] = {
    "train": range(8),
    "val": range(8, 12),
    "test": range(12, 16),
}


class _Proposal(NamedTuple):
    """An object before it is accepted: its attributes, and its geometry in UNITS."""

    shape: Shape
    colour: Colour
    size: Size
    radius: int
    x: int
    y: int


def sample_scene(seed: int, index: int, split: str) -> Scene:
    """Sample a scene: the one of an index, from 0 on, in one of `SPLITS`.

    Raises:
        ValueError: If the split is unknown, or seed or index is negative.

    Example:
        >>> [thing.name for thing in sample_scene(seed=0, index=4, split="train").objects]
        ['orange square', 'orange triangle', 'orange square']
    """
    check_key(seed, index, split, SPLITS)
    name = cast(Split, split)
    draws = Draws(f"{split} {seed} {index}")
    count = 1 + draws.below(MAX_OBJECTS)[0]
    objects = None
    while objects is None:
        objects = _layout(draws, count, name)
    return Scene(
        objects=tuple(_finish(draws, proposal) for proposal in objects),
        background=_background(draws),
        lighting=_lighting(draws),
        seed=seed,
        index=index,
        split=name,
    )


def _layout(draws: Draws, count: int, split: Split) -> list[_Proposal] | None:
    """Place `count` objects; None if one has no free place, or the last no code of the split."""
    placed: list[_Proposal] = []
    total = 0
    residues = _RESIDUES[split.removeprefix("comp_")]
    for number in range(count):
        last = number == count - 1
        for _ in range(_OBJECT_TRIES):
            proposal = _propose(draws, placed, split, held_out=last and split == "comp_test")
            if proposal is None:
                continue
            code = _code(proposal)
            if not last or (total + code) % 16 in residues:
                break
        else:
            return None
        placed.append(proposal)
        total += code
    return placed


def _propose(
    draws: Draws, placed: list[_Proposal], split: Split, *, held_out: bool
) -> _Proposal | None:
    """Draw one object's attributes and a free place for it."""
    kind, copy, earlier, pair = draws.below(
        len(_KINDS), 10, max(1, len(placed)), len(HELD_OUT_PAIRS)
    )
    shape, colour, sizes = _KINDS[kind]
    # Equal objects would be rare: colour (0 to 2) and shape (2 to 4) are sometimes copied, so that
    # there are groups to count and compare ("two red circles").
    if placed and copy <= 2:
        colour = placed[earlier].colour
    if placed and 2 <= copy <= 4:
        shape = placed[earlier].shape
    if held_out:
        colour, shape = HELD_OUT_PAIRS[pair]
    elif split in {"comp_train", "comp_val"} and (colour, shape) in HELD_OUT_PAIRS:
        return None
    for size, nominal in sizes:
        radius = nominal * _REACH[shape] // 64
        place = _free_place(draws, placed, radius)
        if place is not None:
            return _Proposal(shape, colour, size, radius, *place)
    return None


def _free_place(draws: Draws, placed: list[_Proposal], radius: int) -> tuple[int, int] | None:
    """Draw places until one is free of all objects; each random word gives three."""
    border = radius + _GAP
    span = UNITS - 2 * border
    taken = [(other.x, other.y, (other.radius + border) ** 2) for other in placed]
    for _ in range(_PLACE_TRIES):
        word = draws.word()
        for _ in range(3):
            x = border + ((word & 1023) * span >> 10)
            y = border + ((word >> 10 & 1023) * span >> 10)
            word >>= 20
            for other_x, other_y, reach in taken:
                right, down = x - other_x, y - other_y
                if right * right + down * down < reach:
                    break
            else:
                return x, y
    return None


def _code(proposal: _Proposal) -> int:
    """Hash an object's kind and its cell in an 8 x 8 grid to four bits."""
    kind = (SHAPES.index(proposal.shape) * 8 + COLOURS.index(proposal.colour)) * 2
    kind += proposal.size == "large"
    cell = (proposal.x >> 7) * 8 + (proposal.y >> 7)
    mixed = ((kind * 64 + cell + 1) * GOLDEN) & MASK
    mixed = ((mixed ^ (mixed >> 29)) * 0xBF58_476D_1CE4_E5B9) & MASK
    return mixed >> 60


def _finish(draws: Draws, proposal: _Proposal) -> SceneObject:
    turn, texture, red, green, blue = draws.below(_TURNS, len(_TEXTURE_BAG), 25, 25, 25)
    paint = _PAINT[proposal.colour]
    return SceneObject(
        proposal.shape,
        proposal.colour,
        proposal.size,
        _TEXTURE_BAG[texture],
        proposal.x / UNITS,
        proposal.y / UNITS,
        proposal.radius / UNITS,
        _PERIOD[proposal.shape] * turn / _TURNS,
        (
            min(255, paint[0] + red - 12),
            min(255, paint[1] + green - 12),
            min(255, paint[2] + blue - 12),
        ),
    )


def _background(draws: Draws) -> Background:
    drawn = draws.below(65, 25, 25, 25, 2)
    other = draws.below(65, 25, 25, 25)
    return Background(
        start=(drawn[0] + drawn[1] + 40, drawn[0] + drawn[2] + 40, drawn[0] + drawn[3] + 40),
        end=(other[0] + other[1] + 40, other[0] + other[2] + 40, other[0] + other[3] + 40),
        direction="right" if drawn[4] else "down",
    )


def _lighting(draws: Draws) -> Lighting:
    brightness, slope_x, slope_y, noise, noise_offset = draws.below(31, 29, 29, 4, 65536)
    return Lighting(110 + brightness, slope_x - 14, slope_y - 14, 2 * noise + 1, noise_offset)
