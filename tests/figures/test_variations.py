import pytest
import torch
from drawing import written

from multimodal.figures.variations import variation_figure


def picture(height=8, width=8):
    return torch.full((3, height, width), 99, dtype=torch.uint8)


def test_each_picture_is_left_of_its_variations():
    figure = variation_figure(
        [picture(), picture()], [[picture()] * 3, [picture()] * 3], ["tulip", "rose"], title="two"
    )
    assert len(figure.axes) == 2 * (1 + 3)
    first, second = figure.axes[0].get_position(), figure.axes[1].get_position()
    assert first.x1 < second.x0
    assert first.y0 == second.y0
    assert written(figure) == ["two", "as it is", "epoch 0", "epoch 1", "epoch 2", "tulip", "rose"]


def test_rows_do_not_overlap_where_pictures_are_tall():
    figure = variation_figure([picture(32, 8)] * 2, [[picture(32, 8)]] * 2, ["a", "b"])
    above, below = figure.axes[0].get_position(), figure.axes[2].get_position()
    assert below.y1 < above.y0


@pytest.mark.parametrize(
    ("originals", "variations", "notes"),
    [([], [], []), ([picture()], [], ["a"]), ([picture()], [[picture()]], [])],
)
def test_pictures_without_a_row_are_refused(originals, variations, notes):
    with pytest.raises(ValueError, match=r"A sheet needs pictures, .* got \d pictures, \d rows"):
        variation_figure(originals, variations, notes)
