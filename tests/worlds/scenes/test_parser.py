import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.worlds.scenes import COLOURS, SHAPES, SIZES, WORDS, Mention, ParsedCaption, parse

RED_STAR = Mention("star", "red")
RING = Mention("ring")

mentions = st.builds(
    Mention,
    shape=st.sampled_from(SHAPES),
    colour=st.sampled_from((None, *COLOURS)),
    size=st.sampled_from((None, *SIZES)),
    count=st.sampled_from((None, 1, 2, 3, 4, 5)),
)


@pytest.mark.parametrize(
    ("caption", "parsed"),
    [
        ("a red star", ParsedCaption((RED_STAR,))),
        ("a red star and a ring", ParsedCaption((RED_STAR, RING))),
        ("a red star a ring and a ring", ParsedCaption((RED_STAR, RING, RING))),
        ("a red star is left of a ring", ParsedCaption((RED_STAR, RING), relation="left of")),
        ("a red star below a ring", ParsedCaption((RED_STAR, RING), relation="below")),
        ("a red star is above the middle", ParsedCaption((RED_STAR,), place="above")),
        ("a red star is in the middle", ParsedCaption((RED_STAR,), place="in the middle")),
        ("a red star and nothing else", ParsedCaption((RED_STAR,), alone=True)),
        ("nothing but a red star", ParsedCaption((RED_STAR,), alone=True)),
        ("a picture of a red star and a ring", ParsedCaption((RED_STAR, RING))),
        ("there is a red star", ParsedCaption((RED_STAR,))),
        ("there is one shape", ParsedCaption(total=1)),
        (
            "there are two shapes including a red star",
            ParsedCaption((RED_STAR,), total=2),
        ),
        (
            "there are two large crosses",
            ParsedCaption((Mention("cross", size="large", count=2),)),
        ),
    ],
)
def test_every_form_is_parsed(caption, parsed):
    assert parse(caption) == parsed
    assert parse(caption.split()) == parsed
    assert parse(caption.capitalize().replace(" and", ", and") + ".") == parsed


@pytest.mark.parametrize(
    ("caption", "rest"),
    [
        ("", ""),
        ("hello", "hello"),
        ("a picture of", "a picture of"),
        ("nothing but", "nothing but"),
        ("there is", "there is"),
        ("there are two shape", "there are two shape"),
        ("there is two shapes", "there is two shapes"),
        ("there are a star", "there are a star"),
        ("there is two stars", "there is two stars"),
        ("there are two shapes including", "including"),
        ("there are two shapes a star", "a star"),
        ("a red star and", "and"),
        ("a red star and nothing", "and nothing"),
        ("a red star is", "is"),
        ("a red star is left of", "is left of"),
        ("a red star left of the middle", "left of the middle"),
        ("a red star is left of two rings", "is left of two rings"),
        ("two stars is left of a ring", "is left of a ring"),
        ("a star is above a ring above a cross", "above a cross"),
        ("a star and a ring is above a cross", "is above a cross"),
        ("red star", "red star"),
        ("a red red star", "a red red star"),
        ("a red small star", "a red small star"),
        ("a stars", "a stars"),
        ("two star", "two star"),
        ("a orange star", "a orange star"),
        ("an red star", "an red star"),
        ("an small orange star", "an small orange star"),
        ("a ring the", "the"),
    ],
)
def test_words_that_the_grammar_does_not_allow_are_the_rest(caption, rest):
    assert parse(caption).rest == rest


@given(st.lists(mentions, min_size=1, max_size=6))
def test_written_lists_are_parsed_back(listed):
    assert parse(" and ".join(map(str, listed))).mentions == tuple(listed)
    assert parse("a picture of " + " ".join(map(str, listed))).mentions == tuple(listed)


@given(st.lists(st.sampled_from((*WORDS, "<unk>")), max_size=20))
def test_any_sequence_of_words_can_be_parsed(words):
    parsed = parse(words)
    assert " ".join(words).endswith(parsed.rest)
