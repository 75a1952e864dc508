"""Clauses that judge one aspect: the smallest piece of a review that holds an opinion.

A clause is drawn for the opinion it should express. If it is to be turned round by a negator, its
word says the opposite. Some pairs of constituents, `HELD_OUT_PAIRS`, are kept for the test reviews:
training never shows this noun with this word, or this negator with this word, though it shows each
of them with many others.
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
    """What a clause says of one aspect.

    Args:
        aspect: What is judged.
        word: The opinion word's plain form.
        negators: What turns it round, in the order of the text; two turn it back.
        positive: Whether it praises, all negators applied.
        strength: 1 for weakened, 2 for plain, 3 for strengthened.
        counts: Whether it is the writer's own verdict: neither granted in a contrast nor hearsay.

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
        """What it adds to the verdict: its strength with a sign, or 0 if it does not count."""
        return (self.strength if self.positive else -self.strength) * self.counts


class Voice(NamedTuple):
    """What stays the same throughout a review.

    Attributes:
        domain: What is reviewed: film, restaurant or hotel.
        past: Whether it is told in the past tense.
        held_out: Whether every opinion is a pair that is kept for the test reviews.
    """

    domain: str
    past: bool
    held_out: bool


def _held_out_pairs() -> frozenset[tuple[str, str]]:
    """A quarter of all pairs, chosen so that each constituent keeps most of its others."""
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
        for place, word in enumerate(words)
        if (number + place) % 4 == 0
    )


HELD_OUT_PAIRS: Final = _held_out_pairs()
"""(negator or aspect, opinion word) that no training review shows together."""


def draw_clause(
    draws: Draws, voice: Voice, *, positive: bool, negated: bool, frame: str = ""
) -> tuple[str, Opinion]:
    """Draw a clause with a given opinion.

    Args:
        draws: Where choices come from.
        voice: The review's domain, tense, and whether its pairs are the held-out ones.
        positive: What the clause says in the end, its own negator and the frame's applied.
        negated: Whether it has a negator of its own.
        frame: The beginning that denies it, if there is one; it is part of what is said.

    Returns:
        The clause, without capital and stop, and its opinion.

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
    blunt = positive != bool(len(negators) % 2)  # what its word says, nothing turned round
    word = draws.pick(_choices(voice, kind, blunt, aspect, negators))
    strength, degree = 2, ""
    if negator is not None:
        strength = negator.strength
    elif word.kind == "adjective" and not frame:
        strength, degree = draws.pick(_DEGREES)
    text = _write(draws, voice, _Parts(aspect, word, negator, _draw_degree(draws, degree)))
    opinion = Opinion(aspect, word.base, negators, positive, strength, counts=True)
    return f"{frame} {text}".strip(), opinion


def fill(draws: Draws, template: str, domain: str) -> str:
    """Fill the slots of a template.

    Args:
        draws: Where choices come from.
        template: A text with names of slots in braces.
        domain: What is reviewed.

    Returns:
        The text.

    Example:
        >>> fill(Draws("a key"), "nobody else was there", "film")
        'nobody else was there'
    """
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
"""The words of clauses that the lexicon does not hold."""


@cache
def _choices(
    voice: Voice, kind: Kind, positive: bool, aspect: str, negators: tuple[str, ...]
) -> tuple[OpinionWord, ...]:
    """List the words that fit: in training no pair is a held-out one, in a test review one is.

    There it is the pair with a negator, if there is any: that is the harder one.
    """

    def fits(word: OpinionWord) -> bool:
        constituents = (negators or (aspect,)) if voice.held_out else (*negators, aspect)
        held = any((constituent, word.base) in HELD_OUT_PAIRS for constituent in constituents)
        return held == voice.held_out

    return tuple(
        word
        for word in OPINION_WORDS
        if word.kind == kind
        and word.positive == positive
        and word.domain in ("", voice.domain)
        and fits(word)
    )


def _draw_degree(draws: Draws, degree: str) -> str:
    if not degree:
        return ""
    return draws.pick(WEAKENERS if degree == "weak" else STRENGTHENERS)


class _Parts(NamedTuple):
    """What a clause is put together from."""

    aspect: str
    word: OpinionWord
    negator: Negator | None
    degree: str


def _write(draws: Draws, voice: Voice, parts: _Parts) -> str:
    aspect, word, negator, degree = parts
    if word.kind == "verb":
        return " ".join(["I", *_said(voice, word, negator), "the", aspect])
    subject = f"the {aspect}"
    if draws.number(5) == 0:
        subject += f" , {fill(draws, draws.pick(RELATIVES), voice.domain)} ,"
    if word.kind == "phrase":
        return " ".join([subject, *_said(voice, word, negator)])
    if negator is not None:
        return f"{subject} {negator.past if voice.past else negator.present} {word.base}"
    be = draws.pick(_BE_PAST if voice.past else _BE_PRESENT)
    return " ".join(filter(None, [subject, be, degree, word.base]))


def _said(voice: Voice, word: OpinionWord, negator: Negator | None) -> list[str]:
    verb = word.past if voice.past else word.present  # verbs about oneself have only a past
    if negator is None:
        return [verb]
    written = negator.past if voice.past else negator.present
    return [written, word.base if negator.bare else verb]
