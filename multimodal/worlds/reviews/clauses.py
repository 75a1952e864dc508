"""Clauses: an opinion of one aspect, the smallest part of a review.

A clause is drawn for the opinion it should express; if a negator reverses it, its opinion word is
the opposite. `HELD_OUT_PAIRS` of an aspect or negator and an opinion word are kept for the test
reviews: training shows each of the two only with other partners.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from multimodal.worlds.draws import Draws
from multimodal.worlds.reviews.lexicon import (
    ASPECTS,
    FRAMES,
    NEGATORS,
    OPINION_WORDS,
    RELATIVES,
    SLOTS,
    STRENGTHENERS,
    SUBJECTS,
    WEAKENERS,
    Kind,
    Negator,
    OpinionWord,
)


@dataclass(frozen=True, slots=True)
class Opinion:
    """A clause's opinion of one aspect.

    Args:
        aspect: The subject of the opinion: "plot".
        word: The opinion word's plain form.
        negators: The negators that reverse it, in the order of the text; two cancel out.
        positive: Whether it is praise, after all negators.
        strength: 1 for weakened, 2 for plain, 3 for strengthened.
        counts: Whether it is the writer's own opinion: neither conceded in a contrast nor hearsay.

    Example:
        >>> Opinion("plot", "dull", ("not",), positive=True, strength=2, counts=True).score
        2
    """

    aspect: str
    word: str
    negators: tuple[str, ...]
    positive: bool
    strength: int
    counts: bool

    @property
    def score(self) -> int:
        """Its part of the review's score: its strength with a sign, or 0 if it does not count."""
        return (self.strength if self.positive else -self.strength) * self.counts


class Voice(NamedTuple):
    """The properties that are the same throughout a review."""

    domain: str  # film, restaurant or hotel
    past: bool  # in the past tense
    held_out: bool  # every opinion is a pair that is kept for the test reviews


def _held_out_pairs() -> frozenset[tuple[str, str]]:
    """Choose a quarter of all pairs, so that each constituent keeps most of its other pairs."""
    negators = dict.fromkeys(
        [negator.name for kind in NEGATORS.values() for negator in kind] + list(FRAMES)
    )
    aspects = dict.fromkeys(aspect for aspects in ASPECTS.values() for aspect in aspects)
    kinds = dict.fromkeys((word.kind, word.positive) for word in OPINION_WORDS)
    alike = [
        [word for word in OPINION_WORDS if (word.kind, word.positive) == kind] for kind in kinds
    ]
    return frozenset(
        (constituent, word.base)
        for number, constituent in enumerate([*negators, *aspects])
        for words in alike
        for index, word in enumerate(words)
        if (number + index) % 4 == 0
    )


HELD_OUT_PAIRS: Final = _held_out_pairs()
"""(negator or aspect, opinion word) that no training review shows together."""


def draw_clause(
    draws: Draws, voice: Voice, *, positive: bool, negated: bool, frame: str = ""
) -> tuple[str, Opinion]:
    """Draw a clause, without capital and stop, that expresses praise or blame.

    Args:
        draws: The random choices.
        voice: The review's properties.
        positive: Praise or blame, after all negators.
        negated: Whether it has a negator of its own.
        frame: The beginning that denies it, if there is one; it becomes part of the clause.

    Example:
        >>> voice = Voice("film", past=True, held_out=False)
        >>> text, opinion = draw_clause(Draws("a key"), voice, positive=True, negated=True)
        >>> opinion.positive, len(opinion.negators)
        (True, 1)
    """
    kind: Kind = draws.pick(_KINDS)
    if kind == "verb" and frame:
        kind = "adjective"  # "nobody could say that I hated" is about oneself again
    aspect = draws.pick(ASPECTS[voice.domain])
    negator = draws.pick(NEGATORS[kind]) if negated else None
    negators = (*([frame] if frame else []), *([negator.name] if negator else []))
    plain = positive != bool(len(negators) % 2)  # the opinion of the word itself
    word = draws.pick(_choices(voice, kind, plain, aspect, negators))
    strength, degree = 2, ""
    if negator is not None:
        strength = negator.strength
    elif word.kind == "adjective" and not frame:
        strength, degree = draws.pick(_DEGREES)
    if degree:
        degree = draws.pick(WEAKENERS if degree == "weak" else STRENGTHENERS)
    text = _write(draws, voice, _Parts(aspect, word, negator, degree))
    opinion = Opinion(aspect, word.base, negators, positive, strength, counts=True)
    return f"{frame} {text}".strip(), opinion


def fill(draws: Draws, template: str, domain: str) -> str:
    """Fill the slots of a template, their names in braces, with drawn words."""
    for slot, choices in (*SLOTS.items(), ("subject", SUBJECTS[domain])):
        if f"{{{slot}}}" in template:
            template = template.replace(f"{{{slot}}}", draws.pick(choices))
    return template


_ADJECTIVES: Final[tuple[Kind, ...]] = ("adjective",) * 6
_KINDS: Final[tuple[Kind, ...]] = (*_ADJECTIVES, "phrase", "verb")
_DEGREES: Final = ((2, ""), (2, ""), (1, "weak"), (3, "strong"))
_BE_PAST: Final = ("was", "was", "seemed")
_BE_PRESENT: Final = ("is", "is", "seems")
FUNCTION_WORDS: Final = ("I", "the", *_BE_PAST, *_BE_PRESENT)
"""The words of clauses that are not in the lexicon."""


@cache
def _choices(
    voice: Voice, kind: Kind, positive: bool, aspect: str, negators: tuple[str, ...]
) -> tuple[OpinionWord, ...]:
    """List the words that fit: in training no pair is held out, in a test review one pair is.

    It is the pair with a negator if there is one, which is harder.
    """

    def fits(word: OpinionWord) -> bool:
        constituents = (negators or (aspect,)) if voice.held_out else (*negators, aspect)
        held_out = any((constituent, word.base) in HELD_OUT_PAIRS for constituent in constituents)
        return held_out == voice.held_out

    return tuple(
        word
        for word in OPINION_WORDS
        if word.kind == kind
        and word.positive == positive
        and word.domain in ("", voice.domain)
        and fits(word)
    )


class _Parts(NamedTuple):
    aspect: str
    word: OpinionWord
    negator: Negator | None
    degree: str


def _write(draws: Draws, voice: Voice, parts: _Parts) -> str:
    aspect, word, negator, degree = parts
    if word.kind == "verb":
        return " ".join(["I", *_verb_phrase(voice, word, negator), "the", aspect])
    subject = f"the {aspect}"
    if draws.number(5) == 0:
        subject += f" , {fill(draws, draws.pick(RELATIVES), voice.domain)} ,"
    if word.kind == "phrase":
        return " ".join([subject, *_verb_phrase(voice, word, negator)])
    if negator is not None:
        return f"{subject} {negator.past if voice.past else negator.present} {word.base}"
    be = draws.pick(_BE_PAST if voice.past else _BE_PRESENT)
    return " ".join(filter(None, [subject, be, degree, word.base]))


def _verb_phrase(voice: Voice, word: OpinionWord, negator: Negator | None) -> list[str]:
    verb = word.past if voice.past else word.present  # verbs about oneself have only a past
    if negator is None:
        return [verb]
    written = negator.past if voice.past else negator.present
    return [written, word.base if negator.bare else verb]
