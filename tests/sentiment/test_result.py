import pytest

from multimodal.sentiment.result import Sentiment


def sentiment(**changes):
    parts = {"tokens": ("not", "<b>", "fun"), "contributions": (-1.0, 0.05, 0.5)}
    return Sentiment("a & b", 0.75, {"a & b": 0.75}, **{**parts, **changes})


def test_a_notebook_shows_the_words_in_their_colours():
    html = sentiment()._repr_html_()
    assert html.startswith("<div><b>a &amp; b, 75.0 %</b><br>")
    assert 'rgba(207,106,18,1.00);color:white;padding:0 2px">not</span> &lt;b&gt; <span' in html
    assert 'rgba(31,111,180,0.50);color:inherit;padding:0 2px">fun</span>' in html
    assert "supports a &amp; b" in html
    assert "<b>" not in html.split("</b>", 1)[1]  # what was written cannot become markup


def test_a_result_without_contributions_is_plain():
    html = sentiment(contributions=())._repr_html_()
    assert "not &lt;b&gt; fun" in html
    assert "<span" not in html


def test_a_number_is_raised_and_lowered():
    html = Sentiment("", 0.0, {}, 3.5, ("fun",), (0.5,))._repr_html_()
    assert "<b>3.50</b>" in html
    assert "raises it" in html


@pytest.mark.parametrize(
    ("unknown", "cut", "said"),
    [
        ((), False, ""),
        (("<b>",), False, "The model never saw the word <b>."),
        (("not", "fun"), True, "The model never saw the words not, fun. The text is longer than the"
         " 3 words it read."),
        (("not", "<b>", "fun"), False, "The model never saw any of the words not, <b>, fun."),
    ],
)  # fmt: skip
def test_a_note_names_the_unused_input(unknown, cut, said):
    assert sentiment(unknown_words=unknown, cut=cut).note == said


def test_a_long_list_of_unknown_words_is_cut():
    words = tuple(f"w{number}" for number in range(25))
    note = sentiment(unknown_words=words, tokens=("a", *words), contributions=()).note
    assert note.endswith("w9 and 15 more.")
