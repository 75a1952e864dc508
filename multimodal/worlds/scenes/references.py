"""How the objects of a scene can be named without ambiguity, and what the scene does not show.

An object is named by its size, colour and shape, or by some of the three, as long as the name fits
no other object; or by its place: where it lies from another object. A place is used only when every
object that the words could mean clearly lies there or clearly does not: its centre is
`STATED_MARGIN` beyond the other's, or `STATED_MARGIN` on the other side.
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
    """An object named by its place: "the small thing above" some other object.

    Args:
        relation: The relation to the other object.
        words: The description.
        selection: The attributes that the description names.
        target: The index of the object.
    """

    relation: Relation
    words: Words
    selection: Selection
    target: int


class References:
    """The ways in which one scene's objects can be named.

    Sets of objects are numbers, as in `Facts`.

    Args:
        scene: The graph.

    Attributes:
        facts: The scene's sets.
        draws: The stream of random choices that belongs to the scene's key.
        numbers: The indices of the objects.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> references = References(sample_scene(0, 4, "train"))
        >>> [references.names(number, without="colour") != () for number in range(3)]
        [False, True, False]
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
        """Find the objects that share each selection of attributes with a key."""
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
        """Describe an object by some of its attributes, in the order size, colour, shape.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> References(sample_scene(0, 4, "train")).words(1, ("colour", "shape"))
            ('orange', 'triangle')
        """
        return _descriptions(self._keys[number])[selection]

    def alike(self, number: int, selection: Selection) -> int:
        """Find the objects that share some of an object's attributes, the object included.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> References(sample_scene(0, 4, "train")).alike(0, ("colour",)).bit_count()
            3
        """
        return self._sets[number][selection]

    def names(self, number: int, *, without: Attribute | None = None) -> tuple[Selection, ...]:
        """List the selections of attributes that describe one object alone.

        Args:
            number: The object.
            without: An attribute that must not be named.

        Returns:
            The selections; none when the object looks like another.
        """
        names = self._names[number]
        return tuple(each for each in names if without not in each) if without else names

    def name(self, number: int, *, without: Attribute | None = None) -> Words:
        """Draw a description that fits one object alone; the object must have one.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> "triangle" in References(sample_scene(0, 4, "train")).name(1, without="size")
            True
        """
        return self.words(number, self.draws.pick(self.names(number, without=without)))

    def noun(self, *, without: Attribute | None = None) -> Noun:
        """Draw the noun of descriptions without a shape; never "what shape is the red shape"."""
        return "thing" if without == "shape" else self.draws.pick(NOUNS)

    def of_drawn_size(self, numbers: Sequence[int]) -> list[int]:
        """Draw a size and keep the objects that have it, which may be none."""
        wanted = self.facts.having.get(self.draws.pick(SIZES_WANTED), 0)
        return [number for number in numbers if wanted >> number & 1]

    def absent(self, number: int, selection: Selection) -> Words | None:
        """Describe something that the scene does not show, one attribute away from an object of it.

        In the compositional splits a held-out pair of colour and shape is exchanged for another
        held-out pair, and any other pair for one that is not held out: otherwise the answer to a
        held-out pair would be "no" in training and "yes" in the test.

        Args:
            number: The object that the description resembles.
            selection: The attributes that the description names.

        Returns:
            The description; None when the scene shows everything like it.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> references = References(sample_scene(0, 4, "train"))
            >>> references.facts.select(references.absent(0, ("colour", "shape")))
            0
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
        """Find the objects that have a relation to one object, with and without the margin.

        Args:
            relation: The relation.
            number: The object.

        Returns:
            The set of the objects that clearly have the relation, and the set of those that do not
            clearly have its converse; the second contains the first.
        """
        related = self.facts.related
        others = self.facts.everything & ~(1 << number)
        return related[relation][number], others & ~related[CONVERSE[relation]][number]

    def places(self, number: int) -> list[Place]:
        """List the objects that can be named by their place from one object.

        Args:
            number: The object from which; it need not have a name itself.

        Returns:
            Every unambiguous place with at most one attribute that is ambiguous without the place.
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
    """Write the program that puts the one object of a description on the stack.

    Example:
        >>> naming(("red", "star"))
        (('scene',), ('filter', 'red', 'star'), ('unique',))
    """
    if not words:
        return (("scene",), ("unique",))
    return (("scene",), ("filter", *words), ("unique",))


@lru_cache(maxsize=256)
def _descriptions(key: Words) -> dict[Selection, Words]:
    """Describe an object of a size, a colour and a shape by every selection of them."""
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
