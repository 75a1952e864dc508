"""The words of the built-in reviews, derived from their lexicon: no review has to be sampled."""

from string import Formatter

from multimodal.worlds.reviews.clauses import FUNCTION_WORDS
from multimodal.worlds.reviews.lexicon import (
    ASPECTS,
    CONTRASTS,
    FRAMES,
    HEARSAY,
    NEGATORS,
    OPINION_WORDS,
    RELATIVES,
    REMARKS,
    SLOTS,
    STRENGTHENERS,
    SUBJECTS,
    WEAKENERS,
)


def words() -> list[str]:
    """List every word of the reviews alphabetically, as a tokenizer splits them ("n't" from "do").

    Example:
        >>> words()[:4]
        ['a', 'about', 'absolutely', 'acting']
    """
    texts = [*FUNCTION_WORDS, *FRAMES, *WEAKENERS, *STRENGTHENERS]
    for choices in (*ASPECTS.values(), *SUBJECTS.values(), *SLOTS.values()):
        texts += choices
    for template in (*HEARSAY, *CONTRASTS, *RELATIVES, *REMARKS):
        texts += [literal for literal, *_ in Formatter().parse(template)]
    for word in OPINION_WORDS:
        texts += [word.base, word.present, word.past]
    for negators in NEGATORS.values():
        texts += [text for negator in negators for text in (negator.past, negator.present)]
    text = " ".join(texts).lower().replace(",", " ")
    return sorted(set(text.replace("n't", " n't").replace("cannot", "can not").split()))
