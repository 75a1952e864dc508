import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.duplicates import letters_of, without_duplicates

TESTED = "slow in the beginning , but it does n't lose its way ."
WORDS = st.lists(
    st.text("abcdeé", min_size=1, max_size=8), min_size=6, max_size=12
).map(" ".join)  # fmt: skip


@pytest.mark.parametrize(
    "same",
    [
        TESTED,
        "Slow in the beginning, but it doesn't lose its way!",
        "SLOW IN THE BEGINNING BUT IT DOESN’T LOSE ITS WAY",
        "  slow in the begin-ning<br />but it doesn 't  lose its way...",
    ],
)
def test_a_duplicate_is_removed_however_it_is_written(same):
    assert without_duplicates([same, "another text"], [TESTED]) == ["another text"]


def test_a_sentence_is_cut_out_of_a_longer_text():
    text = "We went. Slow in the beginning, but it doesn't lose its way. We left (late)."
    assert without_duplicates([text], [TESTED]) == ["We went.", ". We left (late)."]


def test_all_of_several_sentences_are_cut_out_even_where_they_overlap():
    tested = ["one two three four five six", "four five six seven eight nine ten"]
    text = "Begin. One two three four five six seven eight nine ten. End."
    assert without_duplicates([text], tested) == ["Begin.", ". End."]


def test_a_part_of_a_word_is_no_duplicate():
    text = "this is the longest unbearable thing ever seen"
    assert without_duplicates([text], ["the longest unbear able thing ever"]) == [
        "this is",
        "seen",
    ]
    assert without_duplicates([text], ["the longest unbearable th"]) == [text]
    assert without_duplicates([text], ["ongest unbearable thing ever"]) == [text]


def test_a_short_sentence_is_removed_only_as_a_whole_text():
    texts = ["A mess.", "what a mess it is", "a mess"]
    assert without_duplicates(texts, ["a mess ."]) == ["what a mess it is"]


def test_texts_without_a_duplicate_are_left_as_they_are():
    texts = ["An <br /> odd  one\n", "?!", ""]
    assert without_duplicates(texts, [TESTED, "", "..."]) == texts


def test_accents_are_the_same_composed_or_not():
    composed, apart = "un café très agréable à midi", "un cafe\u0301 très agréable à midi"
    assert without_duplicates([apart, f"Oui : {apart} !"], [composed]) == ["Oui :"]


@given(WORDS, st.lists(WORDS, max_size=3), st.lists(WORDS, max_size=3))
def test_a_long_sentence_is_cut_out_and_a_short_one_is_left(sentence, before, after):
    text = " . ".join([*before, sentence, *after])
    left = without_duplicates([text], [sentence])
    lost = len(letters_of(text)) - sum(len(letters_of(piece)) for piece in left)
    if len(letters_of(sentence)) >= 20:
        assert lost >= len(letters_of(sentence))
    elif before or after:
        assert lost == 0
    again = without_duplicates(left, [sentence])
    assert again == left


@pytest.mark.data
def test_sentences_of_one_corpus_are_found_in_the_other(data_folder):
    from multimodal.data.readers import read_sentence_polarity, read_subjectivity

    tested = [example.text for example in read_sentence_polarity(data_folder / "nltk_data", "all")]
    other = [example.text for example in read_subjectivity(data_folder / "nltk_data", "all")]
    left = without_duplicates(other, tested)
    assert 4_000 < len(other) - len(set(other) & set(left)) < 5_000
