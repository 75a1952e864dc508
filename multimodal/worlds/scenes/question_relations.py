"""Questions about relations between objects, sides, and chains of two relations.

As in `question_attributes`, the answer is drawn first. Every object that the answer depends on is
clearly on one side or clearly on the other.

References:
    CLEVR (Johnson et al. 2017, section 3.2): chains of relations.
"""

from typing import Final

from multimodal.worlds.scenes import balances
from multimodal.worlds.scenes import question_grammar as grammar
from multimodal.worlds.scenes.balances import Attribute, Selection
from multimodal.worlds.scenes.graph import CONVERSE, RELATIONS, Relation
from multimodal.worlds.scenes.programs import Program
from multimodal.worlds.scenes.question_grammar import Draft, Noun, indefinite, plural, singular
from multimodal.worlds.scenes.references import Place, References, naming

_CHAIN_TRIES: Final = 10
_CROSSWISE: Final[dict[Relation, tuple[Relation, Relation]]] = {
    "left of": ("above", "below"),
    "right of": ("above", "below"),
    "above": ("left of", "right of"),
    "below": ("left of", "right of"),
}


def relation(references: References) -> Draft | None:
    """Ask "does the ring lie left of the star", or "what colour is the ring left of the star"."""
    draws = references.draws
    if draws.number(5) < 2:  # two questions of five
        return _relation_query(references)
    pair = _clear_pair(references)
    if pair is None:
        return None
    first, second, stated = pair
    if not draws.coin():
        stated = CONVERSE[stated]
    noun = draws.pick(grammar.NOUNS)
    subject, other = references.name(first), references.name(second)
    text = draws.pick(grammar.RELATION).format(
        f"the {singular(subject, noun)}",
        draws.pick(grammar.RELATED[stated]),
        f"the {singular(other, noun)}",
    )
    return Draft(text, (*naming(subject), *naming(other), ("holds", stated)))


def side(references: References) -> Draft | None:
    """Ask "is the large ring above or below the yellow star" (or the middle of the picture)."""
    draws = references.draws
    if len(references.numbers) == 1 or not draws.number(4):
        related = references.facts.related
        candidates = [
            (number, position)
            for number in references.nameable()
            for position in RELATIONS
            if related[position][-1] >> number & 1
        ]
        if not candidates:
            return None
        first, position = draws.pick(candidates)
        noun = draws.pick(grammar.NOUNS)
        other = draws.pick(grammar.MIDDLES)
        reference: Program = (("middle",),)
    else:
        pair = _clear_pair(references)
        if pair is None:
            return None
        first, second, position = pair
        noun = draws.pick(grammar.NOUNS)
        words = references.name(second)
        other, reference = f"the {singular(words, noun)}", naming(words)
    axis = "across" if position in {"left of", "right of"} else "down"
    subject = references.name(first)
    text = draws.pick(grammar.SIDE[axis]).format(f"the {singular(subject, noun)}", other)
    return Draft(text, (*naming(subject), *reference, ("side", axis)))


def chain(references: References) -> Draft | None:
    """Ask "are there any rings above the yellow shape left of the star": two relations."""
    draws = references.draws
    form = draws.pick(balances.CHAIN_FORMS)
    selection, probability = draws.pick(tuple(balances.CHAIN_EXIST_SHARES.items()))
    yes = draws.chance(probability)
    nameable = references.nameable()
    if len(references.numbers) < 3 or not nameable:
        return None
    for _ in range(_CHAIN_TRIES):
        anchor = draws.pick(nameable)
        places = references.places(anchor)
        if not places:
            continue
        near = draws.pick(places)
        if form == "exist":
            draft = _chain_exist(references, anchor, near, selection, yes=yes)
        elif form == "count":
            draft = _chain_count(references, anchor, near)
        else:
            draft = _query(references, anchor, form, near)
        if draft is not None:
            return draft
    return None


def _clear_pair(references: References) -> tuple[int, int, Relation] | None:
    """Draw two objects that can be named, and a relation of the first to the second."""
    nameable = references.nameable()
    if len(nameable) < 2:
        return None
    draws = references.draws
    first = draws.pick(nameable)
    second = draws.pick([number for number in nameable if number != first])
    related = references.facts.related
    candidates = [each for each in RELATIONS if related[each][second] >> first & 1]
    return (first, second, draws.pick(candidates)) if candidates else None


def _relation_query(references: References) -> Draft | None:
    nameable = references.nameable()
    if len(references.numbers) < 2 or not nameable:
        return None
    return _query(
        references, references.draws.pick(nameable), references.draws.pick(balances.ATTRIBUTES)
    )


def _query(
    references: References, anchor: int, attribute: Attribute, near: Place | None = None
) -> Draft | None:
    """Ask for an attribute of an object named by its relation to the anchor, or to `near`."""
    draws = references.draws
    candidates = [
        place
        for place in references.places(anchor if near is None else near.target)
        if attribute not in place.selection and place.target != anchor
    ]
    if attribute == "size":
        sized = references.of_drawn_size([place.target for place in candidates])
        preferred = [place for place in candidates if place.target in sized]
        # Scenes that allow chains have more small objects: a chain asks for the drawn size only.
        candidates = preferred if preferred or near is not None else candidates
    if not candidates:
        return None
    noun = references.noun(without=attribute)
    name = _name(references, anchor, noun)
    for place in (near, draws.pick(candidates)):
        if place is not None:
            name = _add_place(references, place, noun, name)
    text = draws.pick(grammar.QUERY[attribute]).format(name.text)
    return Draft(text, (*name.program, ("query", attribute)))


def _chain_exist(
    references: References, anchor: int, near: Place, selection: Selection, *, yes: bool
) -> Draft | None:
    # The second relation is at right angles to the first: along one axis, the first relation often
    # reveals the answer.
    draws = references.draws
    relation = draws.pick(_CROSSWISE[near.relation])
    sure, possible = references.clear(relation, near.target)
    others = [number for number in references.numbers if number not in {anchor, near.target}]
    if yes:
        candidates = [number for number in others if sure >> number & 1]
    else:
        candidates = [
            number for number in others if not references.alike(number, selection) & possible
        ]
    if not candidates:
        return None
    words = references.words(draws.pick(candidates), selection)
    noun = draws.pick(grammar.NOUNS)
    far, program = _related_group(references, anchor, near, relation, noun)
    text = draws.pick(grammar.CHAIN_EXIST).format(
        a=indefinite(words, noun), many=plural(words, noun), far=far
    )
    return Draft(text, (*program, *((("filter", *words),) if words else ()), ("exist",)))


def _chain_count(references: References, anchor: int, near: Place) -> Draft | None:
    draws = references.draws
    relation = draws.pick(_CROSSWISE[near.relation])
    sure, possible = references.clear(relation, near.target)
    if sure != possible:
        return None
    noun = draws.pick(grammar.NOUNS)
    far, program = _related_group(references, anchor, near, relation, noun)
    text = draws.pick(grammar.CHAIN_COUNT).format(many=plural((), noun), far=far)
    return Draft(text, (*program, ("count",)))


def _related_group(
    references: References, anchor: int, near: Place, relation: Relation, noun: Noun
) -> Draft:
    """Name the objects that have a relation to the object `near`, itself named from the anchor."""
    middle, program = _add_place(references, near, noun, _name(references, anchor, noun))
    toward = references.draws.pick(grammar.RELATED[relation])
    return Draft(f"{toward} {middle}", (*program, ("relate", relation)))


def _name(references: References, anchor: int, noun: Noun) -> Draft:
    """Name an object by its attributes."""
    words = references.name(anchor)
    return Draft(f"the {singular(words, noun)}", naming(words))


def _add_place(references: References, place: Place, noun: Noun, anchor: Draft) -> Draft:
    """Name an object by its relation to the already named anchor."""
    toward = references.draws.pick(grammar.RELATED[place.relation])
    filtered = (("filter", *place.words),) if place.words else ()
    return Draft(
        f"the {singular(place.words, noun)} {toward} {anchor.text}",
        (*anchor.program, ("relate", place.relation), *filtered, ("unique",)),
    )
