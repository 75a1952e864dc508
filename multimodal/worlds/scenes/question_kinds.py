"""What is asked about objects as they are: each function drafts a question of one kind.

Every function first draws what it wants to hear and only then looks for something in the scene that
makes this the answer; what it cannot find it leaves (None), rather than asking for what is there.
So the words hardly say which answer to expect: numbers alone stay uneven, since groups are small.

References:
    Goyal et al. 2017, "Making the V in VQA Matter" (questions must not tell their answers).
    CLEVR (Johnson et al. 2017, supplement B) rejects questions until the answers are balanced.
"""

from collections.abc import Sequence
from typing import Final

from multimodal.worlds.scenes import question_grammar as grammar
from multimodal.worlds.scenes.programs import Program
from multimodal.worlds.scenes.question_grammar import Draft, Words, indefinite, plural, singular
from multimodal.worlds.scenes.references import ATTRIBUTES, COLOUR, SHAPE, SIZE, References, naming

_SCENE: Final = ("scene",)
_EXIST: Final = ("exist",)
_COUNT: Final = ("count",)

# Which attributes a question names, drawn evenly from these.
_EXIST_SELECTIONS: Final = (COLOUR, SHAPE, COLOUR + SHAPE, SIZE + COLOUR, SIZE + SHAPE, 7)
_COUNT_SELECTIONS: Final = (
    0,
    0,
    SIZE,
    SIZE,
    SIZE,
    COLOUR,
    SHAPE,
    SHAPE,
    SIZE + SHAPE,
    COLOUR + SHAPE,
)
_COMPARED_SELECTIONS: Final = (SIZE, COLOUR, SHAPE, SIZE + SHAPE, SIZE + COLOUR)
# How likely each number is wanted against the others that a scene offers: the high ones are rare.
_COUNT_WEIGHTS: Final = (5, 6, 20, 50, 100, 200)
# Not every scene has two groups of one number, which every "as many" needs.
_COMPARISONS: Final = ("more", "fewer", "equal", "equal")
# In how many of 64 questions "yes" is wanted: fewer scenes offer two objects of one colour that can
# be named without it than two of different colours, and both are to come out even.
_SAME_WANTED: Final[dict[str, int]] = {"colour": 38, "shape": 35, "size": 29}


def exist(references: References) -> Draft | None:
    """Ask whether the scene shows something; yes and no are equally wanted.

    Args:
        references: the scene's names and choices.

    Returns:
        The question and its program; None when this draw finds nothing to ask.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> draft = exist(References(sample_scene(0, 9, "train")))
        >>> draft.text if draft else None
        'are there any small yellow things'
    """
    draws = references.draws
    selection = draws.pick(_EXIST_SELECTIONS)
    like = draws.pick(_even_sized(references, selection))
    words: Words | None
    if draws.coin():
        words = references.words(like, selection)
    else:
        words = references.absent(like, selection)
    if words is None:
        return None
    return _of_group(references, grammar.EXIST, words, _EXIST)


def count(references: References) -> Draft | None:
    """Ask how many there are; the numbers are as even as scenes allow.

    Args:
        references: the scene's names and choices.

    Returns:
        The question and its program; None when this draw finds nothing to ask.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> draft = count(References(sample_scene(0, 9, "train")))
        >>> draft.text if draft else None
        'how many yellow squares can you see'
    """
    draws = references.draws
    selection = draws.pick(_COUNT_SELECTIONS)
    groups = _groups(references, selection)
    if selection:
        absent = references.absent(draws.pick(references.numbers), selection)
        if absent is not None:
            groups[absent] = 0
    words = _weighted(references, groups)
    return _of_group(references, grammar.COUNT, words, _COUNT)


def query(references: References, attribute: str) -> Draft | None:
    """Ask for an attribute of an object that is named without it.

    Args:
        references: the scene's names and choices.
        attribute: "colour", "shape" or "size".

    Returns:
        The question and its program; None when this draw finds nothing to ask.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> draft = query(References(sample_scene(0, 9, "train")), "colour")
        >>> draft.text if draft else None
        'what colour is the large ring'
    """
    bit = ATTRIBUTES[attribute]
    named = [number for number in references.numbers if references.names(number, without=bit)]
    if not named:
        return None
    draws = references.draws
    if attribute == "size":
        named = references.of_drawn_size(named) or named
    number = draws.pick(named)
    words = references.name(number, without=bit)
    the = f"the {singular(words, references.noun(without=bit))}"
    text = draws.pick(grammar.QUERY[attribute]).format(the)
    return Draft(text, (*naming(words), ("query", attribute)))


def compare_counts(references: References) -> Draft | None:
    """Ask whether there are more of one kind than of another, fewer, or as many.

    Args:
        references: the scene's names and choices.

    Returns:
        The question and its program; None when this draw finds nothing to ask.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> draft = compare_counts(References(sample_scene(0, 9, "train")))
        >>> draft.text if draft else None
        'does the picture show fewer small squares than large rings'
    """
    draws = references.draws
    comparison, yes = draws.pick(_COMPARISONS), draws.coin()
    selection = draws.pick(_COMPARED_SELECTIONS)
    groups = _groups(references, selection)
    evens = [
        (first, second)
        for first, number in groups.items()
        for second, other in groups.items()
        if number == other and first != second
    ]
    if comparison == "equal":
        if not evens:  # without one, every "as many" would be answered by no
            return None
        even, swap = yes, draws.coin()
    else:
        even = bool(evens) and not yes and draws.coin()
        swap = (comparison == "more") != yes
    pair = draws.pick(evens) if even else _uneven(references, groups, selection)
    if pair is None:
        return None
    first, second = pair[::-1] if swap else pair
    noun = draws.pick(grammar.NOUNS)
    wording = draws.pick(grammar.COMPARE_COUNTS[comparison])
    text = wording.format(plural(first, noun), plural(second, noun))
    left: Program = (_SCENE, ("filter", *first), _COUNT)
    return Draft(text, (*left, _SCENE, ("filter", *second), _COUNT, (comparison,)))


def compare_attributes(references: References) -> Draft | None:
    """Ask whether two objects, named without it, have the same colour, shape or size.

    Args:
        references: the scene's names and choices.

    Returns:
        The question and its program; None when this draw finds nothing to ask.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> draft = compare_attributes(References(sample_scene(0, 9, "train")))
        >>> draft.text if draft else None
        'is the star the same colour as the small triangle'
    """
    draws = references.draws
    attribute = draws.pick(tuple(ATTRIBUTES))
    bit = ATTRIBUTES[attribute]
    same = draws.number(64) < _SAME_WANTED[attribute]
    named = [number for number in references.numbers if references.names(number, without=bit)]
    pairs = [
        (first, second)
        for first in named
        for second in named
        if first != second and (references.alike(first, bit) >> second & 1) == same
    ]
    if not pairs:
        return None
    first, second = (references.name(number, without=bit) for number in draws.pick(pairs))
    noun = references.noun(without=bit)
    text = draws.pick(grammar.COMPARE_ATTRIBUTES).format(
        first=f"the {singular(first, noun)}",
        second=f"the {singular(second, noun)}",
        attribute=attribute,
    )
    return Draft(text, (*naming(first), *naming(second), ("same", attribute)))


def _even_sized(references: References, selection: int) -> Sequence[int]:
    """Keep the objects of one size where the size is told, so that both are told equally often."""
    numbers = references.numbers
    return (references.of_drawn_size(numbers) if selection & SIZE else ()) or numbers


def _of_group(
    references: References, wordings: tuple[str, ...], words: Words, end: tuple[str]
) -> Draft:
    noun = references.draws.pick(grammar.NOUNS)
    wording = references.draws.pick(wordings)
    text = wording.format(a=indefinite(words, noun), many=plural(words, noun))
    return Draft(text, (_SCENE, ("filter", *words), end) if words else (_SCENE, end))


def _groups(references: References, selection: int) -> dict[Words, int]:
    """Number the objects of every description that fits one or more."""
    return {
        references.words(number, selection): references.alike(number, selection).bit_count()
        for number in references.numbers
    }


def _uneven(
    references: References, groups: dict[Words, int], selection: int
) -> tuple[Words, Words] | None:
    """Draw a group and a smaller one, which may be one that is not there."""
    draws = references.draws
    number = draws.pick(_even_sized(references, selection))
    bigger = references.words(number, selection)
    fewer = [words for words, size in groups.items() if size < groups[bigger]]
    if fewer and draws.number(4):
        return bigger, draws.pick(fewer)
    # Like any object, not like the bigger group: else two alike descriptions would tell the answer.
    absent = references.absent(draws.pick(references.numbers), selection)
    return None if absent is None else (bigger, absent)


def _weighted(references: References, groups: dict[Words, int]) -> Words:
    """Draw a number by its weight, then a group of that many."""
    numbers = sorted(set(groups.values()))
    drawn = references.draws.number(sum(_COUNT_WEIGHTS[number] for number in numbers))
    wanted = numbers[-1]
    for number in numbers:
        drawn -= _COUNT_WEIGHTS[number]
        if drawn < 0:
            wanted = number
            break
    return references.draws.pick([words for words, size in groups.items() if size == wanted])
