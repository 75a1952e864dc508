import math
import re

import pytest
from drawing import assert_tidy, bars, box, written
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from multimodal.figures.page import Page, save_figure
from multimodal.figures.texts import draw_words, text_figure, text_line, words_height

WORDS = ["not", "a", "bad", "film"]
WEIGHTS = [1.0, 0.0, -0.5, 0.2]
CODES = re.compile(r"\x1b\[[\d;]*m")


def drawn(tokens, contributions, **options):
    figure = text_figure(tokens, contributions, **options)
    figure.draw_without_rendering()
    return figure


def test_words_that_support_and_oppose_have_two_colours_of_their_strength():
    line = text_line(WORDS, WEIGHTS)
    assert line == (
        "\x1b[48;5;25;38;5;231mnot\x1b[0m a \x1b[48;5;208;38;5;16mbad\x1b[0m "
        "\x1b[48;5;153;38;5;16mfilm\x1b[0m"
    )
    assert CODES.sub("", line) == "not a bad film"


def test_colours_are_relative_to_the_largest_contribution():
    small = [weight * 1e-6 for weight in WEIGHTS]
    assert text_line(WORDS, small) == text_line(WORDS, WEIGHTS)
    assert text_line(WORDS, [10.0, 0.9, 1.1, -0.9]).count("\x1b[0m") == 2


def test_without_colour_numbers_follow_the_words_that_contribute():
    line = text_line(WORDS, [1.234, 0.01, -0.5, 0.0], colour=False)
    assert line == "not(+1.2) a bad(-0.5) film"


def test_a_text_without_contributions_is_plain():
    assert text_line(WORDS, [0.0] * 4) == "not a bad film"
    assert text_line([], []) == ""


@settings(max_examples=50)
@given(st.lists(st.text(max_size=8), max_size=8), st.data())
def test_a_text_cannot_control_a_terminal(tokens, data):
    weights = data.draw(st.lists(st.floats(-9, 9), min_size=len(tokens), max_size=len(tokens)))
    for colour in (True, False):
        line = text_line(tokens, weights, colour=colour)
        assert CODES.sub("", line).isprintable() or not tokens
        assert colour or "\x1b" not in line


def test_an_escape_sequence_in_a_text_is_shown_as_one():
    assert text_line(["\x1b[2J", "a\nb"], [0.0, 0.0]) == r"\x1b[2J a\nb"


@pytest.mark.parametrize("draw", [text_line, text_figure])
def test_every_word_needs_a_contribution(draw):
    with pytest.raises(ValueError, match="got 2 words and 1 contributions"):
        draw(["a", "b"], [1.0])


@pytest.mark.parametrize("draw", [text_line, text_figure])
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_contribution_that_is_not_finite_is_refused(draw, wrong):
    with pytest.raises(ValueError, match=f"The contribution of 'b' must be finite, got {wrong}"):
        draw(["a", "b"], [1.0, wrong])


def test_a_figure_has_title_note_words_and_legend():
    figure = drawn(
        WORDS, WEIGHTS, title="positive, 93 %", note="one word is new", legend=("+", "-")
    )
    assert written(figure) == ["positive, 93 %", "one word is new", *WORDS, "+", "-"]
    title, remark, first = figure.texts[:3]
    assert title.get_fontweight() == "bold"
    assert title.get_position()[1] > remark.get_position()[1] > first.get_position()[1]


def test_the_background_of_a_word_is_as_strong_as_its_contribution():
    figure = drawn(WORDS, WEIGHTS)
    strong, against, weak, blue, orange = (to_rgb(bar.get_facecolor()) for bar in bars(figure))
    assert strong == blue
    assert against == pytest.approx([1 - 0.5 * (1 - part) for part in orange], abs=0.01)
    assert weak == pytest.approx([1 - 0.2 * (1 - part) for part in blue], abs=0.01)
    colours = [text.get_color() for text in figure.texts[:4]]
    assert colours == ["white", "#1c1c1c", "#1c1c1c", "#1c1c1c"]


def test_the_background_is_under_its_word():
    figure = drawn(["one", "enormously", "long"], [1.0, -1.0, 0.5])
    for text, bar in zip(figure.texts[:3], bars(figure)[:3], strict=True):
        word, background = box(text), box(bar)
        assert background.x0 <= word.x0 <= word.x1 <= background.x1
        assert background.y0 <= word.y0 <= word.y1 <= background.y1 + 1


@settings(max_examples=8)
@given(
    st.lists(
        st.sampled_from(["a", "wonderful", "x" * 200, "W" * 300, "", "film", "$^{"]), max_size=60
    )
)
def test_nothing_leaves_the_page_or_covers_another(tokens):
    weights = [(-1.0) ** number for number in range(len(tokens))]
    figure = drawn(tokens, weights, title="negative " * 30, note="a remark " * 40)
    assert_tidy(figure, [text for text in figure.texts if text.get_text()])


def test_a_very_long_text_is_cut_and_says_so():
    figure = drawn(["wonderful"] * 1500, [1.0] * 1500)
    shown = written(figure).count("wonderful")
    assert written(figure)[shown] == f"… and {1500 - shown:,} more words"
    assert figure.get_size_inches()[1] < 20


def test_any_letters_are_drawn(tmp_path):
    figure = text_figure(["\x1b[2J", "çà", r"$\frac{1}{2}$", "  "], [1.0, 0.5, -1.0, -0.5])
    assert written(figure)[0] == r"\x1b[2J"
    save_figure(figure, tmp_path / "text.png", dpi=30)
    assert (tmp_path / "text.png").stat().st_size > 500


def test_an_empty_text_has_a_title():
    assert written(drawn([], [], title="nothing to read"))[0] == "nothing to read"


def test_words_fit_the_width_they_are_given():
    tokens = ["what", "colour", "is", "the", "thing", "beside", "the", "ring"]
    page = Page(2.0, 3.0)
    draw_words(page, 0.25, 0.25, tokens, list(map(float, range(len(tokens)))), width=1.5)
    page.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in page.figure.texts]
    inches = page.figure.dpi
    assert max(box.x1 for box in boxes) <= (0.25 + 1.5) * inches
    lowest = 3.0 - min(box.y0 for box in boxes) / inches
    assert lowest <= 0.25 + words_height(tokens, 1.5)


def test_a_legend_may_have_one_name():
    figure = text_figure(["good"], [1.0], legend=["matters"])
    assert written(figure) == ["good", "matters"]
