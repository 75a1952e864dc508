import math

import pytest
import torch
from matplotlib.patches import Rectangle

from multimodal.figures.answers import answer_figure
from multimodal.figures.overlays import light
from multimodal.figures.page import resample, save_figure

LONG = "Is the man to the left of the woman with the umbrella wearing a hat of the dog's colour? "


def image(height=64, width=64):
    return torch.full((3, height, width), 100, dtype=torch.uint8)


def draw(*, size=(64, 64), question="Is it dark?", ranked=(("yes", 0.75), ("no", 0.25)), **options):
    attention = torch.zeros(4, 4)
    attention[1, 2] = 1.0
    figure = answer_figure(image(*size), question, ranked, attention, **options)
    figure.draw_without_rendering()
    return figure


def words(figure):
    return [text.get_text() for text in figure.texts]


def bars(figure):
    return [artist for artist in figure.get_children() if isinstance(artist, Rectangle)][1:]


def box(artist):
    return artist.get_window_extent(artist.get_figure().canvas.get_renderer())


def overlap(first, second):
    width = min(first.x1, second.x1) - max(first.x0, second.x0)
    height = min(first.y1, second.y1) - max(first.y0, second.y0)
    return width > 2 and height > 2


def test_the_question_is_above_the_named_columns_and_the_ranked_answers():
    figure = draw()
    assert words(figure) == [
        "Is it dark?",
        "the picture",
        "where the model looked",
        "its answers",
        *("yes", "75.0 %", "no", "25.0 %"),
    ]
    assert [text.get_fontweight() for text in figure.texts if text.get_text() in ("yes", "no")] == [
        "bold",
        "normal",
    ]


def test_the_second_picture_is_the_first_under_the_light_of_the_attention():
    plain, lit = (torch.from_numpy(axes.images[0].get_array().data) for axes in draw().axes)
    weights = torch.zeros(16)
    weights[6] = 1.0
    torch.testing.assert_close(plain, resample(image()).permute(1, 2, 0))
    torch.testing.assert_close(lit, light(resample(image()), weights, (4, 4)).permute(1, 2, 0))


def test_bars_are_as_long_as_probabilities():
    whole, yes, _, no = [bar.get_width() for bar in bars(draw())]
    assert (yes / whole, no / whole) == pytest.approx((0.75, 0.25))


def test_a_remark_is_pale_and_below_the_question():
    figure = draw(note="The model never saw the word zebra.")
    title, remark, *_ = figure.texts
    assert remark.get_text() == "The model never saw the word zebra."
    assert remark.get_position()[1] < title.get_position()[1]
    assert remark.get_color() != title.get_color()
    assert figure.get_size_inches()[1] > draw().get_size_inches()[1]


def test_a_long_question_is_wrapped_and_one_without_end_is_cut():
    lines = words(draw(question=LONG))
    assert " ".join(lines[: lines.index("the picture")]) == LONG.strip()
    lines = words(draw(question=LONG * 20))
    assert lines.index("the picture") == 4
    assert lines[3].endswith("…")


def test_a_long_answer_has_two_lines_beside_its_number():
    figure = draw(ranked=[("tape dispenser, book, papers, scissors and a bottle of water", 0.5)])
    first, second, share = words(figure)[4:]
    assert first.startswith("tape dispenser")
    assert second.endswith("…")
    assert share == "50.0 %"
    places = {text.get_text(): box(text) for text in figure.texts}
    assert places[first].x1 < places[share].x0


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
    figure = draw(size=size, ranked=ranked, question=LONG, note="Words it never saw: umbrella.")
    tracks = bars(figure)[::2]  # what is filled of a bar lies on it
    drawn = [box(each) for each in (*figure.axes, *figure.texts, *tracks)]
    for number, place in enumerate(drawn):
        assert 0 < place.x0 <= place.x1 < figure.bbox.width
        assert 0 < place.y0 <= place.y1 < figure.bbox.height
        assert not any(overlap(place, other) for other in drawn[number + 1 :])


@pytest.mark.parametrize("size", [(64, 64), (300, 400), (400, 300)])
def test_pictures_of_all_proportions_have_one_area(size):
    figure = draw(size=size)
    sides = [math.sqrt(place.width * place.height) for place in map(box, figure.axes)]
    assert sides == pytest.approx([2.6 * figure.dpi] * 2, rel=0.01)


def test_a_dollar_sign_and_other_scripts_are_drawn(tmp_path):
    figure = draw(question=r"Was kostet das, $\frac{1}{2}$ €?", ranked=[("ça", 0.5)])
    save_figure(figure, tmp_path / "answer.png", dpi=30)
    assert (tmp_path / "answer.png").stat().st_size > 500


def test_no_answer_is_refused():
    with pytest.raises(ValueError, match=r"needs at least one answer, got none"):
        draw(ranked=[])


@pytest.mark.parametrize("probability", [-0.1, 1.01, math.nan])
def test_a_probability_out_of_range_is_refused(probability):
    with pytest.raises(ValueError, match=r"must be from 0 to 1, got (-0\.1|1\.01|nan) for 'no'"):
        draw(ranked=[("yes", 0.5), ("no", probability)])
