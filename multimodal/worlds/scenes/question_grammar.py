"""The wordings of questions: several for every form, in lower case without punctuation.

A description is a tuple of words in the order size, colour, shape; without a shape it takes the
noun that the question uses throughout, "shape" or "thing".
"""

from functools import lru_cache
from typing import Final, Literal, NamedTuple

from multimodal.worlds.scenes.grammar import PLURALS
from multimodal.worlds.scenes.graph import SHAPES, Relation
from multimodal.worlds.scenes.programs import Program

Words = tuple[str, ...]
Noun = Literal["shape", "thing"]

NOUNS: Final[tuple[Noun, ...]] = ("shape", "thing")

EXIST: Final = (
    "is there {a}",
    "can you see {a}",
    "is there {a} in the picture",
    "does the picture show {a}",
    "are there any {many}",
)
COUNT: Final = (
    "how many {many} are there",
    "how many {many} can you see",
    "how many {many} does the picture show",
    "what is the number of {many}",
)
QUERY: Final[dict[str, tuple[str, ...]]] = {
    "colour": ("what colour is {}", "what is the colour of {}", "which colour does {} have"),
    "shape": ("what shape is {}", "what is the shape of {}", "which shape does {} have"),
    "size": (
        "what size is {}",
        "what is the size of {}",
        "is {} small or large",
        "is {} large or small",
    ),
}
COMPARE_COUNTS: Final[dict[str, tuple[str, ...]]] = {
    "more": (
        "are there more {} than {}",
        "does the picture show more {} than {}",
        "is the number of {} greater than the number of {}",
    ),
    "fewer": (
        "are there fewer {} than {}",
        "does the picture show fewer {} than {}",
        "is the number of {} smaller than the number of {}",
    ),
    "equal": (
        "are there as many {} as {}",
        "does the picture show as many {} as {}",
        "is the number of {} the same as the number of {}",
    ),
}
COMPARE_ATTRIBUTES: Final = (
    "is {first} the same {attribute} as {second}",
    "does {first} have the same {attribute} as {second}",
    "are {first} and {second} the same {attribute}",
    "do {first} and {second} have the same {attribute}",
)
RELATION: Final = ("is {} {} {}", "does {} lie {} {}", "is it true that {} is {} {}")
SIDE: Final[dict[str, tuple[str, ...]]] = {
    "across": (
        "is {} left or right of {}",
        "is {} right or left of {}",
        "is {} to the left or to the right of {}",
        "does {} lie left or right of {}",
    ),
    "down": (
        "is {} above or below {}",
        "is {} below or above {}",
        "does {} lie above or below {}",
        "does {} lie below or above {}",
    ),
}
MIDDLES: Final = ("the middle", "the middle of the picture")
RELATED: Final[dict[Relation, tuple[str, ...]]] = {
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
    "above": ("above",),
    "below": ("below",),
}
CHAIN_EXIST: Final = ("is there {a} {far}", "can you see {a} {far}", "are there any {many} {far}")
CHAIN_COUNT: Final = (
    "how many {many} are {far}",
    "how many {many} are there {far}",
    "what is the number of {many} {far}",
)

_SHAPES: Final[frozenset[str]] = frozenset(SHAPES)
_PLURALS: Final = {
    **{str(shape): several for shape, several in PLURALS.items()},
    **{str(noun): f"{noun}s" for noun in NOUNS},
}


class Draft(NamedTuple):
    """A question without its answer: its text and the program that answers it."""

    text: str
    program: Program


@lru_cache(maxsize=4096)
def singular(words: Words, noun: Noun) -> str:
    """Name an object by a description, as "large red thing"; `noun` replaces a missing shape."""
    return " ".join(words if words and words[-1] in _SHAPES else (*words, noun))


@lru_cache(maxsize=4096)
def indefinite(words: Words, noun: Noun) -> str:
    """Name an object by a description, with "a" or "an"."""
    name = singular(words, noun)
    return f"an {name}" if name.startswith("orange") else f"a {name}"


@lru_cache(maxsize=4096)
def plural(words: Words, noun: Noun) -> str:
    """Name several objects by a description, as "small crosses"."""
    *before, last = singular(words, noun).split(" ")
    return " ".join((*before, _PLURALS[last]))
