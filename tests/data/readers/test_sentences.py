import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.readers.sentences import clean_sentence, clean_text

NOUNS = pytest.mark.parametrize("noun", ["caption", "question", "answer", "text"])


def clean(text: str, where: str, noun: str) -> str:
    return clean_text(text, where) if noun == "text" else clean_sentence(text, where, noun)


def test_a_sentence_loses_its_layout():
    assert clean_sentence(" A dog\t runs\r\n fast . \n", "x:1", "caption") == "A dog runs fast ."


def test_a_text_keeps_its_lines_and_signs():
    assert clean_text("\n Für  <pad>\nalle \x1b\n", "x:1") == "Für  <pad>\nalle \x1b"


@NOUNS
@pytest.mark.parametrize(
    "text", ["Ein Hund läuft über die Straße .", "一只狗在跑", "🐶 runs", "word " * 499 + "word"]
)
def test_any_language_and_500_words_are_kept(noun, text):
    assert clean(text, "x:1", noun) == text


@NOUNS
@pytest.mark.parametrize("text", ["", "  ", "\t\n", "\u3000"])
def test_an_empty_text_is_named_by_line(noun, text):
    with pytest.raises(ValueError, match=rf"a\.csv:7: the {noun} is empty; write one or remove it"):
        clean(text, "a.csv:7", noun)


@NOUNS
def test_a_text_that_is_too_long_is_named_by_line(noun):
    limit = 100_000 if noun == "text" else 10_000
    assert len(clean("x" * limit, "x:1", noun)) == limit
    message = rf"a\.csv:7: the {noun} has {limit + 1:,} characters, the limit is {limit:,}; shorten"
    with pytest.raises(ValueError, match=message):
        clean("x" * (limit + 1), "a.csv:7", noun)


@NOUNS
@pytest.mark.parametrize(("sign", "code"), [("\0", "0000"), ("\ud83d", "D83D")])
def test_a_code_that_is_no_character_is_refused(noun, sign, code):
    message = rf"x:1: the {noun} holds U\+{code}, which is not a character; remove it"
    with pytest.raises(ValueError, match=message):
        clean(f"a {sign} dog", "x:1", noun)


@NOUNS
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_cleaning_twice_changes_nothing(noun, text):
    if text.split():
        once = clean(text, "x", noun)
        assert clean(once, "x", noun) == once
        assert once.split() == text.split()
