"""Sample reviews: a review is a pure function of (seed, index, split).

A review is a sequence of opinions of several aspects, and of remarks without any. Its label follows
by rule: the writer's own opinions are added up, each with its strength. An opinion that is conceded
("although the plot was dull, ...") or somebody else's ("the critics say that ...") does not count.
Since the words of a denied, conceded or reported opinion are misleading, a model has to read the
whole sentence.

Splits are disjoint. Training and validation reviews never contain a pair of `HELD_OUT_PAIRS`, and a
code of the text decides which of the two it belongs to; in a test review every opinion is such a
pair, in sentences of the same forms.

References:
    Keysers et al. 2020, "Measuring compositional generalization", section 2: the same atoms in
    train and test, distributed alike, in new compounds.
"""

import zlib
from dataclasses import dataclass, replace
from typing import Final

from multimodal.worlds.draws import Draws, check_key
from multimodal.worlds.reviews.clauses import Opinion, Voice, draw_clause, fill
from multimodal.worlds.reviews.lexicon import ASPECTS, CONTRASTS, FRAMES, HEARSAY, REMARKS

SPLITS: Final = ("train", "val", "test")
MIN_WORDS: Final = 5
MAX_WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class Review:
    """A review with its label and the opinions from which it follows.

    Args:
        text: The review, of 5 to 200 words.
        label: ``positive`` or ``negative``.
        stars: The rating, 1 to 5 in halves, but never 3.
        opinions: Its opinions, in the order of the text.
        seed: With index and split the key that draws it again.
    """

    text: str
    label: str
    stars: float
    opinions: tuple[Opinion, ...]
    seed: int
    index: int
    split: str


def sample_review(seed: int, index: int, split: str) -> Review:
    """Sample a review: the one of an index, from 0 on, in one of `SPLITS`.

    Raises:
        ValueError: If the split is unknown, or seed or index is negative.

    Example:
        >>> review = sample_review(seed=0, index=12, split="train")
        >>> review.text, review.label, review.stars
        ('The plot was absolutely annoying. The music was slightly poor.', 'negative', 1.0)
    """
    check_key(seed, index, split, SPLITS)
    draws = Draws(f"review {split} {seed} {index}")
    positive = draws.coin()
    target = draws.pick(_LENGTHS)
    while True:
        sentences, opinions = _draw_sentences(draws, split == "test", positive, target)
        text = " ".join(map(_punctuate, sentences))
        if _decided(opinions, positive) and _belongs(text, split):
            break
    return Review(
        text=text,
        label="positive" if positive else "negative",
        stars=_stars(opinions, positive),
        opinions=tuple(opinions),
        seed=seed,
        index=index,
        split=split,
    )


# The most words of a review: it ends before the sentence that would exceed them. Roughly even steps
# on a logarithmic scale.
_LENGTHS: Final = (
    *(10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40),
    *(48, 56, 64, 72, 80, 96, 112, 128, 160, 200),
)
_SENTENCES: Final = (
    *["plain"] * 24,
    *["negated"] * 4,
    *["denied"] * 4,
    "twice",
    *["contrast"] * 6,
    *["hearsay"] * 3,
    *["remark"] * 14,
)


def _draw_sentences(
    draws: Draws, held_out: bool, positive: bool, target: int
) -> tuple[list[str], list[Opinion]]:
    voice = Voice(draws.pick(tuple(ASPECTS)), draws.number(3) > 0, held_out)
    sentences: list[str] = []
    opinions: list[Opinion] = []
    words = 0
    while True:
        sentence, new = _draw_sentence(draws, voice, positive if draws.number(4) else not positive)
        words += sum(part != "," for part in sentence.split())
        if words > target:
            return sentences, opinions
        sentences.append(sentence)
        opinions.extend(new)


def _draw_sentence(draws: Draws, voice: Voice, positive: bool) -> tuple[str, list[Opinion]]:
    kind = draws.pick(_SENTENCES)
    if kind == "remark":
        return fill(draws, draws.pick(REMARKS), voice.domain), []
    if kind == "contrast":
        return _draw_contrast(draws, voice, positive)
    if kind == "hearsay":
        text, opinion = draw_clause(
            draws, voice, positive=draws.coin(), negated=draws.number(3) == 0
        )
        return f"{fill(draws, draws.pick(HEARSAY), voice.domain)} {text}", [
            replace(opinion, counts=False)
        ]
    text, opinion = draw_clause(
        draws,
        voice,
        positive=positive,
        negated=kind in ("negated", "twice"),
        frame=draws.pick(FRAMES) if kind in ("denied", "twice") else "",
    )
    return text, [opinion]


def _draw_contrast(draws: Draws, voice: Voice, positive: bool) -> tuple[str, list[Opinion]]:
    counted, own = draw_clause(draws, voice, positive=positive, negated=draws.number(3) == 0)
    ignored, conceded = draw_clause(
        draws, voice, positive=not positive, negated=draws.number(3) == 0
    )
    template = draws.pick(CONTRASTS)
    opinions = [replace(conceded, counts=False), own]
    if template.startswith("{counted}"):
        opinions.reverse()
    return template.format(counted=counted, ignored=ignored), opinions


def _decided(opinions: list[Opinion], positive: bool) -> bool:
    """Return whether the score has the wanted sign, by a third of all strength that counts."""
    score = sum(opinion.score for opinion in opinions)
    total = sum(abs(opinion.score) for opinion in opinions)
    return total > 0 and 3 * (score if positive else -score) >= total


def _belongs(text: str, split: str) -> bool:
    if len(text.split()) < MIN_WORDS:
        return False
    code = zlib.crc32(text.encode("ascii")) % 8
    return split == "test" or (code == 0) == (split == "val")


def _stars(opinions: list[Opinion], positive: bool) -> float:
    """Compute the rating from the share of praise in all strength; never 3 stars."""
    score = sum(opinion.score for opinion in opinions)
    total = sum(abs(opinion.score) for opinion in opinions)
    halves = 6 + (8 * score + total) // (2 * total)  # 3 + 2 x share, rounded to a half
    return (max(halves, 7) if positive else min(halves, 5)) / 2


def _punctuate(sentence: str) -> str:
    text = sentence.replace(" ,", ",") + "."
    return text[0].upper() + text[1:]
