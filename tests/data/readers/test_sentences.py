import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.readers.sentences import clean_caption, clean_sentence


def test_layout_is_removed_and_words_stay():
    assert clean_caption(" A dog\t runs\r\n fast . \n", "x:1") == "A dog runs fast ."


@pytest.mark.parametrize("caption", ["Ein Hund läuft über die Straße .", "一只狗在跑", "🐶 runs"])
def test_text_of_any_language_stays(caption):
    assert clean_caption(caption, "x:1") == caption


@pytest.mark.parametrize("caption", ["", "  ", "\t\n", "\u3000"])
def test_an_empty_caption_is_named_by_line(caption):
    with pytest.raises(ValueError, match=r"a\.csv:7: the caption is empty; write one or remove it"):
        clean_caption(caption, "a.csv:7")


def test_a_caption_of_500_words_is_kept():
    caption = " ".join(["word"] * 500)
    assert clean_caption(caption, "x:1") == caption


def test_more_than_10_000_characters_are_refused():
    assert len(clean_caption("x" * 10_000, "x:1")) == 10_000
    with pytest.raises(ValueError, match=r"a\.csv:7: the caption has 10,001 characters, the limit"):
        clean_caption("x" * 10_001, "a.csv:7")


@pytest.mark.parametrize(("sign", "code"), [("\0", "0000"), ("\ud83d", "D83D")])
def test_what_is_no_character_is_refused(sign, code):
    with pytest.raises(
        ValueError, match=rf"x:1: the caption holds U\+{code}, which is no character"
    ):
        clean_caption(f"a {sign} dog", "x:1")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_cleaning_twice_changes_nothing(text):
    if text.split():
        once = clean_caption(text, "x")
        assert clean_caption(once, "x") == once
        assert once.split() == text.split()


@pytest.mark.parametrize("noun", ["question", "answer"])
def test_a_sentence_is_called_what_it_is(noun):
    assert clean_sentence(" Is it  a dog ?", "x:1", noun) == "Is it a dog ?"
    with pytest.raises(ValueError, match=rf"a\.csv:7: the {noun} is empty; write one or remove it"):
        clean_sentence(" ", "a.csv:7", noun)
    with pytest.raises(ValueError, match=rf"the {noun} has 10,001 characters, .* shorten it or"):
        clean_sentence("x" * 10_001, "a.csv:7", noun)
    with pytest.raises(ValueError, match=rf"the {noun} holds U\+0000, which is no character"):
        clean_sentence("a\0", "a.csv:7", noun)
