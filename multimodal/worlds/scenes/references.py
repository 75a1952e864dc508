"""How the objects of a scene can be spoken of: without ambiguity, or by what is not there.

An object is named by its size, colour and shape, or by some of the three, as long as the name fits
no other object; or by where it lies from another. A place counts only when every object that could
be meant clearly lies there or clearly does not: its centre is `STATED_MARGIN` beyond the other's,
or `STATED_MARGIN` on the other side.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from multimodal.worlds.draws import Draws
from multimodal.worlds.scenes.graph import COLOURS, RELATIONS, SHAPES, SIZES, Relation, Scene
from multimodal.worlds.scenes.programs import Facts, Program
from multimodal.worlds.scenes.question_grammar import NOUNS, Noun, Words
from multimodal.worlds.scenes.sampling import HELD_OUT_PAIRS

# A selection of attributes is a number: the sum of these.
SIZE: Final = 1
COLOUR: Final = 2
SHAPE: Final = 4
ATTRIBUTES: Final[dict[str, int]] = {"colour": COLOUR, "shape": SHAPE, "size": SIZE}

_PARTS: Final = tuple(
    tuple(bit for bit in (SIZE, COLOUR, SHAPE) if bit & selection) for selection in range(8)
)
_VALUES: Final[dict[int, tuple[str, ...]]] = {SIZE: SIZES, COLOUR: COLOURS, SHAPE: SHAPES}
_SIZES_WANTED: Final = ("small", "large", "large")
_HELD_OUT: Final[tuple[tuple[str, str], ...]] = HELD_OUT_PAIRS
CONVERSE: Final[dict[Relation, Relation]] = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
}


class Place(NamedTuple):
    """An object named by where it lies: "the small thing above" some other object.

    Args:
        relation: where it lies.
        words: what is said of it besides.
        selection: which attributes these words are.
        target: the number of the object meant.
    """

    relation: Relation
    words: Words
    selection: int
    target: int


class References:
    """The ways in which one scene's objects can be named.

    Args:
        scene: the graph.

    Attributes:
        facts: the scene's sets.
        draws: the stream of choices that belongs to the scene's key.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> references = References(sample_scene(0, 4, "train"))
        >>> [references.names(number, without=COLOUR) != () for number in range(3)]
        [False, True, False]
    """

    __slots__ = ("_held_out", "_keys", "_names", "_places", "_sets", "draws", "facts", "numbers")

    def __init__(self, scene: Scene) -> None:
        self.facts = facts = Facts(scene)
        self.draws = Draws(f"questions {scene.split} {scene.seed} {scene.index}")
        self.numbers = range(len(scene.objects))
        self._keys = [(thing.size, thing.colour, thing.shape) for thing in scene.objects]
        self._held_out = scene.split.startswith("comp_")
        self._sets: list[tuple[int, ...]] = []
        self._names: list[tuple[int, ...]] = []
        for number, key in enumerate(self._keys):
            size, colour, shape = (facts.having[word] for word in key)
            sets = (
                facts.everything,
                size,
                colour,
                size & colour,
                shape,
                size & shape,
                colour & shape,
                size & colour & shape,
            )
            alone = 1 << number
            self._sets.append(sets)
            self._names.append(tuple(at for at, found in enumerate(sets) if found == alone))
        self._places: dict[int, list[Place]] = {}

    def words(self, number: int, selection: int) -> Words:
        """Describe an object by some of its attributes.

        Args:
            number: which object.
            selection: which attributes.

        Returns:
            The words, in the order size, colour, shape.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> References(sample_scene(0, 4, "train")).words(1, COLOUR + SHAPE)
            ('orange', 'triangle')
        """
        return _words(self._keys[number], selection)

    def alike(self, number: int, selection: int) -> int:
        """Find the objects that share some of an object's attributes, itself among them.

        Args:
            number: which object.
            selection: which attributes.

        Returns:
            The set of objects.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> References(sample_scene(0, 4, "train")).alike(0, COLOUR).bit_count()
            3
        """
        return self._sets[number][selection]

    def names(self, number: int, *, without: int = 0) -> tuple[int, ...]:
        """List the descriptions that fit one object alone.

        Args:
            number: which object.
            without: attributes that must not be told.

        Returns:
            Selections of attributes; none when the object cannot be told from another.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> SHAPE in References(sample_scene(0, 4, "train")).names(1)
            True
        """
        names = self._names[number]
        return _untold(names, without) if without else names

    def name(self, number: int, *, without: int = 0) -> Words:
        """Draw a description that fits one object alone.

        Args:
            number: which object; one that has names.
            without: attributes that must not be told.

        Returns:
            The description.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> "triangle" in References(sample_scene(0, 4, "train")).name(1, without=SIZE)
            True
        """
        return _words(self._keys[number], self.draws.pick(self.names(number, without=without)))

    def noun(self, *, without: int = 0) -> Noun:
        """Draw what an object is called whose shape is not told.

        Args:
            without: attributes that must not be told.

        Returns:
            "shape" or "thing"; never "what shape is the red shape".

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> References(sample_scene(0, 4, "train")).noun(without=SHAPE)
            'thing'
        """
        return "thing" if without & SHAPE else self.draws.pick(NOUNS)

    def of_drawn_size(self, numbers: Sequence[int]) -> list[int]:
        """Draw a size, "large" more often since it is rarer, and keep the objects that have it.

        Args:
            numbers: the objects to choose from.

        Returns:
            Those of the size; none when no object has it.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> len(References(sample_scene(0, 4, "train")).of_drawn_size([0, 1, 2])) < 3
            True
        """
        wanted = self.facts.having.get(self.draws.pick(_SIZES_WANTED), 0)
        return [number for number in numbers if wanted >> number & 1]

    def absent(self, number: int, selection: int) -> Words | None:
        """Describe what the scene does not show, but for one attribute an object of it.

        In the compositional splits a pair of colour and shape is exchanged for one that is held out
        if the first is, and for one that is not if it is not: otherwise the held-out pairs would
        be answered by "no" in training and by "yes" in the test.

        Args:
            number: the object that the description resembles.
            selection: which attributes the description tells.

        Returns:
            The description; None when everything like it is there.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> references = References(sample_scene(0, 4, "train"))
            >>> references.facts.select(references.absent(0, COLOUR + SHAPE))
            0
        """
        parts = _PARTS[selection]
        start = self.draws.number(len(parts))
        paired = self._held_out and selection & COLOUR and selection & SHAPE
        if paired and self._keys[number][1:] in _HELD_OUT:
            return self._absent_held_out(number, selection)
        for part in parts[start:] + parts[:start]:
            shared = self._sets[number][selection - part]
            having = self.facts.having
            free = [
                words
                for value in _VALUES[part]
                if not having.get(value, 0) & shared
                if (words := _exchanged(self._keys[number], selection, part, value))
                if not (paired and words[-2:] in _HELD_OUT)
            ]
            if free:
                return self.draws.pick(free)
        return None

    def _absent_held_out(self, number: int, selection: int) -> Words | None:
        size = self._keys[number][:1] if selection & SIZE else ()
        described: list[Words] = [(*size, *pair) for pair in _HELD_OUT]
        free = [words for words in described if not self.facts.select(words)]
        return self.draws.pick(free) if free else None

    def clear(self, relation: Relation, number: int) -> tuple[int, int]:
        """Find what lies so from an object, and what might be said to.

        Args:
            relation: where.
            number: the object from which.

        Returns:
            The set of the objects that clearly lie there, and the set of those that do not clearly
            lie on the other side; the second holds the first.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> sure, possible = References(sample_scene(0, 4, "train")).clear("above", 0)
            >>> sure & possible == sure
            True
        """
        related = self.facts.related
        others = self.facts.everything & ~(1 << number)
        return related[relation][number], others & ~related[CONVERSE[relation]][number]

    def places(self, number: int) -> list[Place]:
        """List the objects that can be named by where they lie from one object.

        Args:
            number: the object from which; whether it can be named itself is not asked.

        Returns:
            Every unambiguous naming that says no more than one attribute, and needs the place.

        Example:
            >>> from multimodal.worlds.scenes import sample_scene
            >>> references = References(sample_scene(0, 4, "train"))
            >>> all(place.target != 0 for place in references.places(0))
            True
        """
        places = self._places.get(number)
        if places is None:
            places = self._places[number] = []
            for relation in RELATIONS:
                sure, possible = self.clear(relation, number)
                for target in self.numbers:
                    alone = 1 << target
                    if not sure & alone:
                        continue
                    sets = self._sets[target]
                    for selection in (0, SIZE, COLOUR, SHAPE):
                        if sets[selection] & possible == alone != sets[selection]:
                            words = _words(self._keys[target], selection)
                            places.append(Place(relation, words, selection, target))
        return places


@lru_cache(maxsize=1024)
def naming(words: Words) -> Program:
    """Write the program that finds the one object of a description.

    Args:
        words: the description.

    Returns:
        The operations; they leave the object on the stack.

    Example:
        >>> naming(("red", "star"))
        (('scene',), ('filter', 'red', 'star'), ('unique',))
    """
    if not words:
        return (("scene",), ("unique",))
    return (("scene",), ("filter", *words), ("unique",))


@lru_cache(maxsize=1024)
def _words(key: Words, selection: int) -> Words:
    return tuple(key[part.bit_length() - 1] for part in _PARTS[selection])


@lru_cache(maxsize=2048)
def _untold(selections: tuple[int, ...], without: int) -> tuple[int, ...]:
    return tuple(selection for selection in selections if not selection & without)


@lru_cache(maxsize=8192)
def _exchanged(key: Words, selection: int, part: int, value: str) -> Words:
    at = part.bit_length() - 1
    return _words((*key[:at], value, *key[at + 1 :]), selection)
