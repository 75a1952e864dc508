import math

import pytest
import torch
from drawing import assert_tidy, bars, box, written

from multimodal.figures.explanations import answer_figure, explanation_figure
from multimodal.figures.overlays import light, tint
from multimodal.figures.page import resample, save_figure

LONG = "Is the man to the left of the woman with the umbrella wearing a hat of the dog's colour? "


def image(height=64, width=64):
    return torch.full((3, height, width), 100, dtype=torch.uint8)


def answer(*, size=(64, 64), question="Is it dark?", ranked=(("yes", 0.75), ("no", 0.25)), note=""):
    attention = torch.zeros(4, 4)
    attention[1, 2] = 1.0
    figure = answer_figure(image(*size), question, ranked, attention, note=note)
    figure.draw_without_rendering()
    return figure


def test_the_picture_and_its_map_are_side_by_side():
    figure = explanation_figure(image(), torch.rand(4, 4), title="a tulip", note="Its evidence.")
    assert written(figure) == ["a tulip", "Its evidence.", "the picture", "why"]
    left, right = (axes.get_position() for axes in figure.axes)
    assert left.x1 < right.x0
    assert left.y0 == pytest.approx(right.y0)


def test_the_words_of_a_question_are_coloured():
    figure = explanation_figure(
        image(),
        torch.randn(4, 4),
        title="Is it red?",
        ranked=[("yes", 0.75), ("no", 0.25)],
        words=["is", "it", "red"],
        contributions=[0.0, -0.5, 2.0],
        shade=tint,
    )
    assert written(figure)[:4] == ["Is it red?", "is", "it", "red"]
    assert written(figure)[-4:] == ["yes", "75.0 %", "no", "25.0 %"]
    backgrounds = [artist.get_facecolor() for artist in figure.artists]
    assert (31 / 255, 111 / 255, 180 / 255, 1.0) in [
        tuple(pytest.approx(part, abs=0.01) for part in colour) for colour in backgrounds
    ]


def test_words_without_contributions_are_not_drawn():
    words = ["is", "it", "red"]
    figure = explanation_figure(image(), torch.rand(2, 2), title="Is it red?", words=words)
    assert written(figure) == ["Is it red?", "the picture", "why"]


@pytest.mark.parametrize("size", [(40, 200), (200, 40), (9, 9)])
def test_pictures_of_all_proportions_stay_on_the_page(size):
    ranked = [("y", 0.5)] * 12
    assert_tidy(explanation_figure(image(*size), torch.rand(3, 5), title="x", ranked=ranked))


def test_every_word_has_a_contribution():
    with pytest.raises(ValueError, match="Every word needs a contribution, got 2 words and 1"):
        explanation_figure(
            image(), torch.rand(2, 2), title="x", words=["is", "it"], contributions=[1.0]
        )


# Answers


def test_the_question_is_above_the_named_columns_and_the_ranked_answers():
    figure = answer()
    names = ["the picture", "where the model looked", "its answers"]
    assert written(figure) == ["Is it dark?", *names, "yes", "75.0 %", "no", "25.0 %"]
    weights = {text.get_text(): text.get_fontweight() for text in figure.texts}
    assert (weights["yes"], weights["no"]) == ("bold", "normal")


def test_the_second_picture_is_the_first_under_the_light_of_the_attention():
    plain, lit = (torch.from_numpy(axes.images[0].get_array().data) for axes in answer().axes)
    weights = torch.zeros(16)
    weights[6] = 1.0
    torch.testing.assert_close(plain, resample(image()).permute(1, 2, 0))
    torch.testing.assert_close(lit, light(resample(image()), weights, (4, 4)).permute(1, 2, 0))


def test_bars_are_as_long_as_probabilities():
    whole, yes, _, no = [bar.get_width() for bar in bars(answer())]
    assert (yes / whole, no / whole) == pytest.approx((0.75, 0.25))


def test_a_note_is_pale_and_below_the_question():
    figure = answer(note="The model never saw the word zebra.")
    title, note, *_ = figure.texts
    assert note.get_text() == "The model never saw the word zebra."
    assert note.get_position()[1] < title.get_position()[1]
    assert note.get_color() != title.get_color()
    assert figure.get_size_inches()[1] > answer().get_size_inches()[1]


def test_a_long_question_is_wrapped_and_a_longer_one_is_cut():
    lines = written(answer(question=LONG))
    assert " ".join(lines[: lines.index("the picture")]) == LONG.strip()
    lines = written(answer(question=LONG * 20))
    assert lines.index("the picture") == 4
    assert lines[3].endswith("…")


def test_a_long_answer_has_two_lines_beside_its_number():
    figure = answer(ranked=[("tape dispenser, book, papers, scissors and a bottle of water", 0.5)])
    first, second, percentage = figure.texts[4:]
    assert first.get_text().startswith("tape dispenser")
    assert second.get_text().endswith("…")
    assert percentage.get_text() == "50.0 %"
    assert box(first).x1 < box(percentage).x0


@pytest.mark.parametrize(
    ("size", "ranked"),
    [
        ((64, 64), [("x" * 60, 0.0)]),
        ((100, 900), [("the train leaves the station and it rains", 1.0)] * 9),
        ((900, 200), [("yes", 1.0)]),
    ],
    ids=["square", "wide", "tall"],
)
def test_nothing_leaves_the_page_or_covers_another(size, ranked):
    figure = answer(size=size, ranked=ranked, question=LONG, note="Words it never saw: umbrella.")
    tracks = bars(figure)[::2]  # the filled part of a bar is drawn over its track
    assert_tidy(figure, [*figure.axes, *figure.texts, *tracks])


@pytest.mark.parametrize("size", [(64, 64), (300, 400), (400, 300)])
def test_pictures_of_all_proportions_have_one_area(size):
    figure = answer(size=size)
    sides = [math.sqrt(each.width * each.height) for each in map(box, figure.axes)]
    assert sides == pytest.approx([2.6 * figure.dpi] * 2, rel=0.01)


def test_a_dollar_sign_and_other_scripts_are_drawn(tmp_path):
    figure = answer(question=r"Was kostet das, $\frac{1}{2}$ €?", ranked=[("ça", 0.5)])
    save_figure(figure, tmp_path / "answer.png", dpi=30)
    assert (tmp_path / "answer.png").stat().st_size > 500


def test_no_answer_is_refused():
    with pytest.raises(ValueError, match=r"needs at least one answer, got none"):
        answer(ranked=[])


def test_a_probability_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"must be from 0 to 1, got 1\.01 for 'no'"):
        answer(ranked=[("yes", 0.5), ("no", 1.01)])
