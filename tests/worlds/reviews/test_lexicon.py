import string
from collections import Counter

import pytest

from multimodal.text import tokenize
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
    SUBJECTS,
)

TEMPLATES = (*HEARSAY, *RELATIVES, *REMARKS)


def test_praise_and_blame_have_equally_many_words_of_each_kind():
    counts = Counter((word.kind, word.domain, word.positive) for word in OPINION_WORDS)
    assert all(
        counts[kind, domain, True] == counts[kind, domain, False] for kind, domain, _ in counts
    )


def test_every_opinion_word_is_listed_once():
    assert len({word.base for word in OPINION_WORDS}) == len(OPINION_WORDS)
    assert len({word.past for word in OPINION_WORDS}) == len(OPINION_WORDS)


def test_every_domain_has_aspects_and_subjects():
    assert ASPECTS.keys() == SUBJECTS.keys()
    assert {word.domain for word in OPINION_WORDS} <= {"", *ASPECTS}


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_slot_of_a_template_can_be_filled(template):
    slots = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    assert slots <= {*SLOTS, "subject"}


@pytest.mark.parametrize("template", CONTRASTS)
def test_a_contrast_has_one_opinion_that_counts_and_one_that_does_not(template):
    names = sorted(name for _, name, _, _ in string.Formatter().parse(template) if name)
    assert names == ["counted", "ignored"]


def test_remarks_hold_no_opinion():
    words = {word for remark in REMARKS for word in tokenize(remark)}
    adjectives = {word.base for word in OPINION_WORDS if word.kind == "adjective"}
    assert not words & adjectives


def test_remarks_use_the_words_of_negation_too():
    words = {word for remark in REMARKS for word in tokenize(remark)}
    assert {"not", "never", "hardly", "nobody", "doubt"} <= words


def test_only_the_weak_negators_weaken():
    weak = {n.name for kind in NEGATORS.values() for n in kind if n.strength == 1}
    assert weak == {"not very", "not particularly"}
    assert len(set(FRAMES)) == len(FRAMES)
