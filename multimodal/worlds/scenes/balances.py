"""Weights of the forms of question, so that all answers are about equally frequent.

They were measured over thousands of scenes: forms that fewer scenes allow are drawn more often.
Tests of `question_attributes` and `question_relations` check that the answers are even.

References:
    Goyal et al. 2017, "Making the V in VQA Matter" (balanced answers).
"""

from typing import Final, Literal

from multimodal.worlds.scenes.graph import Size

Attribute = Literal["size", "colour", "shape"]
Selection = tuple[Attribute, ...]
"""The attributes that a description names, in the order size, colour, shape."""

SELECTIONS: Final[tuple[Selection, ...]] = (
    (),
    ("size",),
    ("colour",),
    ("size", "colour"),
    ("shape",),
    ("size", "shape"),
    ("colour", "shape"),
    ("size", "colour", "shape"),
)
ATTRIBUTES: Final[tuple[Attribute, ...]] = ("colour", "shape", "size")


def _repeated(weights: dict[Selection, int]) -> tuple[Selection, ...]:
    return tuple(selection for selection, weight in weights.items() for _ in range(weight))


# Large objects are rarer than small ones: a large one without a free place becomes small.
SIZES_WANTED: Final[tuple[Size, ...]] = ("small", "large", "large")

# The attributes that "is there a ..." names.
EXIST_SELECTIONS: Final[tuple[Selection, ...]] = (
    ("colour",),
    ("shape",),
    ("colour", "shape"),
    ("size", "colour"),
    ("size", "shape"),
    ("size", "colour", "shape"),
)

# Those that "how many ..." names; few attributes more often, since their groups are larger.
COUNT_SELECTIONS: Final[tuple[Selection, ...]] = _repeated(
    {
        (): 2,
        ("size",): 3,
        ("colour",): 1,
        ("shape",): 2,
        ("size", "shape"): 1,
        ("colour", "shape"): 1,
    }
)
# The weight of each number, 0 to 5, among those that occur in a scene: the high ones are rare.
COUNT_WEIGHTS: Final = (5, 6, 20, 50, 100, 200)

# The attributes that both sides of "are there more ... than ..." name.
COMPARED_SELECTIONS: Final[tuple[Selection, ...]] = (
    ("size",),
    ("colour",),
    ("shape",),
    ("size", "shape"),
    ("size", "colour"),
)
# "equal" twice: it needs two groups of the same number, which not every scene has.
COMPARISONS: Final = ("more", "fewer", "equal", "equal")

# The wanted share of "yes" for "is ... the same colour as ...": fewer scenes have two objects of
# one colour that can be named without it than two of different colours.
SAME_SHARES: Final[dict[Attribute, float]] = {"colour": 38 / 64, "shape": 35 / 64, "size": 29 / 64}

# The questions that a chain of two relations ends with.
CHAIN_FORMS: Final[tuple[Attribute | Literal["exist", "count"], ...]] = (
    *ATTRIBUTES,
    "exist",
    "exist",
    "count",
)
# The attributes that a chain's "is there" names, and the wanted share of "yes": places without any
# object are rare, so that "no" is wanted more often where nothing is named.
CHAIN_EXIST_SHARES: Final[dict[Selection, float]] = {
    (): 18 / 64,
    ("colour",): 30 / 64,
    ("shape",): 30 / 64,
    ("colour", "shape"): 31 / 64,
}
