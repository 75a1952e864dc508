"""Programs that answer questions, and their executor.

A program is a tuple of operations, each a tuple of words: its name and its arguments. It runs on a
stack; "is the star the same colour as the ring" is::

    ("scene",) ("filter", "star") ("unique",) ("scene",) ("filter", "ring") ("unique",)
    ("same", "colour")

| operation | takes | gives |
|---|---|---|
| ``scene`` | | the set of all objects |
| ``filter WORD...`` | a set | those of it that have every word as size, colour or shape |
| ``unique`` | a set of one | its object |
| ``relate RELATION`` | an object | the set of objects with that relation to it |
| ``middle`` | | the middle of the picture, in place of an object |
| ``count`` | a set | its number; also an answer |
| ``exist`` | a set | answer: yes or no |
| ``query ATTRIBUTE`` | an object | answer: its colour, shape or size |
| ``same ATTRIBUTE`` | two objects | answer: yes or no |
| ``more``, ``fewer``, ``equal`` | two numbers | answer: yes or no, of the first by the second |
| ``holds RELATION`` | two objects | answer: yes or no, of the first by the second |
| ``side across``, ``side down`` | two objects | answer: the side on which the first is |

References:
    CLEVR (Johnson et al. 2017, section 3.2 and supplement B): functional programs of questions.
"""

import operator
from collections.abc import Callable, Iterable
from typing import Final

from multimodal.worlds.scenes.graph import RELATIONS, STATED_MARGIN, Relation, Scene

Operation = tuple[str, ...]
Program = tuple[Operation, ...]

OPERATIONS: Final = (
    *("scene", "filter", "unique", "relate", "middle", "count"),
    *("exist", "query", "same", "more", "fewer", "equal", "holds", "side"),
)

_YES_NO: Final = ("no", "yes")
_RELATIONS: Final[dict[str, Relation]] = {relation: relation for relation in RELATIONS}
_SIDES: Final[dict[str, tuple[tuple[str, Relation], ...]]] = {
    "across": (("left", "left of"), ("right", "right of")),
    "down": (("above", "above"), ("below", "below")),
}
_COMPARISONS: Final[dict[str, Callable[[int, int], bool]]] = {
    "more": operator.gt,
    "fewer": operator.lt,
    "equal": operator.eq,
}


def run(program: Program, scene: Scene, *, margin: float = STATED_MARGIN) -> str:
    """Answer a question from the scene graph.

    Args:
        program: The operations, in the order of execution; the last one gives the answer.
        scene: The graph.
        margin: The least distance of centres for a relation, as a fraction of the image's side; a
            negative margin includes objects that are a little on the other side.

    Raises:
        ValueError: If an operation is unknown or lacks its input, "unique" gets no object or
            several, a side is too close to call, or the program does not end with one answer.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> run((("scene",), ("count",)), sample_scene(0, 4, "train"))
        '3'
    """
    return execute(program, Facts(scene, margin))


class Facts:
    """A scene as sets: a set of objects is a number whose bit i is set if object i is in it.

    Attributes:
        scene: The graph.
        everything: The set of all objects.
        having: For each word, the set of objects with it as size, colour or shape.
        related: For each relation, a list: the set of objects with that relation to object i; the
            last entry is for the middle of the image.
    """

    __slots__ = ("everything", "having", "related", "scene")

    def __init__(self, scene: Scene, margin: float = STATED_MARGIN) -> None:
        self.scene = scene
        self.everything = (1 << len(scene.objects)) - 1
        self.having: dict[str, int] = {}
        for number, thing in enumerate(scene.objects):
            for word in (thing.size, thing.colour, thing.shape):
                self.having[word] = self.having.get(word, 0) | 1 << number
        self.related = _related(scene, margin)

    def select(self, words: Iterable[str]) -> int:
        """Return the set of objects that have all the words as size, colour or shape."""
        objects = self.everything
        for word in words:
            objects &= self.having.get(word, 0)
        return objects


def _related(scene: Scene, margin: float) -> dict[Relation, list[int]]:
    centres = [(thing.x, thing.y) for thing in scene.objects]
    related: dict[Relation, list[int]] = {relation: [] for relation in RELATIONS}
    for other, (other_x, other_y) in enumerate([*centres, (0.5, 0.5)]):
        left = right = above = below = 0
        for number, (x, y) in enumerate(centres):
            if number == other:
                continue
            bit = 1 << number
            if other_x - x >= margin:
                left |= bit
            if x - other_x >= margin:
                right |= bit
            if other_y - y >= margin:
                above |= bit
            if y - other_y >= margin:
                below |= bit
        related["left of"].append(left)
        related["right of"].append(right)
        related["above"].append(above)
        related["below"].append(below)
    return related


def execute(program: Program, facts: Facts) -> str:
    """Run a program on the sets of a scene, as `run` does from the scene itself."""
    stack: list[int] = []
    answer = ""
    for position, operation in enumerate(program, start=1):
        try:
            if position < len(program):
                _step(facts, stack, operation)
            else:
                answer = _answer(facts, stack, operation)
        except (IndexError, KeyError):
            raise ValueError(
                f"Operation {position} of {len(program)}, {operation!r}, does not work here: it is "
                f"unknown, or its argument is, or nothing was left for it, or it gives no answer "
                f"where one is due. Known are {', '.join(OPERATIONS)}."
            ) from None
    if stack or not program:
        raise ValueError(
            f"A program must end with one answer, got {answer!r} with {len(stack)} values left "
            f"over. Lead every branch to the last operation."
        )
    return answer


def _step(facts: Facts, stack: list[int], operation: Operation) -> None:
    """Run an operation that leaves a set, an object or a number on the stack."""
    match operation:
        case ("scene",):
            stack.append(facts.everything)
        case ("filter", *words):
            stack[-1] &= facts.select(words)
        case ("unique",):
            stack.append(_only(stack.pop()))
        case ("relate", relation):
            stack.append(facts.related[_RELATIONS[relation]][stack.pop()])
        case ("count",):
            stack.append(stack.pop().bit_count())
        case ("middle",):
            stack.append(len(facts.scene.objects))
        case _:
            raise KeyError(operation)


def _answer(facts: Facts, stack: list[int], operation: Operation) -> str:
    """Run the operation that ends a program."""
    last = stack.pop()
    match operation:
        case ("exist",):
            return _YES_NO[last != 0]
        case ("count",):
            return str(last.bit_count())
        case ("query", attribute):
            return _attribute(facts, last, attribute)
        case ("same", attribute):
            other = _attribute(facts, stack.pop(), attribute)
            return _YES_NO[other == _attribute(facts, last, attribute)]
        case ("holds", relation):
            return _YES_NO[facts.related[_RELATIONS[relation]][last] >> stack.pop() & 1]
        case ("side", axis):
            return _side(facts, stack.pop(), last, axis)
    return _YES_NO[_COMPARISONS[operation[0]](stack.pop(), last)]


def _only(objects: int) -> int:
    if objects.bit_count() != 1:
        raise ValueError(
            f"`unique` expects exactly one object, found {objects.bit_count()}. Filter before it "
            f"until one is left."
        )
    return objects.bit_length() - 1


def _attribute(facts: Facts, number: int, attribute: str) -> str:
    thing = facts.scene.objects[number]
    if attribute == "colour":
        return thing.colour
    if attribute == "shape":
        return thing.shape
    if attribute == "size":
        return thing.size
    raise KeyError(attribute)


def _side(facts: Facts, first: int, second: int, axis: str) -> str:
    for answer, relation in _SIDES[axis]:
        if facts.related[relation][second] >> first & 1:
            return answer
    raise ValueError(
        f"The side of one object from the other is too close to call {axis}. Ask along the other "
        f"axis."
    )
