import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.data.documents import (
    Excerpt,
    all_characters,
    all_words,
    read_words,
    without_breaks,
)
from multimodal.text import SPECIALS, Vocabulary, tokenize

ODD = """
good Dr. can't cannot 'tis gonna ... (not bad) "so so" 3.5 1,000 $5 well-made it's ’s O'Neil a.m.
!? ' , ‘n <pad> <br U.S. more'n é don 't is and/or e.g. :) -- d’or
"""
PIECES = st.sampled_from([*ODD.split(), "the\x00"])
TEXTS = st.one_of(st.lists(PIECES, max_size=12).map(" ".join), st.text(max_size=60))


@given(TEXTS)
def test_reading_chunk_by_chunk_gives_the_words_of_the_whole(text):
    assert all_words(text) == tokenize(without_breaks(text))


@given(TEXTS, st.integers(1, 12))
def test_an_excerpt_is_a_part_of_all_words(text, most):
    words = all_words(text)
    cut = len(words) > most
    assert read_words(text, Excerpt(most, "start")) == (words[:most], cut)
    assert read_words(text, Excerpt(most, "end")) == (words[-most:], cut)
    both, said = read_words(text, Excerpt(most, "ends"))
    head = -(-most // 2) if cut else len(words)
    assert both == words[:head] + (words[len(words) - most // 2 :] if cut else [])
    assert said == cut


@given(st.text(max_size=200))
def test_no_text_makes_a_special_token(text):
    framed = f"{text} <pad> <bos> <EOS> <unk>{text}"
    vocabulary = Vocabulary.build([all_words(framed), all_characters(framed)])
    assert not set(SPECIALS) & set(all_words(framed))
    assert min(vocabulary.encode(all_words(framed))) > 3
    assert min(vocabulary.encode(all_characters(framed))) > 3


@pytest.mark.parametrize("piece", ["a", "good ", "<br />", "\0", "a.b,", "!", "'\"( "])
@pytest.mark.parametrize("keep", ["start", "end", "ends"])
def test_a_megabyte_is_read_quickly_and_reported_as_cut(piece, keep):
    start = time.process_time()
    words, cut = read_words(piece * (1_000_000 // len(piece)), Excerpt(400, keep))
    assert len(words) <= 400
    assert cut or piece == "<br />"
    assert time.process_time() - start < 2


def test_control_characters_are_not_words():
    assert all_words("go\x00od\x1b \u200b film\x85bad") == ["good", "film", "bad"]


def test_an_empty_text_has_no_words():
    assert read_words("", Excerpt()) == ([], False)
    assert read_words(" ?! ", Excerpt()) == ([], False)


def test_line_breaks_of_html_separate_words():
    assert all_words("Good.<br /><br />Bad.<BR>Ugly<br/>end") == ["good", "bad", "ugly", "end"]


def test_characters_keep_case_signs_and_lines():
    assert "".join(all_characters("  Oh,\tno !\r\n\r\n cafe\u0301\x00\n")) == "Oh, no !\n\ncafé"


@pytest.mark.parametrize("most", [0, 100_001])
def test_a_number_of_words_out_of_range_is_refused(most):
    with pytest.raises(ValueError, match="`max_words` must be from 1 to 100,000, got"):
        read_words("good", Excerpt(max_words=most))


def test_an_unknown_part_is_refused():
    excerpt = Excerpt()
    object.__setattr__(excerpt, "keep", "middle")  # types are checked here, not for a user
    with pytest.raises(ValueError, match="`keep` must be start, end or ends, got 'middle'"):
        read_words("good", excerpt)


@pytest.mark.data
@pytest.mark.parametrize("corpus", ["polarity", "movie_reviews", "imdb"])
def test_reading_chunk_by_chunk_gives_the_words_of_real_texts(data_folder, corpus):
    from multimodal.data.text_source import TextSource

    root = data_folder / ("imdb" if corpus == "imdb" else "nltk_data")
    step = {"polarity": 10, "movie_reviews": 100, "imdb": 50}[corpus]
    texts = [example.text for example in TextSource(corpus, str(root)).read("train")[::step]]
    short = [text for text in texts if len(text) <= 10_000]
    assert len(short) > 10
    assert [all_words(text) for text in short] == [tokenize(text) for text in short]
