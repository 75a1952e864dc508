"""Questions about attributes and numbers of objects: each function drafts one kind of question.

Every function first draws the answer it wants and then looks for objects that make it true; if
there are none, it returns None. So the words of a question hardly predict its answer: only numbers
stay uneven, since groups are small. `balances` has the weights.

References:
    Goyal et al. 2017, "Making the V in VQA Matter" (questions must not predict their answers).
    CLEVR (Johnson et al. 2017, supplement B) rejects questions until the answers are balanced.
"""

from collections.abc import Sequence
from typing import Final

from multimodal.worlds.scenes import balances
from multimodal.worlds.scenes import question_grammar as grammar
from multimodal.worlds.scenes.balances import Attribute, Selection
from multimodal.worlds.scenes.programs import Program
from multimodal.worlds.scenes.question_grammar import Draft, Words, indefinite, plural, singular
from multimodal.worlds.scenes.references import References, naming

_SCENE: Final = ("scene",)
_EXIST: Final = ("exist",)
_COUNT: Final = ("count",)


def exist(references: References) -> Draft | None:
    """Ask "are there any small yellow things"; "yes" and "no" are equally likely."""
    draws = references.draws
    selection = draws.pick(balances.EXIST_SELECTIONS)
    like = draws.pick(_of_one_size(references, selection))
    words: Words | None
    if draws.coin():
        words = references.words(like, selection)
    else:
        words = references.absent(like, selection)
    if words is None:
        return None
    return _of_group(references, grammar.EXIST, words, _EXIST)


def count(references: References) -> Draft | None:
    """Ask "how many yellow squares can you see"; the numbers are as even as scenes allow."""
    draws = references.draws
    selection = draws.pick(balances.COUNT_SELECTIONS)
    groups = _groups(references, selection)
    if selection:
        absent = references.absent(draws.pick(references.numbers), selection)
        if absent is not None:
            groups[absent] = 0
    words = _weighted(references, groups)
    return _of_group(references, grammar.COUNT, words, _COUNT)


def query(references: References, attribute: Attribute) -> Draft | None:
    """Ask "what colour is the large ring": for an attribute of an object named without it."""
    named = references.nameable(without=attribute)
    if not named:
        return None
    draws = references.draws
    if attribute == "size":
        named = references.of_drawn_size(named) or named
    number = draws.pick(named)
    words = references.name(number, without=attribute)
    the = f"the {singular(words, references.noun(without=attribute))}"
    text = draws.pick(grammar.QUERY[attribute]).format(the)
    return Draft(text, (*naming(words), ("query", attribute)))


def compare_counts(references: References) -> Draft | None:
    """Ask "are there more small squares than large rings", or fewer, or as many."""
    draws = references.draws
    comparison, yes = draws.pick(balances.COMPARISONS), draws.coin()
    selection = draws.pick(balances.COMPARED_SELECTIONS)
    groups = _groups(references, selection)
    equals = [
        (first, second)
        for first, number in groups.items()
        for second, other in groups.items()
        if number == other and first != second
    ]
    if comparison == "equal":
        if not equals:  # without such a pair the answer to "as many" would always be "no"
            return None
        equal, swap = yes, draws.coin()
    else:
        equal = bool(equals) and not yes and draws.coin()
        swap = (comparison == "more") != yes
    pair = draws.pick(equals) if equal else _unequal(references, groups, selection)
    if pair is None:
        return None
    first, second = pair[::-1] if swap else pair
    noun = draws.pick(grammar.NOUNS)
    wording = draws.pick(grammar.COMPARE_COUNTS[comparison])
    text = wording.format(plural(first, noun), plural(second, noun))
    left: Program = (_SCENE, ("filter", *first), _COUNT)
    return Draft(text, (*left, _SCENE, ("filter", *second), _COUNT, (comparison,)))


def compare_attributes(references: References) -> Draft | None:
    """Ask "is the star the same colour as the small triangle": they are named without it."""
    draws = references.draws
    attribute = draws.pick(balances.ATTRIBUTES)
    same = draws.chance(balances.SAME_SHARES[attribute])
    named = references.nameable(without=attribute)
    pairs = [
        (first, second)
        for first in named
        for second in named
        if first != second and (references.alike(first, (attribute,)) >> second & 1) == same
    ]
    if not pairs:
        return None
    first, second = (references.name(number, without=attribute) for number in draws.pick(pairs))
    noun = references.noun(without=attribute)
    text = draws.pick(grammar.COMPARE_ATTRIBUTES).format(
        first=f"the {singular(first, noun)}",
        second=f"the {singular(second, noun)}",
        attribute=attribute,
    )
    return Draft(text, (*naming(first), *naming(second), ("same", attribute)))


def _of_one_size(references: References, selection: Selection) -> Sequence[int]:
    """Keep the objects of a drawn size if the size is named, so that both are equally frequent."""
    numbers = references.numbers
    return (references.of_drawn_size(numbers) if "size" in selection else ()) or numbers


def _of_group(
    references: References, wordings: tuple[str, ...], words: Words, end: tuple[str]
) -> Draft:
    noun = references.draws.pick(grammar.NOUNS)
    wording = references.draws.pick(wordings)
    text = wording.format(a=indefinite(words, noun), many=plural(words, noun))
    return Draft(text, (_SCENE, ("filter", *words), end) if words else (_SCENE, end))


def _groups(references: References, selection: Selection) -> dict[Words, int]:
    """Count the objects of every description that fits at least one."""
    return {
        references.words(number, selection): references.alike(number, selection).bit_count()
        for number in references.numbers
    }


def _unequal(
    references: References, groups: dict[Words, int], selection: Selection
) -> tuple[Words, Words] | None:
    """Draw a group and a smaller one, which may be empty."""
    draws = references.draws
    number = draws.pick(_of_one_size(references, selection))
    bigger = references.words(number, selection)
    fewer = [words for words, size in groups.items() if size < groups[bigger]]
    if fewer and draws.number(4):
        return bigger, draws.pick(fewer)
    # Similar to any object, not to the bigger group: two similar descriptions would reveal the
    # answer.
    absent = references.absent(draws.pick(references.numbers), selection)
    return None if absent is None else (bigger, absent)


def _weighted(references: References, groups: dict[Words, int]) -> Words:
    """Draw a number by its weight, then a group of that size."""
    numbers = sorted(set(groups.values()))
    drawn = references.draws.number(sum(balances.COUNT_WEIGHTS[number] for number in numbers))
    wanted = numbers[-1]
    for number in numbers:
        drawn -= balances.COUNT_WEIGHTS[number]
        if drawn < 0:
            wanted = number
            break
    return references.draws.pick([words for words, size in groups.items() if size == wanted])
