import pytest
import torch

from multimodal.figures.explanations import explanation_figure
from multimodal.figures.overlays import tint


def image(height=64, width=64):
    return torch.zeros(3, height, width, dtype=torch.uint8)


def written(figure):
    return [text.get_text() for text in figure.texts]


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
    figure = explanation_figure(
        image(), torch.rand(2, 2), title="Is it red?", words=["is", "it", "red"]
    )
    assert written(figure) == ["Is it red?", "the picture", "why"]


@pytest.mark.parametrize("size", [(40, 200), (200, 40), (9, 9)])
def test_pictures_of_all_proportions_stay_on_the_page(size):
    figure = explanation_figure(image(*size), torch.rand(3, 5), title="x", ranked=[("y", 0.5)] * 12)
    figure.canvas.draw()
    for text in figure.texts:
        box = text.get_window_extent().transformed(figure.transFigure.inverted())
        assert box.x0 >= -0.001
        assert box.x1 <= 1.001
        assert box.y0 >= 0


def test_every_word_has_a_contribution():
    with pytest.raises(ValueError, match="Every word needs a contribution, got 2 words and 1"):
        explanation_figure(
            image(), torch.rand(2, 2), title="x", words=["is", "it"], contributions=[1.0]
        )
