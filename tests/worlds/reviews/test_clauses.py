import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.worlds.draws import Draws
from multimodal.worlds.reviews.clauses import HELD_OUT_PAIRS, Opinion, Voice, draw_clause, fill
from multimodal.worlds.reviews.lexicon import ASPECTS, FRAMES, NEGATORS, OPINION_WORDS, SLOTS

BASES = {word.base: word for word in OPINION_WORDS}
CONSTITUENTS = {
    *FRAMES,
    *(negator.name for kind in NEGATORS.values() for negator in kind),
    *(aspect for aspects in ASPECTS.values() for aspect in aspects),
}
VOICES = st.builds(
    Voice, domain=st.sampled_from(sorted(ASPECTS)), past=st.booleans(), held_out=st.booleans()
)


@given(VOICES, st.booleans(), st.booleans(), st.sampled_from(["", *FRAMES]), st.integers(0, 10**6))
def test_a_clause_expresses_the_drawn_opinion(voice, positive, negated, frame, key):
    text, opinion = draw_clause(
        Draws(f"clause {key}"), voice, positive=positive, negated=negated, frame=frame
    )
    reversed_ = len(opinion.negators) % 2 == 1
    assert opinion.positive == positive == (BASES[opinion.word].positive != reversed_)
    assert len(opinion.negators) == negated + bool(frame)
    assert text.startswith(frame)
    assert opinion.aspect in text


@given(VOICES, st.booleans(), st.booleans(), st.sampled_from(["", *FRAMES]), st.integers(0, 10**6))
def test_held_out_pairs_are_kept_apart(voice, positive, negated, frame, key):
    _, opinion = draw_clause(
        Draws(f"clause {key}"), voice, positive=positive, negated=negated, frame=frame
    )
    reversed_ = [(negator, opinion.word) in HELD_OUT_PAIRS for negator in opinion.negators]
    named = (opinion.aspect, opinion.word) in HELD_OUT_PAIRS
    if voice.held_out:
        assert any(reversed_) if reversed_ else named
    else:
        assert not any(reversed_)
        assert not named


@pytest.mark.parametrize("constituent", sorted(CONSTITUENTS))
def test_training_shows_every_constituent_with_most_opinion_words(constituent):
    heldout = sum((constituent, word.base) in HELD_OUT_PAIRS for word in OPINION_WORDS)
    assert 0 < heldout <= len(OPINION_WORDS) / 3


@pytest.mark.parametrize("word", sorted(BASES))
def test_training_shows_every_opinion_word_with_most_constituents(word):
    heldout = sum((constituent, word) in HELD_OUT_PAIRS for constituent in CONSTITUENTS)
    assert 0 < heldout <= len(CONSTITUENTS) / 3


def test_an_opinion_that_does_not_count_adds_nothing():
    opinion = Opinion("plot", "dull", (), positive=False, strength=3, counts=False)
    assert opinion.score == 0


def test_slots_are_filled_with_words_of_their_kind():
    text = fill(Draws("a key"), "my {person} went there on a {day}", "hotel")
    _, person, *_, day = text.split()
    assert person in SLOTS["person"]
    assert day in SLOTS["day"]
