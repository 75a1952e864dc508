"""Unambiguous names of a scene's objects, and descriptions of objects that it does not have.

An object is named by those of its size, colour and shape that fit no other object; or by its place,
a relation to another object, if every object that the words could mean clearly has the relation or
clearly does not: its centre is `STATED_MARGIN` beyond the other's, or on the other side.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from multimodal.worlds.draws import Draws
from multimodal.worlds.scenes.balances import SELECTIONS, SIZES_WANTED, Attribute, Selection
from multimodal.worlds.scenes.graph import (
    COLOURS,
    CONVERSE,
    RELATIONS,
    SHAPES,
    SIZES,
    Relation,
    Scene,
)
from multimodal.worlds.scenes.programs import Facts, Program
from multimodal.worlds.scenes.question_grammar import NOUNS, Noun, Words
from multimodal.worlds.scenes.sampling import HELD_OUT_PAIRS

_ORDER: Final[Selection] = ("size", "colour", "shape")
_VALUES: Final[dict[Attribute, tuple[str, ...]]] = {
    "size": SIZES,
    "colour": COLOURS,
    "shape": SHAPES,
}
_AT_MOST_ONE: Final = tuple(selection for selection in SELECTIONS if len(selection) <= 1)
_HELD_OUT: Final[tuple[tuple[str, str], ...]] = HELD_OUT_PAIRS


class Place(NamedTuple):
    """An object named by its place: "the small thing above" some other object."""

    relation: Relation  # to the other object
    words: Words
    selection: Selection  # the attributes that the words name
    target: int  # the index of the object


class References:
    """The names of one scene's objects; sets of objects are numbers, as in `Facts`.

    Attributes:
        facts: The scene's sets.
        draws: The stream of random choices that belongs to the scene's key.
        numbers: The indices of the objects.
    """

    __slots__ = (
        "_compositional",
        "_keys",
        "_names",
        "_places",
        "_sets",
        "draws",
        "facts",
        "numbers",
    )

    def __init__(self, scene: Scene) -> None:
        self.facts = Facts(scene)
        self.draws = Draws(f"questions {scene.split} {scene.seed} {scene.index}")
        self.numbers = range(len(scene.objects))
        self._keys = [(thing.size, thing.colour, thing.shape) for thing in scene.objects]
        self._compositional = scene.split.startswith("comp_")
        self._sets: list[dict[Selection, int]] = []
        self._names: list[tuple[Selection, ...]] = []
        for number, key in enumerate(self._keys):
            sets = self._sets_of(key)
            self._sets.append(sets)
            alone = 1 << number
            self._names.append(tuple(each for each, objects in sets.items() if objects == alone))
        self._places: dict[int, list[Place]] = {}

    def _sets_of(self, key: Words) -> dict[Selection, int]:
        """Return the set of objects that share each selection of attributes with a key."""
        size, colour, shape = (self.facts.having[word] for word in key)
        sets = (
            self.facts.everything,
            size,
            colour,
            size & colour,
            shape,
            size & shape,
            colour & shape,
            size & colour & shape,
        )
        return dict(zip(SELECTIONS, sets, strict=True))

    def words(self, number: int, selection: Selection) -> Words:
        """Describe an object by some of its attributes, in the order size, colour, shape."""
        return _descriptions(self._keys[number])[selection]

    def alike(self, number: int, selection: Selection) -> int:
        """Return the set of objects that share some of an object's attributes, itself included."""
        return self._sets[number][selection]

    def names(self, number: int, *, without: Attribute | None = None) -> tuple[Selection, ...]:
        """List the selections of attributes, some without one, that describe one object alone."""
        names = self._names[number]
        return tuple(each for each in names if without not in each) if without else names

    def nameable(self, *, without: Attribute | None = None) -> list[int]:
        """List the objects that have a name."""
        return [number for number in self.numbers if self.names(number, without=without)]

    def name(self, number: int, *, without: Attribute | None = None) -> Words:
        """Draw one of the descriptions that fit one object alone."""
        return self.words(number, self.draws.pick(self.names(number, without=without)))

    def noun(self, *, without: Attribute | None = None) -> Noun:
        """Draw the noun of descriptions without a shape; no "what shape is the red shape"."""
        return "thing" if without == "shape" else self.draws.pick(NOUNS)

    def of_drawn_size(self, numbers: Sequence[int]) -> list[int]:
        """Draw a size and keep the objects that have it, which may be none."""
        wanted = self.facts.having.get(self.draws.pick(SIZES_WANTED), 0)
        return [number for number in numbers if wanted >> number & 1]

    def absent(self, number: int, selection: Selection) -> Words | None:
        """Describe an absent object, one attribute away from one of the scene, if possible.

        In the compositional splits a held-out pair of colour and shape is exchanged for another
        held-out pair, and any other pair for one that is not held out: otherwise the answer to a
        held-out pair would be "no" in training and "yes" in the test.
        """
        start = self.draws.number(len(selection))
        key, having = self._keys[number], self.facts.having
        paired = self._compositional and selection[-2:] == ("colour", "shape")
        if paired and key[1:] in _HELD_OUT:
            return self._absent_held_out(number, selection)
        for attribute in selection[start:] + selection[:start]:
            others = tuple(each for each in selection if each != attribute)
            shared = self._sets[number][others]
            described = [
                _exchanged(key, attribute, value)[selection]
                for value in _VALUES[attribute]
                if not having.get(value, 0) & shared
            ]
            free = [words for words in described if not (paired and words[-2:] in _HELD_OUT)]
            if free:
                return self.draws.pick(free)
        return None

    def _absent_held_out(self, number: int, selection: Selection) -> Words | None:
        size = self._keys[number][:1] if "size" in selection else ()
        described: list[Words] = [(*size, *pair) for pair in _HELD_OUT]
        free = [words for words in described if not self.facts.select(words)]
        return self.draws.pick(free) if free else None

    def clear(self, relation: Relation, number: int) -> tuple[int, int]:
        """Return the sets of objects that clearly, and that possibly, have a relation to an object.

        The second are those that do not clearly have the converse relation.
        """
        related = self.facts.related
        others = self.facts.everything & ~(1 << number)
        return related[relation][number], others & ~related[CONVERSE[relation]][number]

    def places(self, number: int) -> list[Place]:
        """List the unambiguous places relative to one object.

        Their words have at most one attribute, and are ambiguous without the place.
        """
        places = self._places.get(number)
        if places is None:
            places = self._places[number] = [
                place for relation in RELATIONS for place in self._places_in(relation, number)
            ]
        return places

    def _places_in(self, relation: Relation, number: int) -> list[Place]:
        sure, possible = self.clear(relation, number)
        return [
            Place(relation, self.words(target, selection), selection, target)
            for target in self.numbers
            if sure & 1 << target
            for selection in _AT_MOST_ONE
            if self._sets[target][selection] & possible
            == 1 << target
            != self._sets[target][selection]
        ]


@lru_cache(maxsize=1024)
def naming(words: Words) -> Program:
    """Write the program that puts the only object of a description on the stack."""
    if not words:
        return (("scene",), ("unique",))
    return (("scene",), ("filter", *words), ("unique",))


@lru_cache(maxsize=256)
def _descriptions(key: Words) -> dict[Selection, Words]:
    return {
        selection: tuple(
            word for word, attribute in zip(key, _ORDER, strict=True) if attribute in selection
        )
        for selection in SELECTIONS
    }


@lru_cache(maxsize=2048)
def _exchanged(key: Words, attribute: Attribute, value: str) -> dict[Selection, Words]:
    at = _ORDER.index(attribute)
    return _descriptions((*key[:at], value, *key[at + 1 :]))
